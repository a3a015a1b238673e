//! One who waits, where there can be only one: whoever came last.

use std::cell::Cell;
use std::task::Context;

use reactor::trace;

use crate::extras::deadlock::WaitsFor;
use crate::extras::waiter::Waiter;

/// Filled by a poll in vain, emptied by what was waited for.
#[derive(Default)]
pub(crate) struct Seat(Cell<Option<Waiter>>);

impl Seat {
    /// Has whoever is polled with `context` woken, who waits for `what` at that line.
    pub(crate) fn take(
        &self,
        context: &Context<'_>,
        what: &'static str,
        at: trace::Place,
    ) {
        let waiter = Waiter::of(context, WaitsFor::Shared(what));
        drop(self.0.replace(Some(waiter)));
        trace::waits_at(at);
    }

    #[track_caller]
    pub(crate) fn wake(&self) {
        if let Some(waiter) = self.0.take() {
            waiter.wake();
        }
    }

    /// Nobody waits any more.
    pub(crate) fn leave(&self) {
        drop(self.0.take());
    }
}
