//! What else one may ask of a future, and of a task: the methods that no `read` needs.

use std::rc::Rc;

use crate::event_loop::Callback;
use crate::extras::cancel::is_cancel;
use crate::extras::line::Line;
use crate::failure::Failure;
use crate::future::{CallbackId, Future, InvalidState, State};
use crate::task::Task;

impl<T: 'static> Future<T> {
    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        matches!(&*self.0.state.borrow(), State::Finished(end) if is_cancel(end))
    }

    /// Puts an error in, and schedules the callbacks.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done.
    pub fn set_exception(&self, failure: impl Into<Failure>) -> Result<(), InvalidState> {
        self.0.finish(Err(failure.into()))
    }

    /// The error that it came to, [`Cancelled`](crate::future::Cancelled) among them; `None` for
    /// a result. Whoever has asked has seen it: it is not reported any more.
    ///
    /// ```
    /// use stage3_yield_from::{Failure, Future};
    ///
    /// let future = Future::<()>::new();
    /// assert!(future.exception().is_err(), "it is not done");
    /// future.set_exception(Failure::from("no luck")).unwrap();
    /// assert_eq!(future.exception().unwrap().unwrap().to_string(), "no luck");
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is not done, or somebody has taken the result.
    pub fn exception(&self) -> Result<Option<Failure>, InvalidState> {
        match &*self.0.state.borrow() {
            State::Pending | State::Taken => Err(InvalidState),
            State::Finished(end) => {
                self.0.seen.set(true);
                Ok(end.as_ref().err().cloned())
            }
        }
    }

    /// Takes a callback back; says whether it was there.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let removed = self.0.callbacks.borrow_mut().leave(id.0);
        removed.is_some()
    }

    /// The result, which need not be `Clone`, for the one who alone has a right to it: nobody
    /// else will see it. `None` if it is not done, or somebody has taken it.
    pub fn take(&self) -> Option<Result<T, Failure>> {
        if !self.done() {
            return None;
        }
        match self.0.state.replace(State::Taken) {
            State::Finished(result) => Some(result),
            State::Pending | State::Taken => None,
        }
    }

    /// Gives all callbacks back, uncalled.
    pub(crate) fn forget_callbacks(&self) -> Line<Callback> {
        self.0.callbacks.take()
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl<T: 'static> Clone for Future<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: 'static> Default for Future<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> Task<T> {
    /// Whether its end was a cancel.
    pub fn cancelled(&self) -> bool {
        self.0.result.cancelled()
    }

    /// The error that it ended with; `None` for a result.
    ///
    /// # Errors
    ///
    /// As [`Future::exception`].
    pub fn exception(&self) -> Result<Option<Failure>, InvalidState> {
        self.0.result.exception()
    }

    /// Has `callback` called by the loop once the task has come to an end; in the next turn,
    /// if it has already.
    pub fn add_done_callback(&self, callback: impl FnOnce() + 'static) -> CallbackId {
        self.0.result.add_done_callback(callback)
    }

    /// Whether it ended with an error, which is not seen by that; a cancel is one.
    pub(crate) fn failed(&self) -> bool {
        matches!(&*self.0.result.0.state.borrow(), State::Finished(Err(_)))
    }

    /// Nobody is to be told of an error that it ends with.
    pub(crate) fn forgive(&self) {
        self.0.result.0.seen.set(true);
    }

    /// Takes a callback back; says whether it was there.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.0.result.remove_done_callback(id)
    }

    /// Its result, which need not be `Clone`, for the one who alone has a right to it. `None` if
    /// it is not done, or somebody has taken it.
    pub fn take(&self) -> Option<Result<T, Failure>> {
        self.0.result.take()
    }
}

impl<T: Clone + 'static> Task<T> {
    /// Its result, the same each time.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is not done; what it failed with.
    pub fn result(&self) -> Result<T, Failure> {
        self.0.result.result()
    }
}

impl<T: 'static> Clone for Task<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}
