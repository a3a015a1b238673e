//! Waiting for the clock.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use reactor::TimerId;
use reactor::trace::Place;

use crate::cancel::Exits;
use crate::event_loop::{current, try_current};

/// Lets other tasks run for at least `duration`, counted from the first poll.
#[track_caller]
pub fn sleep(duration: Duration) -> impl Future<Output = ()> {
    let place = Place::here();
    async move {
        let deadline = current().reactor.now().checked_add(duration);
        let mut alarm = Alarm { deadline, place, set: None };
        poll_fn(|context| alarm.poll(context)).await;
    }
}

/// The time was up.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for `body`, but no longer than `duration`: then it is dropped, and the exits that
/// it leaves behind are awaited.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
#[doc(alias = "wait_for")]
#[track_caller]
pub fn timeout<T>(
    duration: Duration,
    body: impl Future<Output = T>,
) -> impl Future<Output = Result<T, Elapsed>> {
    let alarm = sleep(duration);
    race(alarm, body)
}

/// Polls `body`, and then `alarm`, until one of them is done.
async fn race<T>(
    alarm: impl Future<Output = ()>,
    body: impl Future<Output = T>,
) -> Result<T, Elapsed> {
    let mut body = pin!(Some(body));
    let mut alarm = pin!(alarm);
    let mut exits = Exits::default();
    poll_fn(|context| {
        if let Some(running) = body.as_mut().as_pin_mut() {
            if let Poll::Ready(output) = running.poll(context) {
                return Poll::Ready(Ok(output));
            }
            if alarm.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            body.set(None);
        }
        exits.poll(context).map(|()| Err(Elapsed))
    })
    .await
}

/// A deadline, and the timer that was set for it. Dropped, it takes the timer back.
struct Alarm {
    /// `None`: so far off that no clock can show it.
    deadline: Option<Instant>,
    place: Place,
    /// Set by a poll; the reactor hands the waker back to be woken.
    set: Option<(TimerId, Waker)>,
}

impl Alarm {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        let event_loop = current();
        // Not at the first poll: a sleep of no time at all still lets the others run.
        if self.set.is_some() && event_loop.reactor.now() >= deadline {
            return Poll::Ready(());
        }
        let waker = context.waker();
        if !self.set.as_ref().is_some_and(|(_, set)| set.will_wake(waker)) {
            self.take_back();
            let _place = self.place.enter();
            let id = event_loop.reactor.wait_until(deadline, waker.clone());
            self.set = Some((id, waker.clone()));
        }
        Poll::Pending
    }

    fn take_back(&mut self) {
        if let (Some((id, _)), Some(event_loop)) = (self.set.take(), try_current()) {
            let waker = event_loop.reactor.cancel(id);
            drop(waker);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.take_back();
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl Error for Elapsed {}
