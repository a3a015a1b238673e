//! Waiting for the clock.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use reactor::TimerId;
use reactor::trace::Place;

use crate::extras::current::current_or_exit;
use crate::extras::deadlock::What;
use crate::extras::wait::Wait;
use crate::failure::Failure;
use crate::greenlet;

/// Lets other greenlets run for at least `duration`. In a destructor, when the loop is over,
/// it is over at once.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
///
/// ```
/// use interlude_greenlets::{run, spawn, time::sleep};
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let log = Rc::new(RefCell::new(String::new()));
/// let said = Rc::clone(&log);
/// run(move || {
///     let both = ['a', 'b'].map(|letter| {
///         let said = Rc::clone(&said);
///         spawn(move || {
///             said.borrow_mut().push(letter);
///             sleep(Duration::ZERO); // somebody else's turn
///             said.borrow_mut().push(letter);
///         })
///     });
///     both.map(|it| it.join().unwrap());
/// })?;
/// assert_eq!(*log.borrow(), "abab");
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    let Ok(event_loop) = current_or_exit() else { return };
    let alarm = Alarm::set(duration, event_loop.expect_wake(What::Clock));
    let _ = alarm.wait.park();
}

/// The time was up.
#[doc(alias("Timeout", "TimeoutError"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time was up")]
pub struct Elapsed;

/// Calls `body`, but gives it no more than `duration`: then its stack is unwound from
/// wherever it waits, as gevent's `Timeout` does it. A body that does not wait, or that
/// catches what unwinds it, is not stopped.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
///
/// # Panics
///
/// Panics when no loop is running on this thread, and with whatever `body` panics with.
///
/// ```
/// use interlude_greenlets::time::{Elapsed, sleep, timeout};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let end = interlude_greenlets::run(|| {
///     timeout(Duration::from_millis(1), || sleep(Duration::from_secs(3600)))
/// })?;
/// assert_eq!(end, Err(Elapsed));
/// # Ok(())
/// # }
/// ```
#[doc(alias("with_timeout", "wait_for"))]
#[track_caller]
pub fn timeout<T>(duration: Duration, body: impl FnOnce() -> T) -> Result<T, Elapsed> {
    let time_up = Failure::from(Elapsed);
    let raise = |failure| (failure, greenlet::current().depth());
    let alarm = current_or_exit().map(|event_loop| {
        Alarm::set(duration, event_loop.expect_raise(raise(time_up.clone())))
    });
    let end = catch_unwind(AssertUnwindSafe(body));
    drop(alarm);
    greenlet::current().take_back(&time_up);
    end.or_else(|payload| match payload.downcast_ref::<Failure>() {
        Some(failure) if failure.is_same(&time_up) => {
            greenlet::current().caught();
            Err(Elapsed)
        }
        _ => resume_unwind(payload),
    })
}

/// A wait for the clock. Dropped, it takes the timer back.
struct Alarm {
    wait: Wait,
    timer: TimerId,
}

impl Alarm {
    #[track_caller]
    fn set(duration: Duration, wait: Wait) -> Self {
        let _place = Place::here().enter();
        let reactor = &wait.event_loop.reactor;
        let timer = reactor.wait_until(reactor.after(duration), wait.id);
        Self { wait, timer }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let _ = self.wait.event_loop.reactor.cancel(self.timer);
    }
}
