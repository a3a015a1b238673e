//! All of them at once, in one task: whoever is woken, each that is not done is polled.

use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::extras::race::drop_with_exits;

/// Waits for both. They may borrow from whoever waits, which no spawned task may.
///
/// ```
/// use stage4_async_await::{extras::together::join, run, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let name = String::from("both");
///     let nap = sleep(Duration::from_millis(1));
///     let ((), length) = join(nap, async { name.len() }).await;
///     assert_eq!(length, 4);
/// })
/// # })
/// # }
/// ```
pub fn join<A, B>(first: A, second: B) -> impl Future<Output = (A::Output, B::Output)>
where
    A: IntoFuture,
    B: IntoFuture,
{
    let (first, second) = (Some(first.into_future()), Some(second.into_future()));
    Join { first, second, outputs: (None, None) }
}

pin_project! {
    /// Two, in their places. Whoever is done is dropped.
    struct Join<A: Future, B: Future> {
        #[pin]
        first: Option<A>,
        #[pin]
        second: Option<B>,
        outputs: (Option<A::Output>, Option<B::Output>),
    }
}

impl<A: Future, B: Future> Future for Join<A, B> {
    type Output = (A::Output, B::Output);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_in_place(this.first, &mut this.outputs.0, context);
        poll_in_place(this.second, &mut this.outputs.1, context);
        match mem::take(this.outputs) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            some => {
                *this.outputs = some;
                Poll::Pending
            }
        }
    }
}

/// Polls what is not done yet, and keeps its output.
fn poll_in_place<F: Future>(
    mut future: Pin<&mut Option<F>>,
    output: &mut Option<F::Output>,
    context: &mut Context<'_>,
) {
    if let Some(running) = future.as_mut().as_pin_mut()
        && let Poll::Ready(done) = running.poll(context)
    {
        future.set(None);
        *output = Some(done);
    }
}

/// Waits for all of them, and gives their outputs in the order of the futures, whatever the
/// order in which they end. With `Result`s, it is asyncio's
/// `gather(.., return_exceptions=True)`. Cancelled, it cancels them all.
///
/// Whenever one of them is woken, all that are not done are polled: it is meant for a handful,
/// and needs no wakers of its own for that, so a deadlock is still noticed. For many, spawn
/// them in a [`JoinSet`](super::join_set::JoinSet).
///
/// ```
/// # use stage4_async_await::{extras::together::gather, run, time::sleep};
/// # use std::time::Duration;
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let nap = async |millis| {
///         sleep(Duration::from_millis(millis)).await;
///         millis
///     };
///     assert_eq!(gather([3, 1, 2].map(nap)).await, [3, 1, 2]);
/// })
/// # })
/// # }
/// ```
pub async fn gather<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all = All::new(futures);
    poll_fn(|context| all.poll(context, |_| false)).await;
    all.outputs().collect()
}

/// Waits for all of them, or for the first error.
///
/// asyncio's `gather` raises the first error at once, and the others go on. Here they are
/// futures of this one, and end with it: they are dropped, and the exits that they leave
/// behind are awaited. Whoever wants them to go on spawns them, and gathers the handles: a
/// handle that is dropped lets its task run on.
///
/// ```
/// # use stage4_async_await::{extras::together::try_gather, run};
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let parse = async |text: &'static str| text.parse::<u8>();
///     assert_eq!(try_gather(["1", "2"].map(parse)).await, Ok(vec![1, 2]));
///     assert!(try_gather(["1", "x", "y"].map(parse)).await.is_err());
/// })
/// # }
/// ```
///
/// # Errors
///
/// The first there is: of several at once, that of the first in order.
#[doc(alias = "gather")]
pub async fn try_gather<F, T, E>(
    futures: impl IntoIterator<Item = F>,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut all = All::new(futures);
    poll_fn(|context| all.poll(context, Result::is_err)).await;
    drop_with_exits(mem::take(&mut all.running)).await;
    all.outputs().collect()
}

/// Futures, and the outputs of those that are done.
struct All<F: Future> {
    /// `None` for whoever is done.
    running: Vec<Option<Pin<Box<F>>>>,
    /// In the same order; all there once nobody runs.
    outputs: Vec<Option<F::Output>>,
}

impl<F: Future> All<F> {
    fn new(futures: impl IntoIterator<Item = F>) -> Self {
        let running: Vec<_> = futures.into_iter().map(|it| Some(Box::pin(it))).collect();
        let outputs = running.iter().map(|_| None).collect();
        Self { running, outputs }
    }

    /// Ready when all are done, or when one has an output that is `enough`.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        enough: impl Fn(&F::Output) -> bool,
    ) -> Poll<()> {
        let mut is_done = true;
        for (running, output) in self.running.iter_mut().zip(&mut self.outputs) {
            let Some(future) = running else { continue };
            let Poll::Ready(done) = future.as_mut().poll(context) else {
                is_done = false;
                continue;
            };
            *running = None;
            if enough(output.insert(done)) {
                return Poll::Ready(());
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    }

    /// What is there, in order.
    fn outputs(self) -> impl Iterator<Item = F::Output> {
        self.outputs.into_iter().flatten()
    }
}
