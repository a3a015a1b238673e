//! Many tasks, and many who wait: each costs the same.
//!
//! What is compared is processor time of the thread, for one number and for eight times as
//! many. Where each of them looks at all the others it is sixty-four times as much.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use common::{in_time, story, turn};
use rustix::time::{ClockId, clock_gettime};
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;

/// The processor time that this thread has had. By this clock to the last moment: what `/proc` says is
/// as old as the last tick, and may be nothing yet of what takes a millisecond.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// Whether eight times as many cost little more than eight times as much. Tried three times at
/// the most, in case that others are in the way.
fn is_linear(few: usize, cost: fn(usize) -> Duration) -> bool {
    in_time(move || (0..3).any(|_| cost(8 * few) < 20 * cost(few)))
}

#[test]
fn to_end_eight_times_as_many_tasks_costs_eight_times_as_much() {
    let is_linear = is_linear(20_000, |tasks| {
        let (before, _) = story(async move {
            for _ in 0..tasks {
                drop(spawn(pending::<()>()));
            }
            turn().await;
            processor_time()
        });
        processor_time().saturating_sub(before)
    });
    assert!(is_linear);
}

#[test]
fn to_cancel_eight_times_as_many_who_wait_costs_eight_times_as_much() {
    let is_linear = is_linear(2_000, |waiters| {
        let (took, _) = story(async move {
            let semaphore = Rc::new(Semaphore::new(0));
            let waits = || {
                let semaphore = Rc::clone(&semaphore);
                spawn(async move { drop(semaphore.acquire().await) })
            };
            let tasks: Vec<_> = (0..waiters).map(|_| waits()).collect();
            turn().await;
            let before = processor_time();
            // From the end, where a search from the front takes longest.
            for task in tasks.into_iter().rev() {
                task.cancel();
            }
            turn().await;
            processor_time().saturating_sub(before)
        });
        took
    });
    assert!(is_linear);
}
