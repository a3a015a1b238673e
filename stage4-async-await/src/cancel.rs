//! To cancel is to drop; what must still be awaited is left behind for the task.
//!
//! A drop cannot await. So the exit of a [`with`] that is dropped half way goes to a list,
//! and whoever polled the future that was dropped (its task, or a
//! [`timeout`](crate::time::timeout)) picks it up and awaits it, inner exits before outer
//! ones, before it counts as finished itself.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::thread;

pub(crate) type Exit = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Filled by dropped `with`s, inner ones first; emptied by the next `Exits::poll`.
    static LEFT_BEHIND: RefCell<Vec<Exit>> = const { RefCell::new(Vec::new()) };
}

/// Something to enter and to leave, both of which may wait: Python's asynchronous context
/// manager (PEP 492, "Asynchronous Context Managers").
#[doc(alias("__aenter__", "__aexit__"))]
#[expect(async_fn_in_trait, reason = "one thread: nothing here has to be Send")]
pub trait Manager: 'static {
    /// Why the body or the exit failed.
    type Error: 'static;

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
            leave_behind(Box::pin(async { drop(manager.exit(None).await) }));
        }
    }
}

/// An exit that is under way: dropped half run, the rest is left behind.
struct Leaving<F: Future + 'static>(Option<Pin<Box<F>>>);

impl<F: Future + 'static> Future for Leaving<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let exit = self.0.as_mut().expect("a future is not polled after it finished");
        let output = ready!(exit.as_mut().poll(context));
        self.0 = None;
        Poll::Ready(output)
    }
}

impl<F: Future + 'static> Drop for Leaving<F> {
    fn drop(&mut self) {
        if let Some(rest) = self.0.take() {
            leave_behind(Box::pin(async { drop(rest.await) }));
        }
    }
}

fn leave_behind(exit: Exit) {
    LEFT_BEHIND.with_borrow_mut(|left| left.push(exit));
}

/// Exits that nobody will await any more: for the end of a loop.
pub(crate) fn take_left_behind() -> Vec<Exit> {
    LEFT_BEHIND.take()
}

/// Exits that are still to be awaited, in the order in which they were left.
#[derive(Default)]
pub(crate) struct Exits(Vec<Exit>);

impl Exits {
    /// Awaits what was left behind, and what that leaves behind.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            self.0.append(&mut LEFT_BEHIND.take());
            let Some(first) = self.0.first_mut() else { return Poll::Ready(()) };
            // One that panics has ended. The panic hook has said so, and the others go on.
            if let Ok(Poll::Pending) = guard(|| first.as_mut().poll(context)) {
                return Poll::Pending;
            }
            drop(self.0.remove(0));
        }
    }
}

impl Drop for Exits {
    /// The rest is for whoever is further out.
    fn drop(&mut self) {
        LEFT_BEHIND.with_borrow_mut(|left| left.append(&mut self.0));
    }
}

/// Polls `body` until it ends, panics, or `cancelled` is set, then awaits the exits that are
/// left. `None`: it was cancelled.
pub(crate) async fn cancellable<T>(
    body: impl Future<Output = T>,
    cancelled: &Cell<bool>,
) -> thread::Result<Option<T>> {
    let mut body = pin!(Some(body));
    let mut exits = Exits::default();
    let mut end = Ok(None);
    poll_fn(|context| {
        if let Some(running) = body.as_mut().as_pin_mut() {
            if !cancelled.get() {
                match guard(|| running.poll(context)) {
                    Ok(Poll::Ready(output)) => end = Ok(Some(output)),
                    Ok(Poll::Pending) => {
                        // A part of the body may have been dropped: a select's loser.
                        let _ = exits.poll(context);
                        return Poll::Pending;
                    }
                    Err(panic) => end = Err(panic),
                }
            }
            if let Err(panic) = guard(|| body.set(None)) {
                end = Err(panic);
            }
        }
        exits.poll(context)
    })
    .await;
    end
}

/// Calls `body`, and catches what it panics with.
pub(crate) fn guard<T>(body: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(body))
}
