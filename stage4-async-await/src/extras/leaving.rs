//! An exit that is cancelled in its turn goes on.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::cancel::{Exit, leave_behind};
use crate::extras::report::unheard;

/// An exit that is under way: dropped half run, the rest is left behind.
pub(crate) struct Leaving<T: 'static, E: fmt::Debug + 'static>(
    pub(crate) Option<Exit<Result<T, E>>>,
);

impl<T, E: fmt::Debug> Future for Leaving<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        // One that panics is not there any more.
        let mut exit = self.0.take().expect("a future is not polled after it finished");
        let poll = exit.as_mut().poll(context);
        self.0 = poll.is_pending().then_some(exit);
        poll
    }
}

impl<T, E: fmt::Debug> Drop for Leaving<T, E> {
    fn drop(&mut self) {
        if let Some(rest) = self.0.take() {
            leave_behind(Box::pin(unheard(rest)));
        }
    }
}
