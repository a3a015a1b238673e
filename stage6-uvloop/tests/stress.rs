//! Eight threads that wake tasks of a fast loop, on each engine; and random programs, which have to
//! tell the same story as on stage 5's loop.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::waker_clone_wake, reason = "a clone on another thread is what is tried")]

mod common;

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage5_asyncio::events::with_loop_factory;
use stage5_asyncio::locks::{Event, Semaphore};
use stage5_asyncio::queues::Queue;
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, create_task, timeout};
use stage6_uvloop::engine::Engine;

use common::Dice;

const THREADS: usize = 8;
const ROUNDS: u64 = 2_000;

/// What one task and one thread share.
#[derive(Default)]
struct Meeting {
    /// Counted up by the thread, before it wakes.
    said: AtomicU64,
    /// Left by the task, whenever it has to wait; taken by the thread, or only looked at.
    waker: Mutex<Option<Waker>>,
}

/// Waits until the thread has said more than `heard`.
async fn hears(meeting: &Meeting, heard: u64) -> u64 {
    poll_fn(|context| {
        *meeting.waker.lock().unwrap() = Some(context.waker().clone());
        match meeting.said.load(Ordering::Acquire) {
            said if said > heard => Poll::Ready(said),
            _ => Poll::Pending,
        }
    })
    .await
}

/// Says something so often, and wakes whoever is there: by value, by reference, by a clone that is
/// made and dropped here, twice.
fn says(meeting: &Meeting) {
    for n in 1..=ROUNDS {
        meeting.said.store(n, Ordering::Release);
        let mut waker = meeting.waker.lock().unwrap();
        match n % 4 {
            0 => waker.take().into_iter().for_each(Waker::wake),
            1 => waker.iter().for_each(Waker::wake_by_ref),
            2 => waker.iter().for_each(|it| it.clone().wake()),
            _ => waker.iter().for_each(|it| {
                it.wake_by_ref();
                it.clone().wake();
            }),
        }
        drop(waker);
        if n.is_multiple_of(64) {
            thread::yield_now();
        }
    }
}

/// Each thread wakes a task of its own, and all of them one more. No wake is lost, and whoever is
/// woken after its end harms nobody.
#[test]
fn no_wake_of_eight_threads_is_lost_on_either_engine() {
    for engine in Engine::ALL {
        let backend = engine.open(|_| ()).unwrap();
        let heard = backend::scope(backend, || stage6_uvloop::run(meet_all()));
        assert_eq!(heard.unwrap(), vec![ROUNDS; THREADS + 1], "on {engine}");
    }
}

async fn meet_all() -> Vec<u64> {
    let common = Arc::new(Meeting::default());
    let meetings: Vec<_> = (0..THREADS).map(|_| Arc::new(Meeting::default())).collect();
    let threads: Vec<_> = meetings
        .iter()
        .map(|meeting| {
            let (own, common) = (Arc::clone(meeting), Arc::clone(&common));
            thread::spawn(move || {
                says(&own);
                says(&common);
            })
        })
        .collect();
    let tasks = meetings.into_iter().chain([common]).map(|meeting| {
        create_task(async move {
            let mut heard = 0;
            while heard < ROUNDS {
                heard = hears(&meeting, heard).await;
            }
            heard
        })
    });
    let minute = Duration::from_mins(1);
    let heard = timeout(minute, gather(tasks.collect::<Vec<_>>())).await;
    let heard = heard.expect("a wake was lost");
    threads.into_iter().for_each(|it| it.join().unwrap());
    heard
}

type Log = Rc<RefCell<Vec<(u64, &'static str)>>>;

/// What the tasks of a program share.
struct Common {
    log: Log,
    permits: Semaphore,
    event: Event,
    queue: Queue<u64>,
}

/// A program of some tasks that wait, hand over, wake and cancel each other.
async fn program(seed: u64, log: Log) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let (permits, event, queue) = (Semaphore::new(1), Event::new(), Queue::bounded(2));
    let common = Rc::new(Common { log, permits, event, queue });
    let mut tasks: Vec<Task<()>> = Vec::new();
    for id in 0..2 + dice.throw(6) {
        let (seed, common) = (dice.throw(1 << 32) | 1, Rc::clone(&common));
        tasks.push(create_task(task(id, Dice(seed), common)));
    }
    for _ in 0..dice.throw(4) {
        sleep(Duration::from_millis(1 + dice.throw(3))).await;
        let one = usize::try_from(dice.throw(tasks.len() as u64)).unwrap();
        tasks[one].cancel();
    }
    for task in tasks {
        let _ = timeout(Duration::from_millis(20), task.erased().ended()).await;
        task.cancel();
        task.erased().ended().await;
    }
}

/// Lets the others have their turn.
async fn turn() {
    let mut was_here = false;
    poll_fn(|context| {
        if std::mem::replace(&mut was_here, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn task(id: u64, mut dice: Dice, common: Rc<Common>) {
    let say = |what| common.log.borrow_mut().push((id, what));
    for _ in 0..dice.throw(10) {
        match dice.throw(7) {
            0 => turn().await,
            1 => sleep(Duration::from_millis(dice.throw(5))).await,
            2 => {
                let _permit = common.permits.acquire().await;
                say("has the permit");
                sleep(Duration::from_millis(1 + dice.throw(2))).await;
            }
            3 => common.event.wait().await,
            4 => common.event.set(),
            5 => drop(common.queue.put(id).await),
            _ => drop(common.queue.get().await),
        }
        say("goes on");
    }
    say("ends");
}

/// The model is stage 5's loop: what happens, and in which order. A sleep of no time at all is a turn,
/// and no timer, which would be heard of when the world is asked: that is later on the fast loop.
#[test]
fn random_programs_tell_the_same_story_on_both_loops() {
    let mut events = 0;
    for seed in 0..2_000 {
        let story = |open| {
            let log = Log::default();
            let main = program(seed, Rc::clone(&log));
            let run = || with_loop_factory(open, || stage5_asyncio::run(main));
            backend::scope(Clockwork::new(), run).unwrap();
            log.take()
        };
        let model = story(stage5_asyncio::selector_events::open);
        assert_eq!(story(stage6_uvloop::open), model, "seed {seed}");
        events += model.len();
    }
    assert!(events > 20_000, "the programs do next to nothing: {events} events");
}
