//! An error on its way to whoever handles it: Twisted's `Failure`.

use std::error::Error;
use std::fmt;
use std::rc::Rc;

pub use crate::extras::panics::Panicked;
pub(crate) use crate::extras::panics::guard;
pub use crate::extras::reports::on_report;
pub(crate) use crate::extras::reports::{bury, report};

/// Any error, shared and still recognisable. `?` makes one of every error, and of a text;
/// [`trap`](Self::trap) lets one kind out again. (It is itself no [`Error`], as `Box<dyn Error>`
/// is none: `?` could not tell it from those. [`error`](Self::error) is what it carries.)
#[doc = include_str!("../docs/failure.md")]
#[derive(Clone)]
pub struct Failure(Rc<dyn Error>);

impl Failure {
    /// Whether the error is an `E`. Types are exact: Rust's errors have no base classes.
    #[doc(alias = "check")]
    pub fn is<E: Error + 'static>(&self) -> bool {
        self.0.is::<E>()
    }

    /// The error, if it is an `E`.
    pub fn get<E: Error + 'static>(&self) -> Option<&E> {
        self.0.downcast_ref()
    }

    /// The error if it is an `E`. Chain several traps for several kinds.
    ///
    /// # Errors
    ///
    /// Any other failure, unchanged: on to the next errback.
    pub fn trap<E: Error + 'static>(&self) -> Result<&E, Self> {
        self.get().ok_or_else(|| self.clone())
    }

    /// The error, whatever it is.
    #[doc(alias = "value")]
    pub fn error(&self) -> &(dyn Error + 'static) {
        &*self.0
    }

    /// What the error came from.
    pub fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into().into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
