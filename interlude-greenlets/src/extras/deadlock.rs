//! A loop that nobody can wake any more: who waits, and what for.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::io;
use std::rc::Rc;

use crate::event_loop::EventLoop;
use crate::extras::name::Name;
use crate::extras::waiting::Waiter;
use crate::greenlet::Greenlet;

/// How many greenlets are told of.
const MANY: usize = 100;

/// What a greenlet waits for.
#[derive(Clone, Copy)]
pub(crate) enum What {
    Turn,
    Switch,
    Clock,
    Socket,
    Semaphore,
    Event,
    Condition,
    Queue,
    Several,
    Pool,
    Future,
    Greenlet(Name),
}

impl EventLoop {
    /// Keeps a task in mind no longer, because it has ended.
    pub(crate) fn forget_task(&self, name: Name) {
        self.tasks.borrow_mut().remove(&name.number);
    }

    /// Whether a sleep can end: there is a timer, a socket or a waker, or one that was used.
    pub(crate) fn can_be_woken(&self) -> bool {
        // In this order: whoever gives its waker up has used it before.
        let is_outside = self.woken.outside() > 0 || !self.woken.is_empty();
        is_outside || self.reactor.is_waited_for()
    }

    /// An error of the reactor; for a deadlock, with the names of all who are in it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::Deadlock {
            return error;
        }
        let pending = self.pending();
        let mut text = format!(
            "nobody can wake this loop any more: {} pending, {} outside, {}, {}",
            count(pending.len(), "greenlet"),
            count(self.woken.outside(), "waker"),
            count(self.reactor.timers(), "timer"),
            count(self.reactor.waiters(), "socket"),
        );
        for (name, what) in pending.iter().take(MANY) {
            let place = name.spawned_at();
            write!(text, "\n  {name}, spawned at {place}, waits for {what}")
                .expect("a string takes it all");
        }
        if let Some(more) = pending.len().checked_sub(MANY).filter(|more| *more > 0) {
            write!(text, "\n  and {more} more").expect("a string takes it all");
        }
        io::Error::new(io::ErrorKind::Deadlock, text)
    }

    /// Everybody who has not ended, as far as the loop knows them, in the order in which they
    /// were made.
    fn pending(&self) -> Vec<(Name, What)> {
        let entry = |it: &Greenlet, what| {
            ((it.0.name.number, Rc::as_ptr(&it.0)), (it.0.name, what))
        };
        let tasks = self.tasks.borrow();
        let tasks = tasks.values().filter_map(|it| it.upgrade().map(Greenlet));
        let mut pending: BTreeMap<_, _> =
            tasks.filter(|it| !it.is_dead()).map(|it| entry(&it, What::Switch)).collect();
        let waiting = self.waiting.borrow();
        let waiting = waiting.all().filter(|it| it.raise.is_none());
        pending
            .extend(waiting.map(|Waiter { greenlet, what, .. }| entry(greenlet, *what)));
        pending.into_values().collect()
    }
}

/// `1 timer`, `2 timers`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn => "its turn",
            Self::Switch => "a switch",
            Self::Clock => "the clock",
            Self::Socket => "a socket",
            Self::Semaphore => "a semaphore",
            Self::Event => "an event",
            Self::Condition => "a condition",
            Self::Queue => "a queue",
            Self::Several => "one of several",
            Self::Pool => "room in a pool",
            Self::Future => "a future",
            Self::Greenlet(name) => return name.fmt(f),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::extras::current::current;
    use crate::{run, spawn};

    // A weak reference keeps the room of a greenlet, though not the greenlet.
    #[test]
    fn tasks_that_have_ended_are_kept_in_mind_no_longer() {
        let kept = run(|| {
            for _ in 0..100 {
                spawn(|| ()).join().expect("it returns");
            }
            current().tasks.borrow().len()
        });
        assert_eq!(kept.expect("it has a reactor"), 1, "main has not ended");
    }
}
