//! `async with`: what is entered is left, also by whoever is dropped half way.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::cancel::{Exit, leave_behind};
use crate::extras::report::unheard;

/// Something to enter and to leave, both of which may wait: Python's asynchronous context
/// manager (PEP 492, "Asynchronous Context Managers").
#[doc(alias("__aenter__", "__aexit__"))]
#[expect(async_fn_in_trait, reason = "one thread: nothing here has to be Send")]
pub trait Manager: 'static {
    /// Why the body or the exit failed. After a cancel nobody asks for it: then it is
    /// [reported](crate::extras::report::on_report).
    type Error: fmt::Debug + 'static;

    /// Runs before the body. If it fails, neither the body nor the exit runs.
    async fn enter(&mut self) -> Result<(), Self::Error>;

    /// Runs after the body, and is told how that ended: well, with an error, or not at all
    /// (`None`: it was cancelled, or it panicked). An error of its own replaces the body's.
    async fn exit(self, end: Option<Result<(), &Self::Error>>)
    -> Result<(), Self::Error>;
}

/// Runs `body` between the manager's enter and exit, as `async with` does. The exit runs
/// however the body ends: with a value, with an error through `?`, or by a cancel.
///
/// # Errors
///
/// The manager's, or the body's.
#[doc(alias = "async with")]
pub async fn with<M: Manager, T: 'static>(
    mut manager: M,
    body: impl AsyncFnOnce(&mut M) -> Result<T, M::Error>,
) -> Result<T, M::Error> {
    manager.enter().await?;
    let mut armed = Armed(Some(manager));
    let output = body(armed.0.as_mut().expect("only the drop disarms it")).await;
    let manager = armed.0.take().expect("only the drop disarms it");
    let exit = async move {
        let end = output.as_ref().map(drop);
        manager.exit(Some(end)).await.and(output)
    };
    Leaving(Some(Box::pin(exit))).await
}

/// A manager whose body is under way: dropped, it leaves its exit behind.
struct Armed<M: Manager>(Option<M>);

impl<M: Manager> Drop for Armed<M> {
    fn drop(&mut self) {
        if let Some(manager) = self.0.take() {
            leave_behind(Box::pin(unheard(manager.exit(None))));
        }
    }
}

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
