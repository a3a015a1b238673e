//! What tasks share, against what CPython's asyncio answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, MS, panic_of, story, turn, turns};
use stage5_asyncio::exceptions::{BrokenBarrier, Cancelled};
use stage5_asyncio::locks::{Barrier, Condition, Event, Lock, Semaphore};
use stage5_asyncio::queues::{
    LifoQueue, NotPut, PriorityQueue, Queue, QueueError, QueueShutDown,
};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{Task, catch_cancel, create_task, timeout};

/// M6.41: the guard releases, and so nobody can release what is not locked.
#[test]
fn a_lock_goes_to_whoever_waits_longest_and_skips_whoever_was_cancelled() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let lock = Rc::new(Lock::new());
        let held = lock.acquire().await;
        let tasks = ["a", "b", "c"].map(|name| {
            let (lock, log) = (Rc::clone(&lock), said.clone());
            create_task(async move {
                let _guard = lock.acquire().await;
                log.say(name);
            })
        });
        turn().await;
        tasks[0].cancel();
        drop(held);
        for task in &tasks[1..] {
            task.await;
        }
        assert!(!lock.locked());
    });
    assert_eq!(log.take(), ["b", "c"]);
}

/// M6.41: `test_cancel_race`. It is handed over, and its new owner is cancelled before it knows.
#[test]
fn a_lock_whose_new_owner_is_cancelled_goes_to_the_next() {
    story(async {
        let lock = Rc::new(Lock::new());
        let held = lock.acquire().await;
        let waits = || {
            let lock = Rc::clone(&lock);
            create_task(async move { drop(lock.acquire().await) })
        };
        let (first, second) = (waits(), waits());
        turn().await;
        drop(held);
        first.cancel();
        second.await;
        assert!(first.cancelled() && !lock.locked());
    });
}

/// M6.42
#[test]
fn an_event_that_is_set_and_cleared_still_releases_whoever_waits() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let event = Rc::new(Event::new());
        let waits = || {
            let (event, log) = (Rc::clone(&event), said.clone());
            create_task(async move {
                event.wait().await;
                log.say("ev");
            })
        };
        let tasks = [waits(), waits()];
        turn().await;
        event.set();
        event.clear();
        let late = waits();
        for task in tasks {
            task.await;
        }
        assert!(!late.done() && !event.is_set());
        event.set();
        event.wait().await;
        late.await;
    });
    assert_eq!(log.take(), ["ev", "ev", "ev"]);
}

/// M6.42: the guard notifies, and so nobody can who has not got the lock.
#[test]
fn notify_tells_as_many_as_it_is_told_to() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let condition = Rc::new(Condition::new());
        let tasks = [1, 2, 3].map(|n| {
            let (condition, log) = (Rc::clone(&condition), said.clone());
            create_task(async move {
                let mut guard = condition.acquire().await;
                guard.wait().await;
                log.say(n);
            })
        });
        turns(2).await;
        let guard = condition.acquire().await;
        guard.notify(2);
        assert!(said.take().is_empty(), "they need the lock");
        drop(guard);
        turns(5).await;
        assert_eq!(tasks.each_ref().map(|task| task.done()), [true, true, false]);
        condition.acquire().await.notify_all();
        let [.., last] = tasks;
        last.await;
        assert!(!condition.locked());
    });
    assert_eq!(log.take(), ["1", "2", "3"]);
}

/// `test_wait_cancel_after_notify`: nothing that was told is lost.
#[test]
fn a_task_that_is_cancelled_as_it_waits_has_the_lock_again_and_passes_on_what_it_was_told()
 {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let condition = Rc::new(Condition::new());
        let waits = |name: &'static str| {
            let (condition, log) = (Rc::clone(&condition), said.clone());
            create_task(async move {
                let mut guard = condition.acquire().await;
                let ended = catch_cancel(guard.wait()).await;
                assert!(condition.locked());
                log.say(format_args!("{name} {}", ended.is_ok()));
            })
        };
        let (first, second) = (waits("first"), waits("second"));
        turns(2).await;
        let guard = condition.acquire().await;
        guard.notify(1);
        first.cancel();
        drop(guard);
        first.await;
        second.await;
    });
    assert_eq!(log.take(), ["first false", "second true"]);
}

#[test]
fn wait_for_asks_again_after_each_notification() {
    story(async {
        let (condition, ready) = (Rc::new(Condition::new()), Rc::new(Cell::new(0)));
        let (inner, count) = (Rc::clone(&condition), Rc::clone(&ready));
        let task = create_task(async move {
            inner.acquire().await.wait_for(|| count.get() == 3).await;
        });
        for n in 1..=3 {
            turn().await;
            assert!(!task.done());
            ready.set(n);
            condition.acquire().await.notify_all();
        }
        task.await;
    });
}

/// M6.42
#[test]
fn a_semaphore_is_fair_and_a_bounded_one_has_a_bound() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let held = semaphore.acquire().await;
        assert!(semaphore.locked());
        let tasks = [1, 2, 3].map(|n| {
            let (semaphore, log) = (Rc::clone(&semaphore), said.clone());
            create_task(async move {
                let _permit = semaphore.acquire().await;
                log.say(n);
            })
        });
        turn().await;
        tasks[0].cancel();
        drop(held);
        assert!(semaphore.locked(), "it is handed over");
        gather(tasks[1..].to_vec()).await;
        assert!(!semaphore.locked());
        semaphore.release();
        semaphore.acquire().await.forget();
        let _still_free = timeout(MS, semaphore.acquire()).await.unwrap();

        let bounded = Semaphore::bounded(1);
        bounded.acquire().await.forget();
        bounded.release();
        let panic = panic_of(|| bounded.release());
        assert!(panic.contains("released too often"), "{panic}");
    });
    assert_eq!(log.take(), ["2", "3"]);
}

/// M6.43
#[test]
fn a_barrier_gives_each_another_number_and_can_be_broken_and_mended() {
    story(async {
        let barrier = Rc::new(Barrier::new(3));
        let wait = || {
            let barrier = Rc::clone(&barrier);
            create_task(async move { barrier.wait().await })
        };
        for _ in 0..2 {
            let numbers = gather([wait(), wait(), wait()]).await;
            let numbers: BTreeSet<_> = numbers.into_iter().map(Result::unwrap).collect();
            assert_eq!(numbers, BTreeSet::from([0, 1, 2]));
        }
        let waiting = wait();
        turn().await;
        assert_eq!(barrier.n_waiting(), 1);
        barrier.abort();
        assert_eq!(waiting.await, Err(BrokenBarrier));
        assert!(barrier.broken());
        assert_eq!(barrier.wait().await, Err(BrokenBarrier));
        barrier.reset();
        assert!(!barrier.broken());

        let waiting = wait();
        turn().await;
        barrier.reset();
        assert_eq!(waiting.await, Err(BrokenBarrier));
        let gone = wait();
        turn().await;
        gone.cancel();
        turn().await;
        assert_eq!((barrier.n_waiting(), barrier.parties()), (0, 3));
    });
}

/// M6.39
#[test]
fn a_queue_is_first_in_first_out_waits_at_its_bound_and_skips_whoever_was_cancelled() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let queue = Rc::new(Queue::bounded(1));
        queue.put_nowait("1").unwrap();
        let full = NotPut { item: "2", why: QueueError::Full };
        assert_eq!(queue.put_nowait("2"), Err(full));
        let inner = Rc::clone(&queue);
        let putting = create_task(async move { inner.put("2").await });
        turn().await;
        assert!(!putting.done() && queue.full());
        assert_eq!(queue.get_nowait(), Ok("1"));
        assert_eq!(putting.await, Ok(()));
        assert_eq!(queue.get_nowait(), Ok("2"));
        assert_eq!(queue.get_nowait(), Err(QueueError::Empty));

        let tasks = ["a", "b", "c"].map(|name| {
            let (queue, log) = (Rc::clone(&queue), said.clone());
            create_task(async move {
                let item = queue.get().await.unwrap();
                log.say(format_args!("{name} {item}"));
            })
        });
        turn().await;
        tasks[0].cancel();
        for item in ["x", "y"] {
            queue.put_nowait(item).unwrap();
            turn().await;
            turn().await;
        }
        for task in &tasks[1..] {
            task.await;
        }
    });
    assert_eq!(log.take(), ["b x", "c y"]);
}

/// `test_get_cancel_drop_one_pending_reader`: an item whose getter is cancelled is the next's;
/// and what belongs to somebody is not taken by whoever comes later.
#[test]
fn nothing_is_lost_and_nobody_overtakes() {
    story(async {
        let queue = Rc::new(Queue::<u32>::new());
        let gets = || {
            let queue = Rc::clone(&queue);
            create_task(async move { queue.get().await.unwrap() })
        };
        let (first, second) = (gets(), gets());
        turn().await;
        queue.put_nowait(1).unwrap();
        assert_eq!((queue.get_nowait(), queue.qsize()), (Err(QueueError::Empty), 1));
        first.cancel();
        assert_eq!(second.await, 1);
        assert!(first.cancelled());

        let bounded = Rc::new(Queue::bounded(1));
        bounded.put_nowait(1).unwrap();
        let puts = |item| {
            let queue = Rc::clone(&bounded);
            create_task(async move { queue.put(item).await.unwrap() })
        };
        let (first, second) = (puts(2), puts(3));
        turn().await;
        assert_eq!(bounded.get_nowait(), Ok(1));
        assert_eq!(bounded.put_nowait(9).unwrap_err().why, QueueError::Full);
        first.cancel();
        second.await;
        assert_eq!(bounded.get_nowait(), Ok(3));
        assert!(bounded.empty());
    });
}

/// M6.40
#[test]
fn join_waits_until_all_is_done_and_other_orders_are_other_queues() {
    story(async {
        let queue = Rc::new(Queue::new());
        queue.join().await;
        queue.put_nowait(1).unwrap();
        let inner = Rc::clone(&queue);
        let joining = create_task(async move { inner.join().await });
        turn().await;
        queue.get_nowait().unwrap();
        assert!(!joining.done());
        queue.task_done();
        joining.await;
        let panic = panic_of(|| queue.task_done());
        assert!(panic.contains("too many times"), "{panic}");

        let (lifo, priority) = (LifoQueue::new(), PriorityQueue::new());
        for n in [2, 1, 3] {
            lifo.put_nowait(n).unwrap();
            priority.put_nowait(n).unwrap();
        }
        assert_eq!([(); 3].map(|()| lifo.get_nowait().unwrap()), [3, 1, 2]);
        assert_eq!([(); 3].map(|()| priority.get_nowait().unwrap()), [1, 2, 3]);
    });
}

/// 3.13, `test_shutdown_*`.
#[test]
fn a_queue_that_is_shut_down_gives_what_it_has_and_then_an_error() {
    story(async {
        let queue = Rc::new(Queue::bounded(1));
        queue.put_nowait(1).unwrap();
        let inner = Rc::clone(&queue);
        let putting = create_task(async move { inner.put(2).await });
        turn().await;
        queue.shutdown(false);
        assert_eq!(putting.await, Err(QueueShutDown));
        assert_eq!(queue.put_nowait(3).unwrap_err().why, QueueError::ShutDown);
        assert_eq!(queue.get().await, Ok(1));
        assert_eq!(queue.get_nowait(), Err(QueueError::ShutDown));
        assert_eq!(queue.get().await, Err(QueueShutDown));

        let queue = Rc::new(Queue::<u32>::new());
        let inner = Rc::clone(&queue);
        let getting = create_task(async move { inner.get().await });
        turn().await;
        queue.shutdown(false);
        assert_eq!(getting.await, Err(QueueShutDown));

        let queue = Queue::new();
        queue.put_nowait(1).unwrap();
        queue.shutdown(true);
        queue.join().await;
        assert_eq!(queue.get().await, Err(QueueShutDown));
    });
}

/// Items are the user's, and comparing them is the user's code.
#[test]
fn an_item_may_use_the_queue_as_it_is_compared() {
    #[derive(Clone)]
    struct Nosy(u32, Rc<RefCell<Option<Rc<PriorityQueue<Nosy>>>>>);
    impl Ord for Nosy {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            let extra = self.1.borrow_mut().take();
            if let Some(queue) = extra {
                queue
                    .put_nowait(Self(0, Rc::default()))
                    .unwrap_or_else(|_| panic!("room"));
            }
            self.0.cmp(&other.0)
        }
    }
    impl PartialOrd for Nosy {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl PartialEq for Nosy {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Nosy {}

    let queue = Rc::new(PriorityQueue::new());
    let nosy = Rc::new(RefCell::new(Some(Rc::clone(&queue))));
    for n in [2, 1] {
        let item = Nosy(n, Rc::clone(&nosy));
        queue.put_nowait(item).unwrap_or_else(|_| panic!("room"));
    }
    let order = [(); 3].map(|()| queue.get_nowait().map(|it| it.0));
    assert_eq!(order, [Ok(0), Ok(1), Ok(2)]);
}

/// What the tasks of the random test share.
struct Shared {
    lock: Lock,
    semaphore: Semaphore,
    queue: Queue<i32>,
    /// How many items were put, less those that were got.
    balance: Cell<i32>,
}

impl Shared {
    async fn visit(&self, pauses: u32, puts: bool) {
        {
            let _permit = self.semaphore.acquire().await;
            let _guard = self.lock.acquire().await;
            turns(pauses).await;
        }
        if puts {
            self.queue.put(1).await.unwrap();
            self.balance.set(self.balance.get() + 1);
        } else {
            let item = self.queue.get().await.unwrap();
            self.balance.set(self.balance.get() - item);
        }
    }

    async fn end_as_they_began(&self, seed: u64) {
        assert!(!self.lock.locked() && !self.semaphore.locked(), "seed {seed}");
        let left = i32::try_from(self.queue.qsize()).unwrap();
        assert_eq!(self.balance.get(), left, "seed {seed}: put is got, or there");
        let free = timeout(Duration::ZERO, async {
            let permits =
                [self.semaphore.acquire().await, self.semaphore.acquire().await];
            drop((self.lock.acquire().await, permits));
        });
        assert_eq!(free.await, Ok(()), "seed {seed}");
    }
}

/// Many tasks, cancelled at random places: in the end everything is free, and nothing is lost.
#[test]
fn whatever_is_cancelled_locks_and_queues_end_as_they_began() {
    for seed in 1..200_u64 {
        story(async move {
            let mut dice = seed;
            let mut roll = move |sides: u8| {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let [.., high] = dice.to_le_bytes();
                high % sides
            };
            let shared = Rc::new(Shared {
                lock: Lock::new(),
                semaphore: Semaphore::new(2),
                queue: Queue::bounded(2),
                balance: Cell::new(0),
            });
            let mut tasks: Vec<Task<()>> = Vec::new();
            for n in 0..12 {
                let (shared, pauses) = (Rc::clone(&shared), roll(3).into());
                let visit = async move { shared.visit(pauses, n % 2 == 0).await };
                tasks.push(create_task(visit));
            }
            for _ in 0..roll(8) {
                turns(roll(3).into()).await;
                tasks[usize::from(roll(12))].cancel();
            }
            sleep(MS).await;
            for task in tasks {
                task.cancel();
                let _: Result<(), Cancelled> = catch_cancel(task).await;
            }
            shared.end_as_they_began(seed).await;
        });
    }
}
