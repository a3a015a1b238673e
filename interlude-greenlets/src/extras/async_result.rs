//! A result that arrives later, and that any number of greenlets wait for.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::extras::event::Event;
use crate::failure::Failure;
use crate::time::timeout;

/// One result, or one failure, for all who ask: gevent's `event.AsyncResult`.
///
/// ```
/// use interlude_greenlets::extras::async_result::AsyncResult;
/// use interlude_greenlets::{Failure, run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let sum = run(|| -> Result<i32, Failure> {
///     let answer = Rc::new(AsyncResult::default());
///     let asked = [1, 2].map(|_| {
///         let answer = Rc::clone(&answer);
///         spawn(move || answer.get())
///     });
///     answer.set(21);
///     asked.into_iter().map(|it| it.join().unwrap()).sum()
/// })?;
/// assert_eq!(sum.unwrap(), 42);
/// # Ok(())
/// # }
/// ```
pub struct AsyncResult<T> {
    result: RefCell<Option<Rc<Result<T, Failure>>>>,
    pub(crate) arrived: Event,
}

impl<T> AsyncResult<T> {
    /// Has `value` be the result. Another one replaces it; who has got the first keeps that.
    #[track_caller]
    pub fn set(&self, value: T) {
        self.set_result(Ok(value));
    }

    /// Has everybody who asks fail.
    #[doc(alias = "set_exception")]
    #[track_caller]
    pub fn set_failure(&self, failure: impl Into<Failure>) {
        self.set_result(Err(failure.into()));
    }

    /// One or the other.
    #[track_caller]
    pub fn set_result(&self, result: Result<T, Failure>) {
        let before = self.result.replace(Some(Rc::new(result)));
        self.arrived.set();
        drop(before);
    }

    /// Whether it has arrived, whichever.
    #[doc(alias = "ready")]
    pub fn is_ready(&self) -> bool {
        self.arrived.is_set()
    }

    /// Whether it has arrived, and is no failure.
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        self.peek().is_some_and(|result| result.is_ok())
    }

    /// Waits until it has arrived, and leaves it there.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn wait(&self) {
        self.arrived.wait();
    }

    fn peek(&self) -> Option<Rc<Result<T, Failure>>> {
        self.result.borrow().clone()
    }
}

impl<T: Clone> AsyncResult<T> {
    /// Waits for it.
    ///
    /// # Errors
    ///
    /// The failure that arrived, to everybody who asks.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn get(&self) -> Result<T, Failure> {
        self.wait();
        self.try_get().expect("it has arrived, and stays")
    }

    /// What has arrived so far.
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Option<Result<T, Failure>> {
        self.peek().map(|result| (*result).clone())
    }

    /// Waits for it no longer than `duration`.
    ///
    /// # Errors
    ///
    /// The failure that arrived, or [`Elapsed`](crate::time::Elapsed).
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn get_timeout(&self, duration: Duration) -> Result<T, Failure> {
        if !self.is_ready() {
            timeout(duration, || self.wait())?;
        }
        self.get()
    }
}

impl<T> Default for AsyncResult<T> {
    fn default() -> Self {
        Self { result: RefCell::default(), arrived: Event::default() }
    }
}

impl<T> fmt::Debug for AsyncResult<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncResult").field("ready", &self.is_ready()).finish()
    }
}
