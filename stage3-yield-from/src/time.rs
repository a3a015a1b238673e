//! Waiting for the clock.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::trace::Place;

use crate::event_loop::{TimerHandle, call_later};
use crate::future::{Cancelled, Future};
use crate::task::{Coroutine, Task, coroutine, spawn, yield_from, yield_from_at};

/// Lets other tasks run for at least `duration`, counted from the first step.
#[track_caller]
pub fn sleep(duration: Duration) -> Coroutine<()> {
    let place = Place::here();
    coroutine(async move {
        let due = Future::new();
        let done = due.clone();
        let _alarm = Alarm::set(place, duration, move || {
            // Who was cancelled meanwhile took the timer back, so it is not done yet.
            let _ = done.set_result(());
        });
        yield_from_at(place, &due).await
    })
}

/// The time was up.
#[doc(alias = "TimeoutError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

/// Waits for `body`, in a task of its own, but no longer than `duration`: then it is
/// cancelled, and fails with [`Elapsed`] once it has cleaned up.
#[doc(alias = "wait_for")]
#[track_caller]
pub fn timeout<T: Clone + 'static>(
    duration: Duration,
    body: Coroutine<T>,
) -> Coroutine<T> {
    let place = Place::here();
    coroutine(async move {
        let task = spawn(body);
        let is_up = Rc::new(Cell::new(false));
        let (was_up, late) = (Rc::clone(&is_up), task.clone());
        let _alarm = Alarm::set(place, duration, move || {
            is_up.set(true);
            late.cancel();
        });
        if let Err(failure) = yield_from_at(place, &ended(&task)).await {
            // Nobody wants the result any more, but the task may still clean up.
            task.cancel();
            if failure.is::<Cancelled>() {
                let _ = yield_from(&task).await;
            }
            return Err(failure);
        }
        match task.result() {
            Err(failure) if was_up.get() && failure.is::<Cancelled>() => {
                Err(Elapsed.into())
            }
            result => result,
        }
    })
}

/// Done when `task` is. Who is cancelled while it waits for this, and not for the task
/// itself, can tell its own cancel from the task's.
fn ended<T>(task: &Task<T>) -> Future<()> {
    let ended = Future::new();
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

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time was up")
    }
}

impl Error for Elapsed {}
