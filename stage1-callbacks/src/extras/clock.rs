//! What time it is, and a clock that moves only when it is told to: Twisted's `task.Clock`.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use reactor::backend::{self, Backend, Clockwork};

use crate::event_loop::{Entered, EventLoop, call_soon, current};

/// What time it is, by the loop's clock: the only one that its timers know.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "seconds")]
pub fn now() -> Instant {
    current().reactor.now()
}

/// A loop for tests, whose time is in your hands. As long as there is one, it is the loop of
/// this thread: whatever is called puts its timers there, and they come due when you say so.
///
/// It has no network. To run a whole program at once, under a clock that jumps from timer to
/// timer by itself, call [`run`](crate::run) inside [`backend::scope`] with a [`Clockwork`].
///
/// ```
/// use stage1_callbacks::extras::clock::Clock;
/// use stage1_callbacks::time::{Elapsed, timeout};
/// use stage1_callbacks::Deferred;
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let (_firer, answer) = Deferred::<()>::new();
/// let answer = timeout(Duration::from_secs(30), answer);
///
/// clock.advance(Duration::from_secs(29));
/// let answer = answer.try_take().unwrap_err(); // not yet
/// clock.advance(Duration::from_secs(1));
/// assert!(answer.try_take().unwrap().unwrap_err().is::<Elapsed>());
/// ```
#[doc(alias("task.Clock", "MemoryReactorClock"))]
pub struct Clock {
    clockwork: Rc<Clockwork>,
    event_loop: Rc<EventLoop>,
    /// Makes the loop this thread's, until it is dropped.
    _entered: Entered,
}

impl Clock {
    /// A clock that stands at zero.
    ///
    /// # Panics
    ///
    /// Panics inside a `run`, and where there is another clock.
    pub fn new() -> Self {
        let clockwork = Clockwork::new();
        let event_loop = backend::scope(Rc::clone(&clockwork) as _, EventLoop::new);
        let event_loop = Rc::new(event_loop.expect("a clockwork opens nothing"));
        let entered = Entered::enter(&event_loop);
        Self { clockwork, event_loop, _entered: entered }
    }

    /// How much time has passed.
    pub fn seconds(&self) -> Duration {
        self.clockwork.elapsed()
    }

    /// Lets time pass, all of it at once, and then makes the calls that are due: each sees the
    /// clock where it stands now, not where it stood when the call was due. With no time at
    /// all, it makes those that were to be made soon.
    ///
    /// It returns when no call is due any more. A call that makes itself due again at once, as a
    /// [`LoopingCall`](super::looping::LoopingCall) whose interval is zero, keeps it for ever, as
    /// it keeps Twisted's.
    ///
    /// # Panics
    ///
    /// Panics when no clock can show that time.
    pub fn advance(&self, amount: Duration) {
        let end = self.seconds() + amount;
        while let Some(left) = end.checked_sub(self.seconds()).filter(|it| !it.is_zero())
        {
            let waited = self.clockwork.wait(Some(left), &mut Vec::new());
            waited.expect("no clock can show that time");
        }
        self.call_what_is_due();
    }

    /// Advances step by step.
    ///
    /// # Panics
    ///
    /// Panics when no clock can show that time.
    pub fn pump(&self, amounts: impl IntoIterator<Item = Duration>) {
        amounts.into_iter().for_each(|amount| self.advance(amount));
    }

    /// How many timers are set.
    #[doc(alias = "getDelayedCalls")]
    pub fn delayed_calls(&self) -> usize {
        self.event_loop.reactor.timers()
    }

    fn call_what_is_due(&self) {
        let event_loop = &self.event_loop;
        loop {
            event_loop.run_ready();
            call_soon(|| ()); // somebody is ready, so it looks and does not sleep
            event_loop
                .wait()
                .expect("a clockwork fails only where it would sleep for ever");
            if event_loop.ready.borrow().len() == 1 {
                return event_loop.run_ready();
            }
        }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("seconds", &self.seconds()).finish_non_exhaustive()
    }
}
