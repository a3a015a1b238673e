//! What becomes of a handle: it is dropped, or it cancels and awaits the end.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::extras::report::{bury, report_panic};
use crate::task::{End, JoinHandle, Task};

/// Awaits the end of a task that has been cancelled: gives the output if the task was faster.
/// Dropped, the task is cancelled all the same.
pub struct Cancelling<T>(pub(crate) JoinHandle<T>);

impl<T: 'static> Future for Cancelling<T> {
    type Output = Option<T>;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        self.0.poll_end(context)
    }
}

/// The task runs on, but whoever waited for it is not woken any more.
impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        drop(self.0.waiting.take());
        if self.0.is_finished.get() {
            self.0.forget();
        }
    }
}

impl<T> Task<T> {
    /// Drops the output that nobody has taken. A panic is reported: "Task exception was never
    /// retrieved" in asyncio.
    fn forget(&self) {
        match self.end.take() {
            Some(End::Panicked(panic)) => {
                let what = format!("{} panicked, and nobody awaits it", self.known);
                report_panic(&what, &*panic);
            }
            end => bury(end),
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.forget();
    }
}
