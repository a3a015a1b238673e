//! Waiting for the clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reactor::TimerId;
use reactor::trace::Place;

use crate::event_loop::try_current;
use crate::events::{Ready, get_running_loop};
use crate::extras::waiter::Waiter;
use crate::tasks::{WaitsFor, waits};

/// Lets other tasks run for at least `duration`, counted from the first poll.
#[track_caller]
pub fn sleep(duration: Duration) -> impl Future<Output = ()> {
    Alarm { duration, place: Place::here(), set: None }
}

/// A time to wait, and the timer that was set for it. Dropped, it takes the timer back.
struct Alarm {
    duration: Duration,
    place: Place,
    /// Set by a poll: the deadline (`None` is never), the timer, and whom it wakes.
    set: Option<(Option<Instant>, TimerId, Waiter)>,
}

impl Future for Alarm {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let event_loop = get_running_loop();
        let reactor = event_loop.reactor();
        let is_over =
            |deadline: Option<Instant>| deadline.is_some_and(|it| reactor.now() >= it);
        // Not at the first poll: a sleep of no time at all still lets the others run.
        if self.set.as_ref().is_some_and(|(deadline, ..)| is_over(*deadline)) {
            return Poll::Ready(());
        }
        waits(WaitsFor::Other("the clock"), self.place);
        let deadline = match &self.set {
            Some((.., waiter)) if waiter.is(context) => {
                return Poll::Pending;
            }
            Some((deadline, ..)) => *deadline,
            None => reactor.after(self.duration),
        };
        self.take_back();
        let waiter = Waiter::of(context);
        let _place = self.place.enter();
        let id = reactor.wait_until(deadline, Ready::wake(waiter.clone()));
        self.set = Some((deadline, id, waiter));
        Poll::Pending
    }
}

impl Alarm {
    fn take_back(&mut self) {
        if let (Some((_, id, _)), Some(event_loop)) = (self.set.take(), try_current()) {
            let ready = event_loop.reactor().cancel(id);
            drop(ready);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.take_back();
    }
}
