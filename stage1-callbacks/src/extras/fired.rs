//! A deferred that has fired before anybody saw it.

use crate::deferred::{Deferred, Next, Outcome};
use crate::failure::{Failure, guard};

/// A deferred that has fired with a value.
#[track_caller]
pub fn succeed<T: 'static>(value: T) -> Deferred<T> {
    fired(Ok(value))
}

/// A deferred that has failed.
#[track_caller]
pub fn fail<T: 'static>(failure: impl Into<Failure>) -> Deferred<T> {
    fired(Err(failure.into()))
}

/// Calls `body`, and makes a deferred of whatever it gives; a deferred stays itself.
#[doc = include_str!("../../docs/maybe_deferred.md")]
#[doc(alias = "maybeDeferred")]
#[track_caller]
pub fn maybe_deferred<R: Outcome>(body: impl FnOnce() -> R) -> Deferred<R::Value> {
    match guard(body).map(Outcome::into_next) {
        Ok(Next::Wait(deferred)) => deferred,
        Ok(Next::Done(result)) => fired(result),
        Err(panic) => fired(Err(panic)),
    }
}

#[track_caller]
fn fired<T: 'static>(result: Result<T, Failure>) -> Deferred<T> {
    let (firer, deferred) = Deferred::new();
    firer.fire(result).expect("a new deferred has not fired");
    deferred
}
