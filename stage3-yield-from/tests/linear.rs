//! What must cost four times as much when there are four times as many, and not sixteen.
//!
//! What is compared is the processor's time for this thread, which no other process can use
//! up, and the best of several tries. Linux tells.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use reactor::backend::{self, Clockwork};
use rustix::time::{ClockId, clock_gettime};
use stage3_yield_from::extras::completed::as_completed;
use stage3_yield_from::extras::condition::Condition;
use stage3_yield_from::extras::event::Event;
use stage3_yield_from::extras::gather::{gather, gather_all};
use stage3_yield_from::extras::queue::{PriorityQueue, Queue};
use stage3_yield_from::extras::wait::{ReturnWhen, wait};
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

/// From the front or from the end of their line.
fn cancels_getters(many: usize, from_the_end: bool) -> f64 {
    play(coroutine(async move {
        let queue = Queue::<()>::new(0);
        let mut tasks: Vec<_> = (0..many).map(|_| spawn(queue.get())).collect();
        turn().await?;
        if from_the_end {
            tasks.reverse();
        }
        let begin = worked();
        for task in &tasks {
            task.cancel();
        }
        turn().await?;
        Ok(worked() - begin)
    }))
}

#[test]
fn to_cancel_whoever_waits_for_a_queue() {
    is_linear(|many| cancels_getters(many, false));
    is_linear(|many| cancels_getters(many, true));
}

#[test]
fn to_put_and_get() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            let queue = PriorityQueue::new(many);
            let getters: Vec<_> = (0..many / 2).map(|_| spawn(queue.get())).collect();
            turn().await?;
            for n in 0..many {
                queue.put_nowait(n)?;
            }
            yield_from(gather(getters)).await?;
            for _ in 0..many / 2 {
                queue.get_nowait()?;
            }
            Ok(())
        }));
        worked() - begin
    });
}

#[test]
fn to_set_an_event_and_to_notify_all() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            let (event, condition) = (Event::new(), Condition::default());
            let waits = (0..many).map(|n| {
                let (event, condition) = (event.clone(), condition.clone());
                spawn(coroutine(async move {
                    if n % 2 == 0 {
                        return yield_from(event.wait()).await;
                    }
                    let guard = yield_from(condition.acquire()).await?;
                    drop(yield_from(condition.wait(guard)).await?);
                    Ok(())
                }))
            });
            let waits: Vec<_> = waits.collect();
            turn().await?;
            event.set();
            let guard = yield_from(condition.acquire()).await?;
            condition.notify_all(&guard);
            drop(guard);
            yield_from(gather(waits)).await.map(drop)
        }));
        worked() - begin
    });
}

#[test]
fn to_wait_for_many_together() {
    is_linear(|many| {
        let begin = worked();
        play(coroutine(async move {
            let tasks: Vec<_> = (0..many).map(|_| spawn(turns())).collect();
            let waits = wait(tasks.clone(), None, ReturnWhen::FirstCompleted);
            drop(yield_from(waits).await?);
            for next in as_completed(tasks, Some(Duration::from_hours(1))) {
                yield_from(next).await?;
            }
            let cancelled: Vec<_> =
                (0..many).map(|_| spawn(sleep(Duration::from_hours(1)))).collect();
            let gathered = spawn(gather_all(cancelled));
            turn().await?;
            gathered.cancel();
            assert!(yield_from(gathered).await.is_err());
            Ok(())
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
