//! Waiting for the clock.

use std::time::Duration;

use reactor::trace::Place;

use crate::extras::handle::Alarm;
use crate::extras::turn::NextTurn;
use crate::future::{Cancelled, Future};
use crate::task::{Coroutine, Task, coroutine, spawn_at, yield_from_at};

pub use crate::extras::errors::Elapsed;

/// Lets other tasks run for at least `duration`, counted from the first step. No time at all
/// is a turn: the task goes on after all those who are ready before it.
#[track_caller]
pub fn sleep(duration: Duration) -> Coroutine<()> {
    let place = Place::here();
    coroutine(async move {
        if duration.is_zero() {
            return yield_from_at(place, NextTurn).await;
        }
        let due = Future::named("the clock");
        let done = due.clone();
        // Whoever was cancelled meanwhile took the timer back, so it is not done yet.
        let _alarm = Alarm::set(place, duration, move || _ = done.set_result(()));
        yield_from_at(place, &due).await
    })
}

/// Waits for `body`, in a task of its own, but no longer than `duration`: then it is
/// cancelled, and fails with [`Elapsed`] once it has cleaned up. With no time at all it never
/// begins.
///
/// A cancel from outside goes on to `body`, each time, and is raised here once that has
/// ended. What else it may end with is nobody's then: an error is reported.
///
/// ```
/// use reactor::backend::{self, Clockwork};
/// use stage3_yield_from::time::{Elapsed, sleep, timeout};
/// use stage3_yield_from::{coroutine, run, yield_from};
/// # use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// // An hour passes at once, by a clock that is wound up.
/// backend::scope(Clockwork::new(), || run(coroutine(async {
///     let hour = Duration::from_secs(3600);
///     let late = yield_from(timeout(hour, sleep(2 * hour))).await;
///     assert!(late.unwrap_err().is::<Elapsed>());
///     Ok(())
/// })))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[doc(alias = "wait_for")]
#[track_caller]
pub fn timeout<T: 'static>(duration: Duration, body: Coroutine<T>) -> Coroutine<T> {
    let place = Place::here();
    coroutine(async move {
        let task = spawn_at(place, body);
        let late = task.clone();
        let alarm = Alarm::set(place, duration, move || _ = late.cancel());
        if duration.is_zero() {
            alarm.0.call_now();
        }
        let mut from_outside = None;
        while let Err(failure) = yield_from_at(place, &ended(&task)).await {
            task.cancel();
            if !failure.is::<Cancelled>() {
                return Err(failure);
            }
            from_outside = Some(failure);
        }
        if let Some(failure) = from_outside {
            return Err(failure);
        }
        match task.take().expect("it has ended, and nobody else asks") {
            Err(failure) if alarm.0.is_over() && failure.is::<Cancelled>() => {
                Err(Elapsed.into())
            }
            result => result,
        }
    })
}

/// Done when `task` is. Whoever is cancelled while it waits for this, and not for the
/// task itself, can tell its own cancel from the task's.
fn ended<T: 'static>(task: &Task<T>) -> Future<()> {
    let ended = Future::named("what runs under a timeout");
    let done = ended.clone();
    // Whoever waited may have been cancelled.
    task.add_done_callback(move || _ = done.set_result(()));
    ended
}
