//! A function that both yields and awaits: PEP 525's asynchronous generator.
//!
//! Stable Rust has no `yield`, so the body has a door at its side, as it had in stages 2 and 3.
//! What is new is the waker: the body is polled with that of whoever asks for an item. When it
//! comes back pending, the door says why. If there is a value in it, the body stands at a
//! yield. If not, it awaits something, and so does whoever asked.
//!
//! The body has a [scope](crate::cancel) of its own. To close a generator is to cancel the body
//! where it stands: so what is in a [`finally`](crate::cancel::finally) runs, awaits and all.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::cancel::{End, raise};
use crate::event_loop::try_current;
use crate::extras::live::{Live, Suspended};
use crate::extras::report::report_panic;

/// Yields `Y`s and awaits in between. It is sent `S`s, and fails with an `E`.
///
/// Nothing of it runs before the first item is asked for. Dropped half way, it is closed by a
/// task of its own. [`close`](Self::close) awaits that. What is still alive at the end of the
/// loop is closed there, as `asyncio.run` does it. A cancel of whoever waits for an item goes
/// through the body, and ends it.
///
/// ```
/// use stage5_asyncio::extras::async_generator::AsyncGenerator;
/// use stage5_asyncio::{run, time::sleep};
/// use std::time::Duration;
///
/// fn countdown(from: u32) -> AsyncGenerator<u32> {
///     AsyncGenerator::new(async move |co| {
///         for left in (0..from).rev() {
///             sleep(Duration::from_millis(1)).await;
///             co.yield_(left).await?;
///         }
///         Ok(())
///     })
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let seen = run(async {
///     let mut seen = Vec::new();
///     let mut countdown = countdown(3);
///     while let Ok(Some(left)) = countdown.next().await {
///         seen.push(left);
///     }
///     seen
/// })?;
/// assert_eq!(seen, [2, 1, 0]);
/// # Ok(())
/// # }
/// ```
#[doc(alias("async_generator", "async for", "aiter"))]
pub struct AsyncGenerator<Y: 'static, S: 'static = (), E: 'static = Infallible> {
    stands: Stands,
    /// Shared with the list of what is alive, which empties it at the end of the loop.
    body: Rc<Suspended>,
    door: Rc<Door<Y, S, E>>,
    /// Its place on that list, from the first poll on a loop.
    live: Option<Live>,
}

/// Where a body stands between two polls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stands {
    BeforeItsFirstLine,
    AtAYield,
    AtAnAwait,
}

/// What an asynchronous generator answers: an item, `None` at the end, or its error.
pub type Item<Y, E> = Result<Option<Y>, E>;

impl<Y, S, E> AsyncGenerator<Y, S, E> {
    /// A generator with that body, which yields through the door that it is given.
    pub fn new(body: impl AsyncFnOnce(Co<Y, S, E>) -> Result<(), E> + 'static) -> Self {
        let door = Rc::new(Door::default());
        let inside = Rc::clone(&door);
        let body = Rc::new(Suspended::new(async move {
            let ended = body(Co(Rc::clone(&inside))).await;
            inside.failed.set(ended.err());
        }));
        Self { stands: Stands::BeforeItsFirstLine, body, door, live: None }
    }

    /// The next item. A `while let` over it is an `async for`: it awaits each item, and what it
    /// breaks off can go on later.
    ///
    /// A future of this that is dropped half way loses nothing: the body stands where it stood,
    /// and the next one goes on from there.
    ///
    /// # Errors
    ///
    /// What the body fails with. After that, as after its end, there are no more items.
    #[doc(alias("__anext__", "anext"))]
    pub async fn next(&mut self) -> Item<Y, E>
    where
        S: Default,
    {
        poll_fn(|context| self.poll_item(context)).await
    }

    /// Goes on with `value` as what the yield gives.
    ///
    /// # Errors
    ///
    /// What the body fails with.
    ///
    /// # Panics
    ///
    /// Panics if the body stands at no yield: it has not begun, or a `next` was dropped while
    /// the body awaited something. After its end there is nobody to be surprised: it gives `None`.
    #[doc(alias = "asend")]
    pub async fn send(&mut self, value: S) -> Item<Y, E> {
        if !self.body.is_over() {
            self.expect_a_yield("send a value to");
            self.answer(Ok(value));
        }
        poll_fn(|context| self.poll(context)).await
    }

    /// Has the yield fail with `error`. A body that handles it goes on to its next item. One that
    /// has not begun never will.
    ///
    /// # Errors
    ///
    /// `error` itself if the body lets it pass, or what the body fails with instead.
    ///
    /// # Panics
    ///
    /// Panics if a `next` was dropped while the body awaited something: it stands at no yield.
    #[doc(alias = "athrow")]
    pub async fn throw(&mut self, error: E) -> Item<Y, E> {
        if self.stands == Stands::BeforeItsFirstLine {
            self.close().await;
            return Err(error);
        }
        if !self.body.is_over() {
            self.expect_a_yield("throw an error into");
            self.answer(Err(error));
        }
        poll_fn(|context| self.poll(context)).await
    }

    /// Ends it where it stands: the body is cancelled, from the inside out, and what it has in a
    /// [`finally`](crate::cancel::finally) or [`with`](crate::cancel::with) is awaited. Closing
    /// it again does nothing.
    ///
    /// # Panics
    ///
    /// Panics as the body does, and if it yields once more.
    #[doc(alias = "aclose")]
    pub async fn close(&mut self) {
        let closed = self.body.close(self.has_begun()).await;
        closed.unwrap_or_else(|panic| resume_unwind(panic));
    }

    fn has_begun(&self) -> bool {
        self.stands != Stands::BeforeItsFirstLine
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Item<Y, E>>
    where
        S: Default,
    {
        if self.stands == Stands::AtAYield {
            self.answer(Ok(S::default()));
        }
        self.poll(context)
    }

    fn expect_a_yield(&self, to: &str) {
        let why = match self.stands {
            Stands::AtAYield => return,
            Stands::BeforeItsFirstLine => {
                "it has not begun. Ask for its `next` item first"
            }
            Stands::AtAnAwait => {
                "it is at an await: a `next` was dropped there. Ask for the `next` item first"
            }
        };
        panic!("nobody can {to} an async generator that stands at no yield: {why}");
    }

    fn answer(&mut self, answer: Result<S, E>) {
        self.door.answer.set(Some(answer));
        self.stands = Stands::AtAnAwait;
    }

    /// Polls the body: the one place where it runs.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Item<Y, E>> {
        let Some(mut body) = self.body.take() else { return Poll::Ready(Ok(None)) };
        self.live = self.live.take().or_else(|| Live::on_this_loop(&self.body));
        let polled = {
            let _open = Open::door(&self.door);
            body.as_mut().poll(context)
        };
        match polled {
            Poll::Ready(End::Finished(())) => {
                return Poll::Ready(self.door.failed.take().map_or(Ok(None), Err));
            }
            Poll::Ready(End::Panicked(panic)) => resume_unwind(panic),
            // It goes on outward, from here.
            Poll::Ready(End::Cancelled) => return raise(),
            Poll::Pending => self.body.put(body),
        }
        let yielded = self.door.yielded.take();
        self.stands = yielded.as_ref().map_or(Stands::AtAnAwait, |_| Stands::AtAYield);
        yielded.map_or(Poll::Pending, |value| Poll::Ready(Ok(Some(value))))
    }
}

/// Closed by a task of its own, if it has begun and there is a loop for that: what asyncio calls
/// `_asyncgen_finalizer_hook`.
impl<Y, S, E> Drop for AsyncGenerator<Y, S, E> {
    fn drop(&mut self) {
        if !self.has_begun() || self.body.is_over() {
            return;
        }
        let Some(event_loop) = try_current().filter(|it| !it.is_closed()) else { return };
        let body = Rc::clone(&self.body);
        let closing = event_loop.create_task(async move {
            if let Err(panic) = body.close(true).await {
                report_panic("An async generator panicked as it was closed", &*panic);
            }
        });
        drop(closing);
    }
}

/// What the ecosystem loops over: `futures::StreamExt` has the rest of Python's asynchronous
/// comprehensions.
impl<Y, S: Default, E> Stream for AsyncGenerator<Y, S, E> {
    type Item = Result<Y, E>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Y, E>>> {
        self.poll_item(context).map(Result::transpose)
    }
}

/// The body's end of the door.
pub struct Co<Y, S = (), E = Infallible>(Rc<Door<Y, S, E>>);

/// Where values pass between a body and whoever asks for its items.
struct Door<Y, S, E> {
    /// Set for the length of a poll of the body; asked by each yield.
    is_open: Cell<bool>,
    /// Whether the body stands at a yield. Set and cleared by that.
    is_taken: Cell<bool>,
    /// Put there by a yield; taken by `AsyncGenerator::poll`.
    yielded: Cell<Option<Y>>,
    /// Put there by `AsyncGenerator::answer`; taken by the yield.
    answer: Cell<Option<Result<S, E>>>,
    /// Put there by the body's end; taken by `AsyncGenerator::poll`.
    failed: Cell<Option<E>>,
}

impl<Y, S, E> Co<Y, S, E> {
    /// Gives `value` to whoever asked for an item, and goes on when the next one is asked for:
    /// with what was sent, or with the error that was thrown.
    ///
    /// # Panics
    ///
    /// Its future panics where there is nobody to give a value to: in an exit that runs because
    /// the generator was closed, or in another task. And it does while another yield of the same
    /// body stands, as in a join of two.
    #[doc(alias = "yield")]
    pub fn yield_(&self, value: Y) -> Yield<'_, Y, S, E> {
        Yield { door: &self.0, value: Some(value), stands: false }
    }
}

/// A body that stands at a yield.
#[must_use = "a yield does nothing until it is awaited"]
pub struct Yield<'a, Y, S, E> {
    door: &'a Door<Y, S, E>,
    /// There until the first poll.
    value: Option<Y>,
    /// It has handed its value over, and has no answer yet.
    stands: bool,
}

impl<Y, S, E> Unpin for Yield<'_, Y, S, E> {}

impl<Y, S, E> Future for Yield<'_, Y, S, E> {
    type Output = Result<S, E>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<S, E>> {
        if let Some(value) = self.value.take() {
            self.door.enter(value);
            self.stands = true;
            return Poll::Pending;
        }
        assert!(self.stands, "a future is not polled after it finished");
        let Some(answer) = self.door.answer.take() else { return Poll::Pending };
        self.stands = false;
        self.door.is_taken.set(false);
        Poll::Ready(answer)
    }
}

/// Without an answer it takes back what it has yielded.
impl<Y, S, E> Drop for Yield<'_, Y, S, E> {
    fn drop(&mut self) {
        if self.stands {
            self.door.is_taken.set(false);
            let left = self.door.yielded.take();
            drop(left);
        }
    }
}

impl<Y, S, E> Door<Y, S, E> {
    fn enter(&self, value: Y) {
        assert!(
            self.is_open.get(),
            "nobody asks for this item: an async generator that is closed cannot yield any \
             more, and nobody but its body can yield for it"
        );
        assert!(
            !self.is_taken.replace(true),
            "an async generator yields one value at a time: another of its yields stands"
        );
        self.yielded.set(Some(value));
        // Meant for a yield before this one, which was given up before it had its answer.
        let unheard = self.answer.take();
        drop(unheard);
    }
}

impl<Y, S, E> Default for Door<Y, S, E> {
    fn default() -> Self {
        Self {
            is_open: Cell::default(),
            is_taken: Cell::default(),
            yielded: Cell::default(),
            answer: Cell::default(),
            failed: Cell::default(),
        }
    }
}

/// A door that is open for as long as the body is polled.
struct Open<'a>(&'a Cell<bool>);

impl<'a> Open<'a> {
    fn door<Y, S, E>(door: &'a Door<Y, S, E>) -> Self {
        door.is_open.set(true);
        Self(&door.is_open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl<Y, S, E> fmt::Debug for AsyncGenerator<Y, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AsyncGenerator");
        if self.body.is_over() {
            shown.field("over", &true);
        } else {
            shown.field("stands", &self.stands);
        }
        shown.finish_non_exhaustive()
    }
}

impl<Y, S, E> fmt::Debug for Co<Y, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Co").finish_non_exhaustive()
    }
}

impl<Y, S, E> fmt::Debug for Yield<'_, Y, S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yield").field("stands", &self.stands).finish_non_exhaustive()
    }
}
