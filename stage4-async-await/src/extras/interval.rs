//! Again and again, after the same time: what is late does not make the rest later.

use std::time::{Duration, Instant};

use crate::event_loop::current;
use crate::time::sleep;

/// Ticks after each period. The first tick is at once.
///
/// ```
/// use stage4_async_await::{extras::interval::Interval, run, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let ms = Duration::from_millis(1);
///     let mut interval = Interval::new(20 * ms);
///     assert_eq!(interval.tick().await, 0);
///     // Too slow: the ticks at 20 and at 40 are missed.
///     sleep(50 * ms).await;
///     // It is the one at 60.
///     assert_eq!(interval.tick().await, 2);
/// })
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Interval {
    period: Duration,
    missed: Missed,
    next: Next,
}

/// When the next tick is due.
#[derive(Clone, Copy, Debug)]
enum Next {
    Now,
    At(Instant),
    /// Further than the clock goes.
    Never,
}

/// What becomes of the ticks that nobody was there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are left out. The next tick is the first that is still to come, and
    /// [`Interval::tick`] tells how many there were.
    #[default]
    Skip,
    /// They are made up for at once, one after the other.
    Burst,
    /// There was none: the period begins with the tick that was late.
    Delay,
}

impl Interval {
    /// Ticks that leave out what was missed.
    ///
    /// # Panics
    ///
    /// Panics if the period is no time at all.
    pub fn new(period: Duration) -> Self {
        assert!(!period.is_zero(), "an interval of no time at all would tick for ever");
        Self { period, missed: Missed::default(), next: Next::Now }
    }

    /// The same ticks, with another answer to missed ones.
    #[must_use]
    pub fn on_missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// Waits for the next tick, and tells how many were left out before it. Cancelled, it has
    /// taken none.
    pub async fn tick(&mut self) -> u32 {
        let due = match self.next {
            Next::At(due) => due,
            Next::Never => std::future::pending().await,
            Next::Now => {
                self.next = self.after(now());
                return 0;
            }
        };
        let left_out = self.left_out(due);
        let due = due + self.period.saturating_mul(left_out);
        sleep(due.saturating_duration_since(now())).await;
        self.next = match self.missed {
            Missed::Delay => self.after(now()),
            Missed::Skip | Missed::Burst => self.after(due),
        };
        left_out
    }

    /// How many ticks to leave out, if one was due then. One that is due right now is not
    /// missed yet.
    fn left_out(&self, due: Instant) -> u32 {
        if self.missed != Missed::Skip {
            return 0;
        }
        let late = now().saturating_duration_since(due);
        let missed = late.as_nanos().div_ceil(self.period.as_nanos());
        u32::try_from(missed).unwrap_or(u32::MAX)
    }

    fn after(&self, instant: Instant) -> Next {
        instant.checked_add(self.period).map_or(Next::Never, Next::At)
    }
}

fn now() -> Instant {
    current().reactor.now()
}
