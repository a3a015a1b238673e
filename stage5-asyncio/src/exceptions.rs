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

/// The end of a stream came before all that was asked for.
#[doc(alias = "IncompleteReadError")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncompleteRead {
    /// What was there.
    pub partial: Vec<u8>,
    /// How many bytes were asked for. `None`: up to a separator.
    pub expected: Option<usize>,
}

/// What was asked for of a stream is more than its limit.
#[doc(alias = "LimitOverrunError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitOverrun {
    /// How many bytes come before the separator, at least.
    pub consumed: usize,
    /// Whether the separator was found behind them.
    pub is_found: bool,
}

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

impl fmt::Display for IncompleteRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes read on a total of ", self.partial.len())?;
        match self.expected {
            Some(expected) => write!(f, "{expected} expected bytes"),
            None => f.write_str("undefined expected bytes"),
        }
    }
}

impl fmt::Display for LimitOverrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_found {
            "Separator is found, but chunk is longer than limit"
        } else {
            "Separator is not found, and chunk exceed the limit"
        })
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
impl Error for IncompleteRead {}
impl Error for LimitOverrun {}

impl<E: Error + 'static> Error for ExceptionGroup<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.exceptions.first().map(|first| first as _)
    }
}
