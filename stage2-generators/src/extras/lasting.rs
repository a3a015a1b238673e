//! A thread-local value that is there until the thread ends.
//!
//! Thread-local values are dropped one after the other, and the drop of one may well need
//! another: a coroutine that is left in one is closed with it, and looks for its door. What
//! has no destructor is never gone. That is safe here because nothing is in it, at the end.

use std::cell::RefCell;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::LocalKey;

use pin_project_lite::pin_project;

/// Something that is there for a while, and then taken out again.
pub(crate) struct Lasting<T>(RefCell<ManuallyDrop<Option<T>>>);

impl<T: Clone> Lasting<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(ManuallyDrop::new(None)))
    }

    pub(crate) fn get(&self) -> Option<T> {
        (**self.0.borrow()).clone()
    }

    /// Puts something else there, and gives back what was there before.
    pub(crate) fn replace(&self, value: Option<T>) -> Option<T> {
        ManuallyDrop::into_inner(self.0.replace(ManuallyDrop::new(value)))
    }
}

/// Puts something there for as long as the answer lives; then what was there before comes back.
pub(crate) fn put<T: Clone>(place: &'static LocalKey<Lasting<T>>, value: T) -> Put<T> {
    Put { place, before: place.with(|it| it.replace(Some(value))) }
}

/// Something that was put somewhere, for a while.
pub(crate) struct Put<T: Clone + 'static> {
    place: &'static LocalKey<Lasting<T>>,
    before: Option<T>,
}

impl<T: Clone> Drop for Put<T> {
    fn drop(&mut self) {
        drop(self.place.with(|it| it.replace(self.before.take())));
    }
}

/// Has something put somewhere whenever `body` runs, whoever polls it, a resume or a close.
pub(crate) fn with<T: Clone, F: Future>(
    place: &'static LocalKey<Lasting<T>>,
    value: T,
    body: F,
) -> impl Future<Output = F::Output> {
    With { place, value, body }
}

pin_project! {
    // An async function would keep its argument twice: as that, and as what it awaits.
    struct With<T: 'static, F> {
        place: &'static LocalKey<Lasting<T>>,
        value: T,
        #[pin]
        body: F,
    }
}

impl<T: Clone, F: Future> Future for With<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _inside = put(this.place, this.value.clone());
        this.body.poll(context)
    }
}
