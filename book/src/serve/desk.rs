//! How the reader's exercises stand. One is built and run when its file has changed and somebody
//! looks at its page: one at a time, and nobody waits for it but the page.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use exercises::catalogue::Exercise;
use exercises::desk::{Desk, Interrupt};
use lineage::args::Number;

use super::GRACE;
use super::http::Answer;
use crate::exercise;
use crate::tried::{Told, tried};

/// How long a build and its run may take. The first one builds what all exercises stand on.
const MOST: Duration = Duration::from_mins(10);

/// How large a file may be, in bytes: more than anybody writes.
const LARGEST: u64 = 1 << 20;

/// The exercises of a workspace, and what is known of them.
#[derive(Debug)]
pub(super) struct Exercises {
    book: PathBuf,
    root: PathBuf,
    known: Mutex<Known>,
    /// The job has ended.
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Known {
    /// The last verdicts, and on what.
    told: BTreeMap<Number, (Source, Arc<Told>)>,
    job: Option<Job>,
    /// Nothing begins any more.
    is_over: bool,
}

/// An exercise that is being built and run.
#[derive(Debug)]
struct Job {
    number: Number,
    source: Source,
    interrupt: Interrupt,
}

/// What a verdict follows from: the text, and which version of the workspace is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    text: String,
    version: u64,
}

/// Makes room for the next job when it is dropped.
struct Place<'a>(&'a Exercises);

impl Exercises {
    pub(super) fn of(book: &Path, root: &Path) -> Self {
        let (book, root) = (book.to_owned(), root.to_owned());
        Self { book, root, known: Mutex::default(), ended: Condvar::new() }
    }

    /// How an exercise stands, for a query such as `2.1&STATE`; `null`, if that is the state.
    /// If its file has changed, it begins to find out.
    pub(super) fn answer(self: &Arc<Self>, query: &str, version: u64) -> Answer {
        let (name, state) = query.split_once('&').unwrap_or((query, ""));
        match Exercise::named(&exercise::folder(&self.root), name) {
            Ok(exercise) => {
                let told = self.told(&exercise, version);
                Answer::json(&(told.state != state).then_some(&*told))
            }
            Err(error) => Answer::text("400 Bad Request", &error.to_string()),
        }
    }

    /// Ends what runs, and nothing begins any more.
    pub(super) fn stop(&self) {
        let mut known = self.lock();
        known.is_over = true;
        if let Some(job) = &known.job {
            job.interrupt.now();
        }
        drop(self.ended.wait_timeout_while(known, GRACE, |known| known.job.is_some()));
    }

    fn told(self: &Arc<Self>, exercise: &Exercise, version: u64) -> Arc<Told> {
        let number = exercise.number;
        let text = match read(&Desk::of_the_reader(&self.root).exercise(number)) {
            Ok(text) => text,
            Err(error) => return Arc::new(Told::only(&not_read(number, &error))),
        };
        let source = Source { text, version };
        let mut known = self.lock();
        match (known.told.get(&number), &known.job) {
            (Some((of, told)), _) if *of == source => return Arc::clone(told),
            _ if known.is_over => {}
            (_, None) => self.begin(exercise, source, &mut known),
            (_, Some(job)) if job.number != number => {
                let words = format!("Exercise {} is built and run first …", job.number);
                return Arc::new(Told::new(&words, None));
            }
            (_, Some(job)) if job.source != source => job.interrupt.now(),
            _ => {}
        }
        Arc::new(Told::new("Building and running it …", None))
    }

    fn begin(self: &Arc<Self>, exercise: &Exercise, source: Source, known: &mut Known) {
        let (all, exercise) = (Arc::clone(self), exercise.clone());
        let interrupt = Interrupt::after(MOST);
        let (number, version) = (exercise.number, source.version);
        known.job =
            Some(Job { number, source: source.clone(), interrupt: interrupt.clone() });
        thread::spawn(move || {
            let place = Place(&all);
            let desk = Desk::of_the_reader(&all.root).ended_by(interrupt.clone());
            let (source, told) = match tried(&all.book, &desk, &exercise) {
                Ok((text, told)) => (Source { text, version }, told),
                Err(_) if interrupt.is_wished() => return,
                Err(error) => (source, Told::only(&not_tried(&error))),
            };
            all.lock().told.insert(number, (source, Arc::new(told)));
            drop(place);
        });
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().job = None;
        self.0.ended.notify_all();
    }
}

/// The text of a file that the reader may be writing.
fn read(path: &Path) -> io::Result<String> {
    // A pipe would be read to an end that never comes.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}

fn not_read(number: Number, error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => {
            format!(
                "You have not begun. This makes your file: cargo run -- check {number}"
            )
        }
        ErrorKind::InvalidData => "Your file is no text.".to_owned(),
        _ => format!("Your file cannot be read: {error}."),
    }
}

fn not_tried(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::Interrupted => format!("It was not built within {MOST:?}."),
        _ => format!("It cannot be tried: {error}."),
    }
}
