//! What a switch carries: one value of any type, which the receiver has to know; or trouble.

use std::any::{Any, TypeId, type_name};

use crate::extras::errors::WrongMessage;
use crate::extras::report::bury;
use crate::extras::waiting::Raise;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// What travels in a switch, and what the body of a greenlet comes to. The empty message,
/// `()`, needs no paper. If nobody takes out what is in it, and that panics as it is dropped,
/// that hits nobody.
#[derive(Default)]
pub(crate) struct Parcel(Option<Box<dyn Contents>>);

/// A message, which is a value of any type, or [`Trouble`].
trait Contents: Any {
    /// Its type, for whoever expected another.
    fn type_name(&self) -> &'static str;
}

/// What is in a parcel that is no message.
pub(crate) enum Trouble {
    /// The switch at the other end fails with it.
    Failure(Failure),
    /// It unwinds the other stack from where that waits, or as soon as it is no more than
    /// that many unwindings deep. For the time being, the hub gets control back.
    Raise(Raise, Greenlet),
    /// Nobody is going to resume it: it is to end.
    Exit,
}

impl<T: 'static> Contents for T {
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
        Self(Some(Box::new(value)))
    }

    /// The message, if that is a `T`.
    #[inline]
    pub(crate) fn open<T: 'static>(mut self) -> Result<T, Failure> {
        self.0.take().map_or_else(empty, value)
    }

    /// What is in it, if there is something, and that is a `T`.
    pub(crate) fn take<T: 'static>(mut self) -> Result<T, Self> {
        let contents = self.0.take_if(|it| (&**it as &dyn Any).is::<T>());
        let Some(contents) = contents else { return Err(self) };
        let contents: Box<dyn Any> = contents;
        Ok(*contents.downcast().expect("it has been asked"))
    }

    /// The failure that is in it.
    #[inline]
    pub(crate) fn failure(mut self) -> Option<Failure> {
        let contents = self.0.take()?;
        Self(Some(contents)).take::<Trouble>().ok().map(Failure::from)
    }

    /// Whether it can be handed out as it is.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.0.is_none()
            || self.trouble().is_none_or(|it| matches!(it, Trouble::Failure(_)))
    }

    /// What the parent gets of an end: to be asked to end, and to do so, is no failure.
    pub(crate) fn last_words(self) -> Self {
        match self.trouble() {
            Some(Trouble::Failure(failure)) if failure.is::<GreenletExit>() => {
                Self::new(GreenletExit)
            }
            _ => self,
        }
    }

    fn trouble(&self) -> Option<&Trouble> {
        let contents: &dyn Any = self.0.as_deref()?;
        contents.downcast_ref()
    }
}

/// The empty message, if that is what a `T` is.
#[inline]
fn empty<T: 'static>() -> Result<T, Failure> {
    let empty: Box<dyn Any> = Box::new(());
    let (found, expected) = (type_name::<()>(), type_name::<T>());
    let wrong = |_| WrongMessage { found, expected }.into();
    empty.downcast().map(|it| *it).map_err(wrong)
}

/// What is in the box, if that is a `T`.
#[inline(never)]
fn value<T: 'static>(contents: Box<dyn Contents>) -> Result<T, Failure> {
    let (found, expected) = ((*contents).type_name(), type_name::<T>());
    let wrong = |_| WrongMessage { found, expected }.into();
    let parcel = Parcel(Some(contents));
    parcel.take().map_err(|other| other.take().map_or_else(wrong, Trouble::into))
}

#[cold]
#[inline(never)]
fn drop_unopened(contents: Box<dyn Contents>) {
    bury([contents]);
}

impl Drop for Parcel {
    #[inline]
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(drop_unopened);
    }
}

impl From<Trouble> for Parcel {
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble)
    }
}

impl From<Failure> for Parcel {
    fn from(failure: Failure) -> Self {
        Trouble::Failure(failure).into()
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failure(failure) | Trouble::Raise((failure, _), _) => failure,
            Trouble::Exit => GreenletExit.into(),
        }
    }
}
