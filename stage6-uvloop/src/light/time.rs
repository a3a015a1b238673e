//! Waiting for the clock of the loop.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::set::{self, Set, nanoseconds};
use super::timers::Timer;

/// Lets others run for at least `duration`, counted from the first poll.
///
/// # Panics
///
/// Its first poll panics outside of every scope.
pub fn sleep(duration: Duration) -> Sleep {
    Sleep { duration, set: None }
}

/// A time to wait. Dropped, it takes its timer back.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    duration: Duration,
    /// Made by the first poll.
    set: Option<Asleep>,
}

struct Asleep {
    among: Rc<Set>,
    timer: Timer,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(asleep) = &self.set else {
            self.set = Some(Asleep::begin(self.duration, context));
            return Poll::Pending;
        };
        let mut timers = asleep.among.timers.borrow_mut();
        // It is there until its time has come.
        let Some(waker) = timers.waker(asleep.timer) else { return Poll::Ready(()) };
        let before = (!waker.will_wake(context.waker()))
            .then(|| std::mem::replace(waker, context.waker().clone()));
        drop((timers, before));
        Poll::Pending
    }
}

impl Asleep {
    fn begin(duration: Duration, context: &Context<'_>) -> Self {
        let among = set::with_running(Set::keep);
        let until = among.now().saturating_add(nanoseconds(duration));
        let timer = among.timers.borrow_mut().add(until, context.waker().clone());
        Self { among, timer }
    }
}

impl Drop for Asleep {
    fn drop(&mut self) {
        let waker = self.among.timers.borrow_mut().remove(self.timer);
        drop(waker);
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").field("duration", &self.duration).finish_non_exhaustive()
    }
}

/// It was not done in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was not done in time")
    }
}

impl Error for Elapsed {}

/// Awaits `body`, but no longer than `duration`. What is ready at once sets no timer.
///
/// # Errors
///
/// [`Elapsed`]: then `body` is dropped.
///
/// # Panics
///
/// As [`sleep`].
pub async fn timeout<F: Future>(
    duration: Duration,
    body: F,
) -> Result<F::Output, Elapsed> {
    let (mut body, mut time) = (pin!(body), pin!(sleep(duration)));
    poll_fn(|context| {
        if let Poll::Ready(output) = body.as_mut().poll(context) {
            return Poll::Ready(Ok(output));
        }
        time.as_mut().poll(context).map(|()| Err(Elapsed))
    })
    .await
}
