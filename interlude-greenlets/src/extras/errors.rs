//! Errors that say what went wrong between greenlets.

use std::any::Any;
use std::error::Error;
use std::io;
use std::sync::Arc;

use crate::extras::report::bury;
use crate::failure::Failure;

/// A greenlet panicked; this is what it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a greenlet panicked: {0}")]
pub struct Panicked(String);

impl Panicked {
    pub(crate) fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| payload.downcast_ref().cloned());
        Self(text.unwrap_or_else(|| "something that is no text".into()))
    }
}

impl Failure {
    /// The error if it is an `E`. Chain several traps for several kinds.
    ///
    /// # Errors
    ///
    /// Any other failure, unchanged: on to whoever can do something about it.
    pub fn trap<E: Error + 'static>(&self) -> Result<&E, Self> {
        self.get().ok_or_else(|| self.clone())
    }

    /// What the error came from.
    pub fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error().source()
    }
}

impl Failure {
    /// Whether it is this very failure, and not another with the same error.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What unwound a stack: a failure that was raised, or a panic.
    pub(crate) fn caught(payload: Box<dyn Any + Send>) -> Self {
        match payload.downcast::<Self>() {
            Ok(raised) => *raised,
            Err(payload) => {
                let panicked = Panicked::new(&*payload);
                bury([payload]);
                panicked.into()
            }
        }
    }
}

/// Somebody switched with a message of another type than the receiver waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of type {found} came to who waits for a {expected}")]
pub struct WrongMessage {
    pub(crate) found: &'static str,
    pub(crate) expected: &'static str,
}

/// What unwound a stack, for those who ask after somebody else has it: a failure as it is, a
/// panic as what it said.
pub(crate) fn failure_of(payload: &(dyn Any + Send)) -> Failure {
    let failure = payload.downcast_ref::<Failure>().cloned();
    failure.unwrap_or_else(|| Panicked::new(payload).into())
}

/// The error of the system that unwound a stack, if it was one.
pub(crate) fn of_the_world(payload: &(dyn Any + Send)) -> Option<io::Error> {
    let error = payload.downcast_ref::<Failure>()?.get::<io::Error>()?;
    let copy = || io::Error::new(error.kind(), error.to_string());
    Some(error.raw_os_error().map_or_else(copy, io::Error::from_raw_os_error))
}

/// A greenlet cannot be its own ancestor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a greenlet cannot be its own ancestor")]
pub struct CyclicParent;
