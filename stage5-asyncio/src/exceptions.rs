//! What can go wrong, by the names that asyncio has for it.

use std::error::Error;
use std::fmt;

/// Somebody was cancelled. In an awaiting task it is not a value but a way out: it goes outward
/// to the next [`catch_cancel`](crate::cancel::catch_cancel), and runs what is on the way.
#[doc(alias = "CancelledError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled;

/// A future was asked for a result that it has not, or given a second one.
#[doc(alias = "InvalidStateError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidState;

/// The time was up.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Somebody waits at a barrier that was aborted, or reset.
#[doc(alias = "BrokenBarrierError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenBarrier;

/// A group of tasks whose body or children failed: every error, in the order in which they
/// came.
#[doc(alias("BaseExceptionGroup", "except*"))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionGroup<E> {
    /// Never empty.
    pub exceptions: Vec<E>,
}

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was cancelled")
    }
}

impl fmt::Display for InvalidState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the future has no result yet, or has one already")
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl fmt::Display for BrokenBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken: somebody aborted it, or reset it")
    }
}

impl<E: fmt::Display> fmt::Display for ExceptionGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed in the group", self.exceptions.len())?;
        for (n, error) in self.exceptions.iter().enumerate() {
            write!(f, "{} {error}", if n == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl Error for Cancelled {}
impl Error for InvalidState {}
impl Error for Elapsed {}
impl Error for BrokenBarrier {}

impl<E: Error + 'static> Error for ExceptionGroup<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.exceptions.first().map(|first| first as _)
    }
}
