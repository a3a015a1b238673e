//! To cancel is to ask: whoever is asked stops where it waits, unless it catches that.
//!
//! asyncio raises `CancelledError` at the innermost `await`, from where it travels outward like
//! any other error. Here, nothing is raised that every `await` would have to pass on: what is
//! cancelled is dropped, from the innermost [`catch_cancel`] in. That one gets an `Err`, once,
//! and may go on. [`finally`] and [`with`] catch, clean up, and [raise](Cancelled::raise) again.

use std::fmt;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

pub use crate::exceptions::Cancelled;
use crate::extras::report::unheard;
pub(crate) use crate::extras::scope::{
    Cancellable, End, Inside, Patience, Root, Rooted, Scope, Seat, Settle, leave_behind,
    raise,
};

/// Awaits `body`, and catches a cancel that arrives meanwhile: then `body` is dropped, the exits
/// that it leaves behind are awaited, and you decide how to go on. One cancel gives one `Err`.
///
/// # Errors
///
/// [`Cancelled`]. Whoever ignores it refuses to be cancelled; whoever does not,
/// [raises](Cancelled::raise) it again.
#[doc(alias = "except CancelledError")]
pub async fn catch_cancel<B: IntoFuture>(body: B) -> Result<B::Output, Cancelled> {
    match Settle::new(body.into_future()).await {
        End::Cancelled => Err(Cancelled),
        end => Ok(end.resume().await),
    }
}

impl Cancelled {
    /// Goes on to the next catcher outward, as `raise` does in an `except` block. It never
    /// returns.
    ///
    /// # Panics
    ///
    /// Panics outside of every task.
    pub async fn raise<T>(self) -> T {
        poll_fn(|_| raise::<()>()).await;
        pending().await
    }
}

impl<T> End<T> {
    /// Goes on as the body ended.
    pub(crate) async fn resume(self) -> T {
        match self {
            Self::Finished(output) => output,
            Self::Cancelled => Cancelled.raise().await,
            Self::Panicked(panic) => resume_unwind(panic),
        }
    }
}

/// Awaits `body`, and then `cleanup`, however the body ends: with a value, by a cancel, or in a
/// panic. The cleanup may wait, and it may borrow. A second cancel interrupts it.
///
/// Whoever drops this half way drops the cleanup as well: a `select` does. For that there is
/// [`with`].
#[doc(alias = "try: finally:")]
pub async fn finally<B: IntoFuture>(body: B, cleanup: impl AsyncFnOnce()) -> B::Output {
    let end = Settle::new(body.into_future()).await;
    cleaning(cleanup()).await;
    end.resume().await
}

/// Something to enter and to leave, both of which may wait: Python's asynchronous context
/// manager (PEP 492, "Asynchronous Context Managers").
#[doc(alias("__aenter__", "__aexit__"))]
#[expect(async_fn_in_trait, reason = "one thread: nothing here has to be Send")]
pub trait Manager: 'static {
    /// Why the body or the exit failed.
    type Error: fmt::Debug + 'static;

    /// Runs before the body. If it fails, neither the body nor the exit runs.
    async fn enter(&mut self) -> Result<(), Self::Error>;

    /// Runs after the body, and is told how that ended: well, with an error, or not at all
    /// (`None`: it was cancelled, or it panicked). An error of its own replaces the body's.
    async fn exit(self, end: Option<Result<(), &Self::Error>>)
    -> Result<(), Self::Error>;
}

/// Runs `body` between the manager's enter and exit, as `async with` does. The exit runs
/// however the body ends: with a value, with an error through `?`, in a panic, by a cancel, by a
/// drop. A cancel that finds the exit under way does not end it: the task finishes it before it
/// is done itself.
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
    let end = Settle::new(body(armed.manager())).await;
    let manager = armed.0.take().expect("only this disarms it");
    let exit = async move {
        let told = match &end {
            End::Finished(output) => Some(output.as_ref().map(drop)),
            End::Cancelled | End::Panicked(_) => None,
        };
        manager.exit(told).await.map(|()| end)
    };
    let end = cleaning(Leaving(Some(Box::pin(exit)))).await?;
    end.resume().await
}

/// A manager whose body is under way: dropped, it leaves its exit behind.
struct Armed<M: Manager>(Option<M>);

impl<M: Manager> Armed<M> {
    fn manager(&mut self) -> &mut M {
        self.0.as_mut().expect("it is disarmed after the body")
    }
}

impl<M: Manager> Drop for Armed<M> {
    fn drop(&mut self) {
        if let Some(manager) = self.0.take() {
            leave_behind(in_a_scope(unheard(manager.exit(None))));
        }
    }
}

/// An exit that is under way: dropped half run, the rest is left behind.
struct Leaving<T: 'static, E: fmt::Debug + 'static>(Option<Exit<Result<T, E>>>);

type Exit<T = ()> = Pin<Box<dyn Future<Output = T>>>;

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
            leave_behind(in_a_scope(unheard(rest)));
        }
    }
}

/// An exit that is left behind needs a scope in which it can be cancelled: by its own timeouts,
/// say.
fn in_a_scope(exit: impl Future<Output = ()> + 'static) -> Exit {
    let settled = Settle::new(exit);
    Box::pin(async {
        if let End::Panicked(panic) = settled.await {
            resume_unwind(panic);
        }
    })
}

/// Awaits a cleanup. A raise beside it, in another branch of a join, waits until it is over.
async fn cleaning<T>(cleanup: impl Future<Output = T>) -> T {
    let (mut cleanup, mut patience) = (pin!(cleanup), Patience::default());
    poll_fn(|context| patience.poll(|| cleanup.as_mut().poll(context))).await
}
