//! A loop that nobody can wake any more: it says so, and who still waits.

use std::cell::RefCell;
use std::fmt::Write;
use std::io;
use std::rc::{Rc, Weak};

use crate::deferred::Chain;
use crate::event_loop::EventLoop;

/// How many deferreds are told of, at the most.
const MANY: usize = 100;

thread_local! {
    /// Filled by every new deferred; read by `explain`. Those that have come to their end are
    /// forgotten whenever there is no more room.
    static MADE: RefCell<Vec<Weak<Chain>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a deferred in mind until it has come to its end.
pub(crate) fn remember(chain: &Rc<Chain>) {
    // At the end of its thread nobody will ask.
    let _ = MADE.try_with(|made| {
        let mut made = made.borrow_mut();
        if made.len() == made.capacity() {
            made.retain(|chain| chain.upgrade().is_some_and(|it| it.is_waiting()));
            let live = made.len();
            made.reserve(live.max(16));
        }
        made.push(Rc::downgrade(chain));
    });
}

impl EventLoop {
    /// Whether a sleep can end: there is a timer, somebody waits for a socket, or another
    /// thread has, or had, a way to call in.
    pub(crate) fn can_be_woken(&self) -> bool {
        self.mailbox.is_in_use() || self.reactor.is_waited_for()
    }

    /// An error of the reactor. A deadlock is told with the deferreds that are in it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::Deadlock {
            return error;
        }
        let pending = pending();
        let mut text = format!(
            "nobody can wake this loop any more: {} pending, {} outside, {}, {}",
            count(pending.len(), "deferred"),
            count(self.mailbox.handles(), "waker"),
            count(self.reactor.timers(), "timer"),
            count(self.reactor.waiters(), "socket"),
        );
        for chain in pending.iter().take(MANY) {
            let why = if chain.fired.get() {
                "waits for one that is gone"
            } else {
                "has not fired"
            };
            write!(text, "\n  a deferred, made at {}, {why}", chain.made_at)
                .expect("a string takes it all");
        }
        if let Some(more) = pending.len().checked_sub(MANY).filter(|more| *more > 0) {
            write!(text, "\n  and {more} more").expect("a string takes it all");
        }
        if pending.is_empty() {
            text.push_str("\n  nobody has called stop(), and nobody is left who could");
        }
        io::Error::new(io::ErrorKind::Deadlock, text)
    }
}

impl Chain {
    fn is_waiting(&self) -> bool {
        !self.fired.get() || self.waits_for.borrow().is_some()
    }

    /// Whether it waits for somebody to fire it, or for one that nobody can fire.
    fn is_pending(&self) -> bool {
        self.is_waiting() && self.inner().is_none()
    }
}

/// The deferreds of this thread that are pending, in the order in which they were made.
fn pending() -> Vec<Rc<Chain>> {
    let made: Vec<_> =
        MADE.with_borrow(|made| made.iter().filter_map(Weak::upgrade).collect());
    made.into_iter().filter(|chain| chain.is_pending()).collect()
}

/// `1 timer`, `2 timers`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
