//! What a greenlet is called, when somebody has to be told about it.

use std::cell::Cell;
use std::fmt;

use reactor::trace::{self, Place};

thread_local! {
    /// Set to zero by each loop; counted up by each greenlet.
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

/// Which greenlet it is, of those of its thread. The thread's own has the default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Name {
    /// Its name in a recording.
    pub(crate) subject: trace::Id,
    /// From 1, in the order in which the greenlets of a loop were made.
    pub(crate) number: u32,
    /// The type of its body.
    body: &'static str,
    place: Option<Place>,
}

impl Name {
    /// Of a greenlet that runs a function of that type, made where the caller is called.
    #[track_caller]
    pub(crate) fn new(type_name: &'static str) -> Self {
        let subject = trace::created(trace::Kind::Greenlet, type_name);
        let number = COUNT.get() + 1;
        COUNT.set(number);
        Self { subject, number, body: type_name, place: Some(Place::here()) }
    }

    /// Where it was made.
    pub(crate) fn spawned_at(&self) -> impl fmt::Display {
        let place = self.place.map(|it| format!("{}:{}", it.file(), it.line()));
        place.unwrap_or_else(|| "the start of its thread".into())
    }

    /// A loop begins: its first greenlet is number 1.
    pub(crate) fn start_over() {
        COUNT.set(0);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "greenlet {}", self.number)?;
        match trace::function(self.body) {
            Some(function) => write!(f, " ({function})"),
            None => Ok(()),
        }
    }
}
