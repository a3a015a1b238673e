//! What can go wrong with a generator.

use thiserror::Error;

use crate::failure::Failure;

pub use crate::extras::depth::TooDeep;

/// A value was sent to a generator that stands at no yield.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("can't send a value to a generator that has just been created")]
pub struct NotStarted;

/// A generator was started twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generator has already started")]
pub struct AlreadyStarted;

/// A generator was resumed from within itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generator is already executing")]
pub struct AlreadyRunning;

/// A generator was resumed after its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generator is finished")]
pub struct Finished;

/// What `close` raises in a body: everything that cleans up gets to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generator was closed")]
pub struct GeneratorExit;

/// A body yielded although it was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generator ignored GeneratorExit")]
pub struct IgnoredExit;

/// A body awaited a yield while another one had no answer yet, as in a join or a select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a generator stands at one yield at a time, and an earlier one has no answer yet: await \
     this one after that, or in a generator of its own"
)]
pub struct SecondYield;

/// A body awaited something other than its yield: nobody here could ever wake it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a generator may only await its own yields: nobody would wake it again")]
pub struct ForeignAwait;

/// A body let another generator's [`Finished`] escape. "Finished" is an answer, not an error
/// that may end somebody else (PEP 479).
#[derive(Debug, Error)]
#[error("the generator raised Finished")]
pub struct RaisedFinished(#[source] Finished);

impl RaisedFinished {
    /// What a body raised, unless that would pass for its own end.
    pub(crate) fn instead(failure: Failure) -> Failure {
        if failure.is::<Finished>() { Self(Finished).into() } else { failure }
    }
}
