//! Waiting for the clock.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use reactor::TimerId;
use reactor::trace::Place;

use crate::event_loop::{EventLoop, GreenletId, current};
use crate::failure::Failure;
use crate::greenlet;

/// Lets other greenlets run for at least `duration`. On a stack that is being unwound it is
/// over at once.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn sleep(duration: Duration) {
    let alarm = Alarm::set(duration, None);
    let _ = alarm.event_loop.park(alarm.id);
}

/// The time was up.
#[doc(alias("Timeout", "TimeoutError"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Calls `body`, but gives it no more than `duration`: then its stack is unwound from
/// wherever it waits, as gevent's `Timeout` does it. A body that does not wait, or that
/// catches what unwinds it, is not stopped.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
///
/// # Panics
///
/// Panics when no loop is running on this thread, and with whatever `body` panics with.
#[doc(alias("with_timeout", "wait_for"))]
#[track_caller]
pub fn timeout<T>(duration: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
    let time_up = Failure::from(Elapsed);
    let alarm = Alarm::set(duration, Some(time_up.clone()));
    let end = catch_unwind(AssertUnwindSafe(body));
    drop(alarm);
    end.or_else(|payload| match payload.downcast_ref::<Failure>() {
        Some(failure) if failure.is_same(&time_up) => Err(Elapsed),
        _ => resume_unwind(payload),
    })
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl Error for Elapsed {}

/// A wait for the clock. Dropped, it takes the timer back.
struct Alarm {
    event_loop: Rc<EventLoop>,
    id: GreenletId,
    timer: TimerId,
}

impl Alarm {
    #[track_caller]
    fn set(duration: Duration, raise: Option<Failure>) -> Self {
        let _place = Place::here().enter();
        let event_loop = current();
        let id = event_loop.expect(&greenlet::current(), raise);
        let deadline = event_loop.reactor.after(duration);
        let timer = event_loop.reactor.wait_until(deadline, id);
        Self { event_loop, id, timer }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = self.event_loop.reactor.cancel(self.timer);
        self.event_loop.forget(self.id);
    }
}
