//! What a switch carries: one value of any type, which the receiver has to know; or a failure.

use std::any::{Any, type_name};
use std::io;

use crate::extras::errors::WrongMessage;
use crate::extras::report::bury;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// What travels in a switch.
pub(crate) enum Parcel {
    Message(Message),
    /// The switch at the other end fails with it.
    Failure(Failure),
    /// It unwinds the other stack from where that waits, or as soon as it is no more than
    /// that many unwindings deep. For the time being, `hub` gets control back.
    Raise {
        failure: Failure,
        limit: u32,
        hub: Greenlet,
    },
    /// Nobody is going to resume it: it is to end.
    Exit,
}

/// What the body of a greenlet comes to.
pub(crate) type End = Result<Message, Failure>;

/// A value of some type, and the name of the type. The empty message, `()`, costs nothing.
/// If nobody takes the value out, and it panics as it is dropped, that hits nobody.
pub(crate) struct Message {
    value: Option<Box<dyn Any>>,
    type_name: &'static str,
}

impl Message {
    pub(crate) fn new<T: 'static>(value: T) -> Self {
        Self { value: Some(Box::new(value)), type_name: type_name::<T>() }
    }

    pub(crate) fn open<T: 'static>(mut self) -> Result<T, Failure> {
        let value = self.value.take().expect("it is opened once");
        value.downcast().map(|it| *it).map_err(|value| {
            self.value = Some(value);
            WrongMessage { found: self.type_name, expected: type_name::<T>() }.into()
        })
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        bury(self.value.take());
    }
}

impl Parcel {
    pub(crate) fn nothing() -> Self {
        Self::Message(Message::new(()))
    }

    /// What an unstarted greenlet gets that cannot start.
    pub(crate) fn instead_of_a_stack(self, error: io::Error) -> End {
        match self {
            Self::Message(_) => Err(error.into()),
            other => other.into(),
        }
    }
}

impl From<End> for Parcel {
    fn from(end: End) -> Self {
        end.map_or_else(Self::Failure, Self::Message)
    }
}

/// What an unstarted greenlet gets.
impl From<Parcel> for End {
    fn from(parcel: Parcel) -> Self {
        match parcel {
            Parcel::Message(message) => Ok(message),
            Parcel::Failure(failure) | Parcel::Raise { failure, .. } => Err(failure),
            Parcel::Exit => Err(GreenletExit.into()),
        }
    }
}
