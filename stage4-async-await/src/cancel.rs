//! To cancel is to drop; what must still be awaited is left behind for the task.
//!
//! A drop cannot await. So the exit of a [`with`] that is dropped half way goes to a list,
//! and whoever dropped the future, or polled what dropped it (its task, or a
//! [`timeout`](crate::time::timeout)), picks it up and awaits it, inner exits before outer
//! ones, before it counts as finished itself.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use crate::extras::report::{bury, guard, report, report_panic, unheard};

type Exit<T = ()> = Pin<Box<dyn Future<Output = T>>>;

thread_local! {
    /// There while somebody picks up what is left; filled by dropped `with`s, inner ones first.
    static LEFT_BEHIND: RefCell<Option<VecDeque<Exit>>> = const { RefCell::new(None) };
}

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
struct Leaving<T: 'static, E: fmt::Debug + 'static>(Option<Exit<Result<T, E>>>);

impl<T, E: fmt::Debug> Future for Leaving<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T, E>> {
        let exit = self.0.as_mut().expect("a future is not polled after it finished");
        let output = ready!(exit.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<T, E: fmt::Debug> Drop for Leaving<T, E> {
    fn drop(&mut self) {
        if let Some(rest) = self.0.take() {
            leave_behind(Box::pin(unheard(rest)));
        }
    }
}

fn leave_behind(exit: Exit) {
    let is_picked_up = LEFT_BEHIND.try_with(|left| left.borrow().is_some());
    if is_picked_up == Ok(true) {
        LEFT_BEHIND.with_borrow_mut(|left| left.get_or_insert_default().push_back(exit));
    } else {
        report("An exit was left behind where nobody awaits it: outside of every task");
        bury(exit);
    }
}

/// Exits that are still to be awaited, in the order in which they were left.
#[derive(Default)]
pub(crate) struct Exits(VecDeque<Exit>);

impl Exits {
    /// Calls `body`, and picks up what it leaves behind. Gives what it panicked with.
    pub(crate) fn left_by<R>(&mut self, body: impl FnOnce() -> R) -> thread::Result<R> {
        let outer = LEFT_BEHIND.replace(Some(VecDeque::new()));
        let result = guard(body);
        let left = LEFT_BEHIND.replace(outer);
        self.0.extend(left.into_iter().flatten());
        result
    }

    /// Awaits them one after the other, and what they leave behind themselves.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(mut first) = self.0.pop_front() {
            let polled = self.left_by(|| first.as_mut().poll(context));
            if let Ok(Poll::Pending) = polled {
                self.0.push_front(first);
                return Poll::Pending;
            }
            // One that panics has ended, and the others go on.
            if let Err(panic) = polled.and_then(|_| self.left_by(|| drop(first))) {
                report_panic("An exit panicked", &*panic);
            }
        }
        Poll::Ready(())
    }
}

impl Drop for Exits {
    /// The rest is for whoever is further out.
    fn drop(&mut self) {
        self.0.drain(..).for_each(leave_behind);
    }
}
