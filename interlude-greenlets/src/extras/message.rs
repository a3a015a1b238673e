//! What a switch carries: one value of any type, which the receiver has to know; or a failure.

use std::any::{Any, TypeId, type_name};

use crate::extras::errors::WrongMessage;
use crate::extras::report::bury;
use crate::extras::waiting::Raise;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// What travels in a switch, and what the body of a greenlet comes to. The empty message,
/// `()`, needs no paper.
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

/// A value of some type. If nobody takes it out, and it panics as it is dropped, that hits
/// nobody.
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

impl Parcel {
    #[inline]
    pub(crate) fn new<T: 'static>(value: T) -> Self {
        if TypeId::of::<T>() == TypeId::of::<()>() {
            return Self::default();
        }
        Contents::Message(Message(Some(Box::new(value)))).into()
    }

    /// What is in it, unless it is empty.
    pub(crate) fn contents(self) -> Option<Contents> {
        self.0.map(|contents| *contents)
    }

    /// What is in it, if that is a `T`.
    #[inline]
    pub(crate) fn open<T: 'static>(self) -> Result<T, Failure> {
        let Some(contents) = self.0 else {
            let empty: Box<dyn Any> = Box::new(());
            let (found, expected) = (type_name::<()>(), type_name::<T>());
            let wrong = |_| WrongMessage { found, expected }.into();
            return empty.downcast().map(|it| *it).map_err(wrong);
        };
        contents.open()
    }

    /// The failure that is in it.
    #[inline]
    pub(crate) fn failure(self) -> Option<Failure> {
        self.0.and_then(|contents| contents.failure())
    }

    /// Whether it can be handed out as it is.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let contents = self.0.as_deref();
        contents
            .is_none_or(|it| matches!(it, Contents::Message(_) | Contents::Failure(_)))
    }

    /// What the parent gets of an end: to be asked to end, and to do so, is no failure.
    pub(crate) fn last_words(self) -> Self {
        match self.0.as_deref() {
            Some(Contents::Failure(failure)) if failure.is::<GreenletExit>() => {
                Self::new(GreenletExit)
            }
            _ => self,
        }
    }
}

impl Contents {
    fn open<T: 'static>(self) -> Result<T, Failure> {
        match self {
            Self::Message(mut message) => value(message.take()),
            other => Err(other.failure().expect("there is nothing else in it")),
        }
    }

    fn failure(self) -> Option<Failure> {
        match self {
            Self::Message(_) => None,
            Self::Failure(failure) | Self::Raise((failure, _), _) => Some(failure),
            Self::Exit => Some(GreenletExit.into()),
        }
    }
}

impl From<Contents> for Parcel {
    fn from(contents: Contents) -> Self {
        Self(Some(Box::new(contents)))
    }
}

impl From<Failure> for Parcel {
    fn from(failure: Failure) -> Self {
        Contents::Failure(failure).into()
    }
}

impl Message {
    fn take(&mut self) -> Box<dyn Value> {
        self.0.take().expect("it is opened once")
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        bury(self.0.take());
    }
}

/// What is in the box, if that is a `T`.
fn value<T: 'static>(value: Box<dyn Value>) -> Result<T, Failure> {
    if (&*value as &dyn Any).is::<T>() {
        let value: Box<dyn Any> = value;
        return Ok(*value.downcast().expect("it has been asked"));
    }
    let (found, expected) = ((*value).type_name(), type_name::<T>());
    bury([value]);
    Err(WrongMessage { found, expected }.into())
}
