//! How a task ended, for whoever wants to know and not to panic with it.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use crate::task::{JoinHandle, Step, Task};

/// Why a task has no output.
pub enum JoinError {
    /// It was cancelled, by its handle, by its set, or at the end of its loop.
    #[doc(alias = "CancelledError")]
    Cancelled,
    /// It panicked, with this.
    Panicked(Box<dyn Any + Send>),
}

impl JoinError {
    /// What it panicked with, if that is a text.
    pub fn message(&self) -> Option<&str> {
        let Self::Panicked(panic) = self else { return None };
        let text = panic.downcast_ref::<&str>().copied();
        text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
    }
}

impl<T: 'static> JoinHandle<T> {
    /// Awaits the end of the task, whichever it is. Awaiting the handle itself panics if the
    /// task did, and if it was cancelled.
    ///
    /// ```
    /// use stage4_async_await::{extras::outcome::JoinError, run, spawn};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(async {
    ///     let task = spawn(std::future::pending::<()>());
    ///     let remote = task.abort_handle();
    ///     drop(spawn(async move { remote.abort() }));
    ///     assert!(matches!(task.outcome().await, Err(JoinError::Cancelled)));
    /// })
    /// # }
    /// ```
    #[doc(alias = "exception")]
    pub fn outcome(self) -> Outcome<T> {
        Outcome(self)
    }

    /// Something to cancel the task with, while somebody else awaits the handle.
    pub fn abort_handle(&self) -> AbortHandle {
        let task: Rc<Task<dyn Step>> = Rc::clone(&self.0) as _;
        AbortHandle(Rc::downgrade(&task))
    }
}

/// Awaits the end of a task. Dropped, it lets the task run on, as its handle does.
#[derive(Debug)]
#[must_use = "a task runs without it, but its outcome is lost"]
pub struct Outcome<T: 'static>(JoinHandle<T>);

impl<T: 'static> Future for Outcome<T> {
    type Output = Result<T, JoinError>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.0.is_finished() {
            return Poll::Ready(self.0.ended());
        }
        self.0.poll_end(context).map(|_| unreachable!("it is not finished"))
    }
}

impl<T: 'static> JoinHandle<T> {
    /// The end of a task that is finished. It is given once.
    pub(crate) fn ended(&self) -> Result<T, JoinError> {
        match self.take_end() {
            Ok(output) => output.ok_or(JoinError::Cancelled),
            Err(panic) => Err(JoinError::Panicked(panic)),
        }
    }
}

/// Cancels a task. It keeps neither the task's future alive, nor its output; it may be cloned,
/// and be dropped without any effect.
#[derive(Clone)]
pub struct AbortHandle(Weak<Task<dyn Step>>);

impl AbortHandle {
    /// Cancels the task, as [`JoinHandle::cancel`] does: its future is dropped at its next
    /// step, and then its exits are awaited. Of a task that has ended, nothing comes of it.
    #[doc(alias = "cancel")]
    #[track_caller]
    pub fn abort(&self) {
        if let Some(task) = self.0.upgrade() {
            task.stop(Ok(()));
        }
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AbortHandle").finish_non_exhaustive()
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("Cancelled"),
            Self::Panicked(_) => {
                f.debug_tuple("Panicked").field(&self.message()).finish()
            }
        }
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.message()) {
            (Self::Cancelled, _) => f.write_str("the task was cancelled"),
            (_, Some(text)) => write!(f, "the task panicked: {text}"),
            (_, None) => f.write_str("the task panicked, with something that is no text"),
        }
    }
}

impl Error for JoinError {}
