//! Waiting for the clock.

use std::rc::Rc;
use std::time::Duration;

use thiserror::Error;

use crate::deferred::{Cancelled, Deferred};
use crate::event_loop::call_later;

/// Fires after at least `duration`.
#[doc = include_str!("../docs/sleep.md")]
#[doc(alias = "deferLater")]
#[track_caller]
pub fn sleep(duration: Duration) -> Deferred<()> {
    let (firer, deferred) = Deferred::new();
    let timer = call_later(duration, move || {
        // A deferred that was cancelled took its timer back, so this one is still waiting.
        let _ = firer.fire(Ok(()));
    });
    deferred.given_up_by(move || timer.cancel())
}

/// The time was up.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the time was up")]
pub struct Elapsed;

/// Waits for `deferred`, but no longer than `duration`: then it is cancelled, and fails with
/// [`Elapsed`] unless its canceller had something else to say.
#[doc = include_str!("../docs/timeout.md")]
#[doc(alias = "addTimeout")]
#[track_caller]
pub fn timeout<T: 'static>(duration: Duration, deferred: Deferred<T>) -> Deferred<T> {
    // The clock keeps it: the time is up even for one that nobody can fire any more.
    let chain = Rc::clone(&deferred.chain);
    let timer = call_later(duration, move || chain.cancel());
    deferred.add_both(move |result| {
        let was_up = timer.try_cancel().is_err();
        match result {
            Err(failure) if was_up && failure.is::<Cancelled>() => Err(Elapsed.into()),
            result => result,
        }
    })
}
