//! A line of the source: where a program says that it waits.
//!
//! What waits is a call deep inside of a stage; whom it concerns is the program. So an
//! operation takes the place of its caller, keeps it for as long as it takes, and *enters*
//! it around whatever it does: what happens then is told as happening there.

use std::panic::Location;

use super::{RECORDER, is_on};

/// A line of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(&'static Location<'static>);

/// Back to where one was, when it is dropped.
#[derive(Debug)]
#[must_use = "dropping it leaves the place"]
pub struct Entered {
    /// Whether it was this one that entered; the outermost wins.
    is_outermost: bool,
}

impl Place {
    /// The line that calls the function which calls this, if that one is `#[track_caller]`;
    /// or the place that has been entered.
    #[inline]
    #[track_caller]
    #[must_use]
    pub fn here() -> Self {
        let caller = Location::caller();
        if is_on() { Self::entered().unwrap_or(Self(caller)) } else { Self(caller) }
    }

    /// The same, whatever has been entered.
    #[inline]
    #[track_caller]
    pub(super) fn caller() -> Self {
        Self(Location::caller())
    }

    fn entered() -> Option<Self> {
        RECORDER.with_borrow(|it| it.place)
    }

    /// Has what follows happen here, unless another place has been entered already.
    #[inline]
    pub fn enter(self) -> Entered {
        Entered { is_outermost: is_on() && self.enter_first() }
    }

    #[cold]
    fn enter_first(self) -> bool {
        RECORDER.with_borrow_mut(|it| {
            let is_first = it.place.is_none();
            it.place = it.place.or(Some(self));
            is_first
        })
    }

    /// The file, as the compiler was told its name.
    pub fn file(self) -> &'static str {
        self.0.file()
    }

    /// The line, from 1.
    pub fn line(self) -> u32 {
        self.0.line()
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        if self.is_outermost && is_on() {
            RECORDER.with_borrow_mut(|it| it.place = None);
        }
    }
}
