//! What mdBook mumbles while it builds: it warns where a strict build has to fail.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::origin::Origins;
use crate::problem::Problem;

/// Keeps warnings and errors, and nothing else.
#[derive(Clone, Default)]
struct Listener {
    heard: Arc<Mutex<Vec<String>>>,
}

/// The text of an event.
#[derive(Default)]
struct Message(String);

/// Does something, and gives what mdBook has warned of meanwhile.
pub fn gather<R>(something: impl FnOnce() -> R) -> (R, Vec<String>) {
    let listener = Listener::default();
    let heard = Arc::clone(&listener.heard);
    let result = tracing::subscriber::with_default(listener, something);
    let heard =
        std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    (result, heard)
}

/// What was warned of, with its place as far as that is known.
pub fn problems(heard: Vec<String>, origins: &Origins) -> Vec<Problem> {
    heard.into_iter().map(|message| problem(message, origins)).collect()
}

/// mdBook names the chapter in the middle of its sentence, and perhaps a tag.
fn problem(message: String, origins: &Origins) -> Problem {
    let is_chapter =
        |word: &&str| Path::new(word).extension().is_some_and(|it| it == "md");
    let chapter = message.split('`').find(is_chapter).unwrap_or("mdBook").to_owned();
    let tag = message.split('`').find_map(|it| it.strip_suffix('>')).unwrap_or("");
    let lines = origins.get(&chapter).map(|it| it.lines_with(tag)).unwrap_or_default();
    let line = lines.first().filter(|_| lines.len() == 1).copied();
    Problem::new(&chapter, line, message)
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What parses HTML complains to mdBook, and mdBook to us.
        *metadata.level() <= Level::WARN && metadata.target().starts_with("mdbook")
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message::default();
        event.record(&mut message);
        // One line a problem; the rest is advice.
        let line = message.0.lines().next().unwrap_or_default().to_owned();
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            _ = write!(self.0, "{value:?}");
        }
    }
}
