//! An interval as a stream: `async for`, with the clock.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use crate::extras::interval::Interval;

impl Interval {
    /// The ticks as a stream without end: each item tells how many were left out before it.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use stage4_async_await::{extras::interval::Interval, run};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let clock = reactor::backend::Clockwork::new();
    /// # reactor::backend::scope(clock.clone(), || {
    /// run(async {
    ///     let ticks = Interval::new(Duration::from_millis(20)).ticks();
    ///     assert_eq!(ticks.take(4).collect::<Vec<_>>().await, [0, 0, 0, 0]);
    /// })
    /// # })?;
    /// # assert_eq!(clock.elapsed(), Duration::from_millis(60));
    /// # Ok(())
    /// # }
    /// ```
    pub fn ticks(self) -> Ticks {
        Ticks(next(self))
    }
}

/// The ticks of an interval. Whoever stops waiting for the next one has taken none.
pub struct Ticks(Pin<Box<dyn Future<Output = (u32, Interval)>>>);

/// Lends the interval to its next tick. The future keeps it, and gives it back with the tick.
fn next(mut interval: Interval) -> Pin<Box<dyn Future<Output = (u32, Interval)>>> {
    Box::pin(async move { (interval.tick().await, interval) })
}

impl Stream for Ticks {
    type Item = u32;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<u32>> {
        let (left_out, interval) = ready!(self.0.as_mut().poll(context));
        self.0 = next(interval);
        Poll::Ready(Some(left_out))
    }
}

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticks").finish_non_exhaustive()
    }
}
