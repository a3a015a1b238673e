//! A failure: an error on its way to whoever can do something about it.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

pub use crate::extras::report::on_report;

/// Any error, as it travels between greenlets. `?` makes one of every error, and of a text. (It is
/// itself no [`Error`], as `Box<dyn Error>` is none: `?` could not tell it from those.)
///
/// ```
/// use interlude_greenlets::Failure;
/// use std::num::ParseIntError;
///
/// fn double(text: &str) -> Result<i32, Failure> {
///     let n: i32 = text.parse()?; // of an error
///     if n > 1000 { Err("too much".into()) } else { Ok(2 * n) } // of a text
/// }
///
/// assert_eq!(double("21").unwrap(), 42);
/// let failure = double("many").unwrap_err();
/// assert!(failure.is::<ParseIntError>());
/// assert_eq!(double("2000").unwrap_err().to_string(), "too much");
/// ```
#[derive(Clone)]
pub struct Failure(pub(crate) Arc<dyn Error + Send + Sync>);

impl Failure {
    /// Whether the error is an `E`.
    #[doc(alias = "check")]
    pub fn is<E: Error + 'static>(&self) -> bool {
        self.0.is::<E>()
    }

    /// The error, if it is an `E`.
    pub fn get<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error, whatever it is.
    #[doc(alias = "value")]
    pub fn error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }

    /// Raises the failure, as Python raises an exception: the stack is unwound, guards are
    /// dropped, until somebody catches it. It is no bug, so no panic hook speaks up.
    pub(crate) fn raise(self) -> ! {
        resume_unwind(Box::new(self))
    }
}

/// Calls `body`, and turns what unwinds its stack into a failure.
pub(crate) fn guard<T>(body: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(body)).map_err(Failure::caught)
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure({:?})", self.0)
    }
}

/// Ends a greenlet when it is raised inside. Its parent gets it as an ordinary value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the greenlet is asked to end")]
pub struct GreenletExit;
