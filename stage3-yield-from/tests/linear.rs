//! What must cost four times as much when there are four times as many, and not sixteen.
//!
//! What is compared is the processor's time for this thread, which no other process can use
//! up, and the best of several tries. Linux tells.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use reactor::backend::{self, Clockwork};
use rustix::time::{ClockId, clock_gettime};
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::time::sleep;
use stage3_yield_from::{
    Coroutine, Failure, Future, Task, coroutine, run, spawn, yield_from,
};

fn play<T: 'static>(main: Coroutine<T>) -> T {
    backend::scope(Clockwork::new(), || run(main)).unwrap().unwrap()
}

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

/// How long the processor has worked for this thread, in seconds.
fn worked() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap().as_secs_f64()
}

/// `work` measures what matters of its course, between two looks at the clock.
fn is_linear(work: fn(usize) -> f64) {
    let ratio = || {
        let (few, many) = (work(2_500), work(10_000));
        many / few
    };
    let best = (0..5).map(|_| ratio()).fold(f64::INFINITY, f64::min);
    assert!(best < 8.0, "four times as many cost {best:.1} times as much");
}

/// From the front or from the end of their line.
fn cancels_waiters(many: usize, from_the_end: bool) -> f64 {
    play(coroutine(async move {
        let semaphore = Semaphore::new(0);
        let mut tasks: Vec<_> = (0..many).map(|_| spawn(semaphore.acquire())).collect();
        turn().await?;
        if from_the_end {
            tasks.reverse();
        }
        let begin = worked();
        for task in &tasks {
            task.cancel();
        }
        turn().await?;
        let end = worked();
        assert!(tasks.iter().all(Task::cancelled));
        Ok(end - begin)
    }))
}

#[test]
fn to_cancel_the_waiters_of_a_semaphore_from_the_front() {
    is_linear(|many| cancels_waiters(many, false));
}

#[test]
fn to_cancel_the_waiters_of_a_semaphore_from_the_end() {
    is_linear(|many| cancels_waiters(many, true));
}

#[test]
fn to_take_callbacks_back() {
    is_linear(|many| {
        let future = Future::<()>::new();
        let ids: Vec<_> = (0..many).map(|_| future.add_done_callback(|| ())).collect();
        let begin = worked();
        for id in ids.into_iter().rev() {
            assert!(future.remove_done_callback(id));
        }
        worked() - begin
    });
}

#[test]
fn to_begin_and_end_tasks() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            for _ in 0..many {
                spawn(turns());
            }
            turn().await?;
            turn().await?;
            turn().await
        }));
        worked() - begin
    });
}

#[test]
fn to_leave_tasks_behind() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            for _ in 0..many {
                spawn(sleep(Duration::from_hours(1)));
            }
            turn().await
        }));
        worked() - begin
    });
}

#[test]
fn to_end_tasks_that_wait_for_one_another() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            let mut last = spawn(turns());
            for _ in 0..many {
                let next = last;
                last = spawn(coroutine(async move { yield_from(&next).await }));
            }
            yield_from(&last).await
        }));
        worked() - begin
    });
}

fn turns() -> Coroutine<()> {
    coroutine(async {
        turn().await?;
        turn().await
    })
}
