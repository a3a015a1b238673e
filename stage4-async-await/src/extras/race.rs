//! Whoever is first: the others are dropped, and their exits awaited, before the winner counts.

use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::cancel::Exits;

/// One of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// It is the first.
    Left(A),
    /// It is the second.
    Right(B),
}

/// Waits for one of two, whichever is ready first. The other is dropped, which cancels it,
/// and the exits that it leaves behind are awaited. If both are ready, the first has won.
///
/// A reference to a future may be dropped without harm: what loses as `&mut task` is not
/// cancelled. That is `asyncio.wait(.., FIRST_COMPLETED)`, which cancels nobody.
///
/// ```
/// use stage4_async_await::extras::race::{Either, select};
/// use stage4_async_await::{run, spawn, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let ms = Duration::from_millis(1);
///     let mut slow = spawn(async move { sleep(3 * ms).await; "slow" });
///     let first = select(&mut slow, async move { sleep(ms).await; "fast" }).await;
///     assert_eq!(first, Either::Right("fast"));
///     assert_eq!(slow.await, "slow");
/// })
/// # })
/// # }
/// ```
#[doc(alias("FIRST_COMPLETED", "wait"))]
pub fn select<A, B>(
    first: A,
    second: B,
) -> impl Future<Output = Either<A::Output, B::Output>>
where
    A: IntoFuture,
    B: IntoFuture,
{
    let (first, second) = (Some(first.into_future()), Some(second.into_future()));
    Select { first, second, won: None, exits: Exits::default() }
}

pin_project! {
    /// Two, in their places, until one has won.
    struct Select<A: Future, B: Future> {
        #[pin]
        first: Option<A>,
        #[pin]
        second: Option<B>,
        // Set when both futures are gone.
        won: Option<Either<A::Output, B::Output>>,
        exits: Exits,
    }
}

impl<A: Future, B: Future> Future for Select<A, B> {
    type Output = Either<A::Output, B::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if this.won.is_none() {
            let finished = "a future is not polled after it finished";
            let first = this.first.as_mut().as_pin_mut().expect(finished);
            let second = this.second.as_mut().as_pin_mut().expect(finished);
            *this.won = Some(match first.poll(context) {
                Poll::Ready(output) => Either::Left(output),
                Poll::Pending => Either::Right(ready!(second.poll(context))),
            });
            let dropped = this.exits.left_by(|| {
                this.first.set(None);
                this.second.set(None);
            });
            dropped.unwrap_or_else(|panic| resume_unwind(panic));
        }
        ready!(this.exits.poll(context));
        Poll::Ready(this.won.take().expect("it was set above, or before"))
    }
}

/// Waits for the first of many, and tells which it was. The others are dropped, which cancels
/// them, and the exits that they leave behind are awaited. Of those that are ready at once,
/// the first in order has won.
///
/// Whenever one of them is woken, all are polled: it is meant for a handful. For more, spawn
/// them in a [`JoinSet`](super::join_set::JoinSet).
///
/// ```
/// # use stage4_async_await::{extras::race::race, run, time::sleep};
/// # use std::time::Duration;
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let nap = async |millis| {
///         sleep(Duration::from_millis(millis)).await;
///         millis
///     };
///     assert_eq!(race([3, 1, 2].map(nap)).await, (1, 1));
/// })
/// # })
/// # }
/// ```
///
/// # Panics
///
/// Panics if there are none: nobody could ever win.
pub async fn race<F: Future>(futures: impl IntoIterator<Item = F>) -> (usize, F::Output) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    assert!(!futures.is_empty(), "a race of nobody is never won");
    let won = poll_fn(|context| {
        let mut polled = futures.iter_mut().map(|it| it.as_mut().poll(context));
        let won = polled.by_ref().enumerate().find(|(_, poll)| poll.is_ready());
        won.map_or(Poll::Pending, |(place, poll)| poll.map(|output| (place, output)))
    })
    .await;
    drop_with_exits(futures).await;
    won
}

/// Drops something here and now, and awaits the exits that it leaves behind.
pub(crate) async fn drop_with_exits<T>(what: T) {
    let mut exits = Exits::default();
    let dropped = exits.left_by(|| drop(what));
    dropped.unwrap_or_else(|panic| resume_unwind(panic));
    poll_fn(|context| exits.poll(context)).await;
}
