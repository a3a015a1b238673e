//! Wakes from other threads while the loop runs, in as many orders as a machine comes upon.
//! Those it does not come upon are tried by `cargo xtask loom`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::hint::spin_loop;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Poll, Waker};
use std::thread;

use common::in_time;
use stage4_async_await::{run, spawn};

/// How many wakes race with a poll.
const ROUNDS: u32 = 50_000;

/// What the sides of a race share.
#[derive(Default)]
struct Race {
    /// Written by the task: the round that begins.
    round: AtomicU32,
    /// Written by one of the threads, which then wakes the task.
    answered: AtomicU32,
}

impl Race {
    /// Has a thread do something in every round: at once, or moments later, so that it meets
    /// the poll in many ways.
    fn in_every_round(
        self: &Arc<Self>,
        moments: u32,
        act: impl Fn(u32) + Send + 'static,
    ) {
        let race = Arc::clone(self);
        thread::spawn(move || {
            for round in 1..=ROUNDS {
                while race.round.load(Ordering::Relaxed) < round {
                    thread::yield_now();
                }
                (0..round % moments).for_each(|_| spin_loop());
                act(round);
            }
        });
    }
}

/// A future that keeps its waker, and only looks at a number. One thread wakes it for nothing;
/// so it is polled just when the other writes the number and wakes it. If the poll comes too
/// early to see the number, the second wake has to bring another.
#[test]
fn a_wake_that_races_with_a_poll_is_not_lost() {
    let polls = in_time(|| {
        run(async {
            let race = Arc::new(Race::default());
            let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
            let (poke, answer, answers) = (waker.clone(), waker, Arc::clone(&race));
            race.in_every_round(16, move |_| poke.wake_by_ref());
            race.in_every_round(64, move |round| {
                answers.answered.store(round, Ordering::Relaxed);
                answer.wake_by_ref();
            });
            let mut polls = 0_u32;
            for round in 1..=ROUNDS {
                race.round.store(round, Ordering::Relaxed);
                poll_fn(|_| {
                    polls += 1;
                    let is_there = race.answered.load(Ordering::Relaxed) == round;
                    if is_there { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
            polls
        })
        .unwrap()
    });
    assert!(
        polls <= 3 * ROUNDS,
        "{polls} polls: one to begin a round, one for each wake"
    );
}

/// Four threads wake fifty tasks, in bursts. Each task sees all that was written for it, and
/// is polled no more often than it was woken.
#[test]
fn bursts_of_wakes_reach_every_task() {
    const TASKS: u32 = 50;
    const BURSTS: u32 = 200;
    let polls = in_time(|| {
        run(async {
            let written: Arc<Vec<AtomicU32>> =
                Arc::new((0..TASKS).map(|_| AtomicU32::new(0)).collect());
            let wakers = Rc::new(RefCell::new(Vec::new()));
            let polls = Rc::new(Cell::new(0));
            let watch = |index: u32| {
                let (written, wakers) = (Arc::clone(&written), Rc::clone(&wakers));
                let polls = Rc::clone(&polls);
                spawn(async move {
                    let waker = poll_fn(|it| Poll::Ready(it.waker().clone())).await;
                    wakers.borrow_mut().push(waker);
                    poll_fn(|_| {
                        polls.set(polls.get() + 1);
                        let count = written[index as usize].load(Ordering::Relaxed);
                        if count == 4 * BURSTS { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                })
            };
            let tasks: Vec<_> = (0..TASKS).map(watch).collect();
            common::turn().await;
            for shift in [0, 13, 26, 39] {
                let wakers = wakers.borrow().clone();
                bursts(shift, BURSTS, Arc::clone(&written), wakers);
            }
            for task in tasks {
                task.await;
            }
            polls.get()
        })
        .unwrap()
    });
    assert!(polls <= TASKS * (4 * BURSTS + 1), "{polls} polls");
}

/// Counts for each task, and wakes it, that many times over.
fn bursts(shift: u32, count: u32, written: Arc<Vec<AtomicU32>>, wakers: Vec<Waker>) {
    thread::spawn(move || {
        for burst in 0..count {
            for nth in 0..wakers.len() {
                let index = (nth + (shift + burst) as usize) % wakers.len();
                written[index].fetch_add(1, Ordering::Relaxed);
                wakers[index].wake_by_ref();
            }
        }
    });
}

/// Many wakes of one task from another thread, before the loop looks, are one poll.
#[test]
fn many_wakes_from_another_thread_are_one_poll() {
    in_time(|| {
        let polls = run(async {
            let mut polls = 0_u32;
            let (done, mut other) = (Arc::new(AtomicBool::new(false)), None);
            poll_fn(|context| {
                polls += 1;
                let (waker, set) = (context.waker().clone(), Arc::clone(&done));
                other.get_or_insert_with(|| {
                    let act = move || {
                        (0..1000).for_each(|_| waker.wake_by_ref());
                        set.store(true, Ordering::Relaxed);
                        waker.wake_by_ref();
                    };
                    // All of them before this poll ends.
                    thread::spawn(act).join().unwrap();
                });
                if polls > 1 { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            assert!(done.load(Ordering::Relaxed));
            common::turn().await;
            polls
        });
        assert_eq!(polls.unwrap(), 2);
    });
}

/// A waker that outlives its task, and its loop, wakes nobody on any thread.
#[test]
fn a_waker_that_outlives_its_loop_does_nothing() {
    in_time(|| {
        let waker = run(poll_fn(|context| Poll::Ready(context.waker().clone()))).unwrap();
        waker.wake_by_ref();
        let other = waker.clone();
        thread::spawn(move || other.wake()).join().unwrap();
        run(async move {
            waker.wake_by_ref();
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                waker.wake_by_ref();
                if polls == 1 {
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(())
            })
            .await;
            assert_eq!(polls, 2);
        })
        .unwrap();
    });
}
