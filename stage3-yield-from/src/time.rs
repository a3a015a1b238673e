//! Waiting for the clock.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use reactor::trace::Place;

use crate::event_loop::{TimerHandle, call_later};
use crate::extras::errors::errors;
use crate::extras::turn::NextTurn;
use crate::future::{Cancelled, Future};
use crate::task::{Coroutine, Task, coroutine, spawn_at, yield_from_at};

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
        let _alarm = Alarm::set(place, duration, move || {
            // Whoever was cancelled meanwhile took the timer back, so it is not done yet.
            let _ = done.set_result(());
        });
        yield_from_at(place, &due).await
    })
}

errors! {
    /// The time was up.
    #[doc(alias = "TimeoutError")]
    Elapsed: "the time was up",
}

/// Waits for `body`, in a task of its own, but no longer than `duration`: then it is
/// cancelled, and fails with [`Elapsed`] once it has cleaned up. With no time at all it never
/// begins.
///
/// A cancel from outside goes on to `body`, each time, and is raised here once that has
/// ended. What else it may end with is nobody's then: an error is reported.
#[doc(alias = "wait_for")]
#[track_caller]
pub fn timeout<T: Clone + 'static>(
    duration: Duration,
    body: Coroutine<T>,
) -> Coroutine<T> {
    let place = Place::here();
    coroutine(async move {
        let task = spawn_at(place, body);
        let is_up = Rc::new(Cell::new(false));
        let (was_up, late) = (Rc::clone(&is_up), task.clone());
        let time_is_up = move || {
            is_up.set(true);
            late.cancel();
        };
        let _alarm = if duration.is_zero() {
            time_is_up();
            None
        } else {
            Some(Alarm::set(place, duration, time_is_up))
        };
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
        task.result().map_err(|failure| {
            let is_late = was_up.get() && failure.is::<Cancelled>();
            if is_late { Elapsed.into() } else { failure }
        })
    })
}

/// Done when `task` is. Whoever is cancelled while it waits for this, and not for the
/// task itself, can tell its own cancel from the task's.
fn ended<T: 'static>(task: &Task<T>) -> Future<()> {
    let ended = Future::named("what runs under a timeout");
    let done = ended.clone();
    task.add_done_callback(move || {
        // Whoever waited may have been cancelled.
        let _ = done.set_result(());
    });
    ended
}

/// A timer that was set. Dropped, it is taken back.
struct Alarm(TimerHandle);

impl Alarm {
    fn set(place: Place, delay: Duration, callback: impl FnOnce() + 'static) -> Self {
        let _place = place.enter();
        Self(call_later(delay, callback))
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
