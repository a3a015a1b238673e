//! A loop that nobody can wake any more: it says so, and who waits for what.

use std::fmt::Write;
use std::io;
use std::rc::Weak;

use reactor::trace::{self, Place};

use crate::event_loop::EventLoop;
use crate::future::Slot;
use crate::task::Running;

/// How many tasks are told of, at the most.
const MANY: usize = 100;

impl EventLoop {
    /// Whether a sleep can end: there is a timer, somebody waits for a socket, or another
    /// thread has, or had, a way to call in.
    pub(crate) fn can_be_woken(&self) -> bool {
        self.mailbox.is_in_use() || self.reactor.is_waited_for()
    }

    /// An error of the reactor. A deadlock is told with the names of all who are in it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::Deadlock {
            return error;
        }
        let tasks: Vec<_> =
            self.tasks.borrow().iter().filter_map(Weak::upgrade).collect();
        let pending: Vec<_> = tasks.iter().filter_map(|task| task.pending()).collect();
        let mut text = format!(
            "nobody can wake this loop any more: {} pending, {} outside, {}, {}",
            count(pending.len(), "task"),
            count(self.mailbox.handles(), "waker"),
            count(self.reactor.timers(), "timer"),
            count(self.reactor.waiters(), "socket"),
        );
        for task in pending.iter().take(MANY) {
            write!(text, "\n  {task}").expect("a string takes it all");
        }
        if let Some(more) = pending.len().checked_sub(MANY).filter(|more| *more > 0) {
            write!(text, "\n  and {more} more").expect("a string takes it all");
        }
        io::Error::new(io::ErrorKind::Deadlock, text)
    }
}

/// What is told of whatever somebody waits for.
pub(crate) trait Told {
    /// What it is, in words.
    fn what(&self) -> String;
}

impl<T: 'static> Told for Slot<T> {
    fn what(&self) -> String {
        self.what.to_owned()
    }
}

impl<T: 'static> Told for Running<T> {
    fn what(&self) -> String {
        task(self.number, self.coroutine.name())
    }
}

/// `1 timer`, `2 timers`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What a task is called: by its number, and by the function that it runs.
fn task(number: u32, type_name: &str) -> String {
    match trace::function(type_name) {
        Some(function) => format!("task {number} ({function})"),
        None => format!("task {number}"),
    }
}

/// What is said of a task that waits: for what, and in which line if that is known.
pub(crate) fn waits(
    task: &str,
    spawned: Place,
    what: Option<String>,
    at: Option<Place>,
) -> String {
    let line = |place: Place| format!("{}:{}", place.file(), place.line());
    let what = what.unwrap_or_else(|| "its turn".to_owned());
    let at = at.map(|place| format!(" at {}", line(place))).unwrap_or_default();
    format!("{task}, spawned at {}, waits for {what}{at}", line(spawned))
}
