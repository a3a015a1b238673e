//! The one door through which a task is woken.

use std::task::Waker;

use crate::trace::Place;

/// Wakes whoever `waker` stands for.
///
/// A std [`Waker`] hides who calls it. So our own code wakes nobody directly but comes
/// through here, where the caller's line is known: what a recorder of the loop needs in
/// order to answer "who woke whom?".
#[track_caller]
pub fn wake(waker: Waker) {
    let _caller = Place::here().enter();
    waker.wake();
}

/// The same, for a caller who keeps the waker.
#[track_caller]
pub fn wake_by_ref(waker: &Waker) {
    let _caller = Place::here().enter();
    waker.wake_by_ref();
}
