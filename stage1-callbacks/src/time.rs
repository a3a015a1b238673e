//! Waiting for the clock.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::deferred::{Cancelled, Deferred};
use crate::event_loop::call_later;

/// Fires after at least `duration`.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for `deferred`, but no longer than `duration`: then it is cancelled, and fails with
/// [`Elapsed`] unless its canceller had something else to say.
#[doc(alias = "addTimeout")]
#[track_caller]
pub fn timeout<T: 'static>(duration: Duration, deferred: Deferred<T>) -> Deferred<T> {
    let is_up = Rc::new(Cell::new(false));
    let was_up = Rc::clone(&is_up);
    // The clock keeps it: the time is up even for one that nobody can fire any more.
    let chain = Rc::clone(&deferred.chain);
    let timer = call_later(duration, move || {
        is_up.set(true);
        chain.cancel();
    });
    deferred.add_both(move |result| {
        timer.cancel();
        match result {
            Err(failure) if was_up.get() && failure.is::<Cancelled>() => {
                Err(Elapsed.into())
            }
            result => result,
        }
    })
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl Error for Elapsed {}
