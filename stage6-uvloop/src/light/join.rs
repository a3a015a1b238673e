//! The wait for the output of a light task.

#![expect(unsafe_code, reason = "only a handle remembers the type of the output")]

use std::fmt;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use super::task::Task;

/// Awaited, it gives the output of a light task; a panic of the task goes on here. Dropped, it lets
/// the task run on.
///
/// # Panics
///
/// To await it panics once the task's scope has ended without it: it will never have an output.
pub struct JoinHandle<T> {
    task: Task,
    output: PhantomData<T>,
}

impl<T> JoinHandle<T> {
    /// The handle of a new task. There is one, and no other.
    ///
    /// # Safety
    ///
    /// `T` has to be the output of the task's future.
    #[inline]
    pub(super) unsafe fn new(task: Task) -> Self {
        Self { task, output: PhantomData }
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_done()
    }

    #[inline]
    fn take(&self) -> Option<thread::Result<T>> {
        // SAFETY: who made the handle has seen to it.
        unsafe { self.task.take() }
    }
}

impl<T> Unpin for JoinHandle<T> {}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if self.task.is_done() {
            let output = self.take().expect(
                "a light task has one output, and none once its scope has ended without it",
            );
            return Poll::Ready(output.unwrap_or_else(|panic| resume_unwind(panic)));
        }
        let joiner = self.task.joiner.take().filter(|it| it.will_wake(context.waker()));
        self.task.joiner.set(joiner.or_else(|| Some(context.waker().clone())));
        Poll::Pending
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let joiner = self.task.joiner.take();
        drop(joiner);
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("is_finished", &self.is_finished()).finish()
    }
}
