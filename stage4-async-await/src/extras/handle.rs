//! What becomes of a handle, and of an output that nobody has taken: it is dropped, and a
//! panic is reported.

use std::pin::Pin;
use std::task::{Context, Poll};

use crate::extras::report::report_panic;
use crate::extras::waiter::Waiter;
use crate::task::{End, JoinHandle, State, Step, Task};

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

impl<T> JoinHandle<T> {
    /// How a task that is finished has ended.
    pub(crate) fn take_end(&self) -> End<T> {
        self.0.known.has_output.set(false);
        match self.0.body.state().replace(State::Taken) {
            State::Ended(end) => end,
            _ => panic!("a JoinHandle gives its output once; it was polled again"),
        }
    }

    /// Who is to be woken at the end of the task, which is to come.
    pub(crate) fn waits(&self, who: Option<Waiter>) {
        let before = self.0.body.state().replace(State::Awaited(who));
        drop(before);
    }
}

/// The task runs on, but whoever waited for it is not woken any more.
impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if self.0.known.is_finished.get() {
            self.0.forget();
        } else {
            self.waits(None);
        }
    }
}

impl<B: Step + ?Sized> Task<B> {
    /// "Task exception was never retrieved" in asyncio.
    fn forget(&self) {
        if self.known.has_output.take()
            && let Some(panic) = self.body.forget()
        {
            let what = format!("{self} panicked, and nobody awaits it");
            report_panic(&what, &*panic);
        }
    }
}

impl<B: Step + ?Sized> Drop for Task<B> {
    fn drop(&mut self) {
        self.forget();
    }
}
