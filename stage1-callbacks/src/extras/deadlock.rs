//! A loop that nobody can wake any more: it says so, and who still waits.

use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::io;
use std::rc::{Rc, Weak};

use slab::Slab;

use crate::deferred::Chain;
use crate::event_loop::EventLoop;

/// How many deferreds are told of, at the most.
const MANY: usize = 100;

thread_local! {
    /// Filled by every new deferred, emptied by its drop; read by `explain`.
    static ALIVE: RefCell<Slab<Weak<Chain>>> = const { RefCell::new(Slab::new()) };

    /// How many deferreds there were so far: tells in which order they were made.
    static MADE: Cell<u64> = const { Cell::new(0) };
}

/// Where a deferred is kept in mind, and how many there were before it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seat {
    index: usize,
    number: u64,
}

/// Keeps a deferred in mind until it is dropped.
pub(crate) fn remember(chain: Weak<Chain>) -> Seat {
    let number = MADE.get() + 1;
    MADE.set(number);
    // At the end of its thread nobody will ask.
    let index = ALIVE.try_with(|alive| alive.borrow_mut().insert(chain));
    Seat { index: index.unwrap_or_default(), number }
}

/// It is dropped.
pub(crate) fn forget(seat: Seat) {
    let _ = ALIVE.try_with(|alive| drop(alive.borrow_mut().try_remove(seat.index)));
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
    /// Whether it waits for somebody to fire it, or for one that nobody can fire.
    fn is_pending(&self) -> bool {
        let is_waiting = !self.fired.get() || self.waits_for.borrow().is_some();
        is_waiting && self.inner().is_none()
    }
}

/// The deferreds of this thread that are pending, in the order in which they were made.
fn pending() -> Vec<Rc<Chain>> {
    let alive = |alive: &Slab<Weak<Chain>>| -> Vec<_> {
        alive.iter().filter_map(|(_, chain)| chain.upgrade()).collect()
    };
    let mut pending = ALIVE.with_borrow(alive);
    pending.retain(|chain| chain.is_pending());
    pending.sort_by_key(|chain| chain.seat.number);
    pending
}

/// `1 timer`, `2 timers`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use slab::Slab;

    use super::ALIVE;
    use crate::deferred::Deferred;

    // A weak reference keeps the room of a chain, though not the chain.
    #[test]
    fn a_deferred_that_is_dropped_is_kept_in_mind_no_longer() {
        let _kept = Deferred::<()>::new();
        for _ in 0..100 {
            drop(Deferred::<()>::new());
        }
        assert_eq!(ALIVE.with_borrow(Slab::len), 1);
    }
}
