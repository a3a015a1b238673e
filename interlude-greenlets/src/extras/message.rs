//! What a switch carries: one value of any type, which the receiver has to know; or a failure.

use std::any::{Any, TypeId, type_name};
use std::io;

use crate::extras::errors::WrongMessage;
use crate::extras::report::bury;
use crate::extras::waiting::Raise;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// What travels in a switch. The empty message, `()`, needs no paper.
#[derive(Default)]
pub(crate) struct Parcel(Option<Box<Contents>>);

pub(crate) enum Contents {
    Message(Message),
    /// The switch at the other end fails with it.
    Failure(Failure),
    /// It unwinds the other stack from where that waits, or as soon as it is no more than
    /// that many unwindings deep. For the time being, the hub gets control back.
    Raise(Raise, Greenlet),
    /// Nobody is going to resume it: it is to end.
    Exit,
}

/// What the body of a greenlet comes to.
pub(crate) type End = Result<Message, Failure>;

/// A value of some type, and the name of the type. The empty message, `()`, costs nothing.
/// If nobody takes the value out, and it panics as it is dropped, that hits nobody.
pub(crate) struct Message(Option<Box<dyn Value>>);

trait Value: Any {
    /// Its type, for whoever expected another.
    fn type_name(&self) -> &'static str;
}

impl<T: 'static> Value for T {
    fn type_name(&self) -> &'static str {
        type_name::<T>()
    }
}

impl Message {
    #[inline]
    pub(crate) fn new<T: 'static>(value: T) -> Self {
        let is_empty = TypeId::of::<T>() == TypeId::of::<()>();
        Self((!is_empty).then(|| Box::new(value) as _))
    }

    #[inline]
    pub(crate) fn open<T: 'static>(mut self) -> Result<T, Failure> {
        self.0.take().map_or_else(empty, open_box)
    }
}

/// The empty message, if that is a `T`.
#[inline]
fn empty<T: 'static>() -> Result<T, Failure> {
    let empty: Box<dyn Any> = Box::new(());
    let expected = type_name::<T>();
    let wrong = |_| WrongMessage { found: type_name::<()>(), expected }.into();
    empty.downcast().map(|it| *it).map_err(wrong)
}

fn open_box<T: 'static>(value: Box<dyn Value>) -> Result<T, Failure> {
    let (found, expected) = ((*value).type_name(), type_name::<T>());
    let value: Box<dyn Any> = value;
    value.downcast().map(|it| *it).map_err(|value| {
        bury([value]);
        WrongMessage { found, expected }.into()
    })
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            bury([value]);
        }
    }
}

impl Parcel {
    /// What is in it, unless it is empty.
    #[inline]
    pub(crate) fn contents(self) -> Option<Contents> {
        self.0.map(|contents| *contents)
    }

    /// What the parent gets of an end: to be asked to end, and to do so, is no failure.
    pub(crate) fn last_words(self) -> Self {
        match self.0.as_deref() {
            Some(Contents::Failure(failure)) if failure.is::<GreenletExit>() => {
                Message::new(GreenletExit).into()
            }
            _ => self,
        }
    }

    /// What an unstarted greenlet gets that cannot start.
    pub(crate) fn instead_of_a_stack(self, error: io::Error) -> End {
        End::from(self).and_then(|_| Err(error.into()))
    }
}

impl From<Contents> for Parcel {
    fn from(contents: Contents) -> Self {
        Self(Some(Box::new(contents)))
    }
}

impl From<Message> for Parcel {
    #[inline]
    fn from(message: Message) -> Self {
        if message.0.is_none() { Self(None) } else { Contents::Message(message).into() }
    }
}

impl From<End> for Parcel {
    fn from(end: End) -> Self {
        end.map_or_else(|failure| Contents::Failure(failure).into(), Self::from)
    }
}

/// What an unstarted greenlet gets.
impl From<Parcel> for End {
    fn from(parcel: Parcel) -> Self {
        parcel.contents().map_or(Ok(Message(None)), Contents::into)
    }
}

impl From<Contents> for End {
    fn from(contents: Contents) -> Self {
        match contents {
            Contents::Message(message) => Ok(message),
            Contents::Failure(failure) | Contents::Raise((failure, _), _) => Err(failure),
            Contents::Exit => Err(GreenletExit.into()),
        }
    }
}
