//! Waiting for the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reactor::TimerId;
use reactor::trace::Place;

use crate::event_loop::{EventLoop, with_current};
use crate::events::{Ready, get_running_loop};
use crate::extras::waiter::Waiter;
use crate::tasks::{WaitsFor, waits};

/// Lets other tasks run for at least `duration`, counted from the first poll. For no time at all, it
/// lets each of those that are ready have one turn, as `asyncio.sleep(0)` does.
#[track_caller]
pub fn sleep(duration: Duration) -> impl Future<Output = ()> {
    Alarm { duration, place: Place::here(), set: None, had_its_turn: false }
}

/// A time to wait, and the timer that was set for it. Dropped, it takes the timer back.
struct Alarm {
    duration: Duration,
    place: Place,
    /// Set by a poll: the deadline (`None` is never), the timer, and whom it wakes.
    set: Option<(Option<Instant>, TimerId, Waiter)>,
    /// Set by the first poll of a sleep of no time at all.
    had_its_turn: bool,
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.duration.is_zero() {
            return self.poll_turn(context);
        }
        let now =
            with_current(EventLoop::time).unwrap_or_else(|| get_running_loop().time());
        let deadline = self.set.as_ref().map(|(deadline, ..)| *deadline);
        if deadline.flatten().is_some_and(|deadline| now >= deadline) {
            return Poll::Ready(());
        }
        waits(WaitsFor::Other("the clock"), self.place);
        if self.set.as_ref().is_some_and(|(.., waiter)| waiter.is(context)) {
            return Poll::Pending;
        }
        self.take_back();
        let deadline = deadline.unwrap_or_else(|| now.checked_add(self.duration));
        let waiter = Waiter::of(context);
        let ready = Ready::wake(waiter.clone());
        let _place = self.place.enter();
        let set =
            |event_loop: &EventLoop| event_loop.reactor().wait_until(deadline, ready);
        self.set = with_current(set).map(|id| (deadline, id, waiter));
        Poll::Pending
    }
}

impl Alarm {
    /// A sleep of no time at all lets the others have their turn, and asks no clock.
    #[doc(alias = "__sleep0")]
    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.had_its_turn, true) {
            return Poll::Ready(());
        }
        waits(WaitsFor::Other("the clock"), self.place);
        let _place = self.place.enter();
        Waiter::of(context).wake();
        Poll::Pending
    }

    fn take_back(&mut self) {
        if let Some((_, id, _)) = self.set.take() {
            let ready = with_current(|event_loop| event_loop.reactor().cancel(id));
            drop(ready);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.take_back();
    }
}
