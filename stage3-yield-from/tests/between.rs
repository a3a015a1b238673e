//! What tasks share besides a semaphore: lock, event, condition, bounded semaphore, queues,
//! against what CPython 3.11 answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::extras::condition::Condition;
use stage3_yield_from::extras::errors::{
    DoneTooOften, QueueEmpty, QueueFull, ReleasedTooOften,
};
use stage3_yield_from::extras::event::Event;
use stage3_yield_from::extras::lock::Lock;
use stage3_yield_from::extras::queue::{LifoQueue, PriorityQueue, Queue};
use stage3_yield_from::extras::semaphore::BoundedSemaphore;
use stage3_yield_from::failure::on_report;
use stage3_yield_from::time::sleep;
use stage3_yield_from::{Coroutine, Failure, Task, coroutine, run, spawn, yield_from};

/// Runs `main` on a virtual clock, and gives what it has written down.
fn play<F>(main: impl FnOnce(Log) -> F) -> Vec<String>
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    let log = Log::default();
    let main = main(log.clone());
    backend::scope(Clockwork::new(), || run(coroutine(main))).unwrap().unwrap();
    log.0.take()
}

#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn say(&self, what: impl Display) {
        self.0.borrow_mut().push(what.to_string());
    }
}

/// Lets everybody else have a few turns.
async fn turns() -> Result<(), Failure> {
    yield_from(sleep(Duration::from_millis(1))).await
}

/// A task that says its name once it has what it waits for.
fn says<T: 'static>(log: &Log, name: &'static str, waits: Coroutine<T>) -> Task<T> {
    let log = log.clone();
    spawn(coroutine(async move {
        let what = yield_from(waits).await?;
        log.say(name);
        Ok(what)
    }))
}

/// M6.41
#[test]
fn a_lock_goes_to_whoever_waited_longest_and_passes_over_whoever_gave_up() {
    let log = play(|log| async move {
        let lock = Lock::new();
        let held = yield_from(lock.acquire()).await?;
        let [a, b, c] = ["a", "b", "c"].map(|name| says(&log, name, lock.acquire()));
        turns().await?;
        assert!(lock.locked());
        a.cancel();
        drop(held);
        turns().await?;
        drop(yield_from(b).await?);
        drop(yield_from(c).await?);
        log.say(lock.locked());
        Ok(())
    });
    assert_eq!(log, ["b", "c", "false"]);
}

/// It had been given the lock, and is cancelled before it goes on.
#[test]
fn a_lock_that_was_handed_over_too_late_goes_to_the_next() {
    let log = play(|log| async move {
        let lock = Lock::new();
        let held = yield_from(lock.acquire()).await?;
        let [a, _b] = ["a", "b"].map(|name| says(&log, name, lock.acquire()));
        turns().await?;
        drop(held);
        a.cancel();
        turns().await
    });
    assert_eq!(log, ["b"]);
}

/// M6.42
#[test]
fn an_event_that_is_set_and_cleared_at_once_lets_all_go_on_who_wait() {
    let log = play(|log| async move {
        let event = Event::new();
        let _waiting = ["a", "b"].map(|name| says(&log, name, event.wait()));
        turns().await?;
        event.set();
        event.clear();
        let late = says(&log, "late", event.wait());
        turns().await?;
        assert!(!event.is_set() && !late.done());
        event.set();
        yield_from(late).await?;
        // Now nobody has to wait, nor gives way to anybody.
        says(&log, "another", sleep(Duration::ZERO));
        yield_from(event.wait()).await?;
        log.say("at once");
        turns().await
    });
    assert_eq!(log, ["a", "b", "late", "at once", "another"]);
}

/// A task that waits for a condition, and says its name once it has been notified.
fn notified(log: &Log, condition: &Condition, name: &'static str) -> Task<()> {
    let (log, condition) = (log.clone(), condition.clone());
    spawn(coroutine(async move {
        let guard = yield_from(condition.acquire()).await?;
        let _guard = yield_from(condition.wait(guard)).await?;
        log.say(name);
        Ok(())
    }))
}

/// M6.42
#[test]
fn notify_has_as_many_go_on_as_it_says_and_the_longest_waiting_first() {
    let log = play(|log| async move {
        let condition = Condition::default();
        let waiting = ["1", "2", "3"].map(|name| notified(&log, &condition, name));
        turns().await?;
        let guard = yield_from(condition.acquire()).await?;
        condition.notify(&guard, 2);
        drop(guard);
        turns().await?;
        assert_eq!(waiting.each_ref().map(Task::done), [true, true, false]);
        let guard = yield_from(condition.acquire()).await?;
        condition.notify_all(&guard);
        drop(guard);
        turns().await
    });
    assert_eq!(log, ["1", "2", "3"]);
}

/// As since Python 3.13; before, nobody would go on.
#[test]
fn whoever_is_notified_and_cancelled_passes_the_notice_on() {
    let log = play(|log| async move {
        let condition = Condition::default();
        let [first, _second] = ["1", "2"].map(|name| notified(&log, &condition, name));
        turns().await?;
        let guard = yield_from(condition.acquire()).await?;
        condition.notify(&guard, 1);
        drop(guard);
        first.cancel();
        turns().await?;
        assert!(!condition.locked());
        Ok(())
    });
    assert_eq!(log, ["2"]);
}

/// It has gone on by then, and waits for the lock.
#[test]
fn whoever_is_cancelled_as_it_takes_the_lock_again_passes_the_notice_on() {
    let log = play(|log| async move {
        let condition = Condition::default();
        let [first, _second] = ["1", "2"].map(|name| notified(&log, &condition, name));
        turns().await?;
        let guard = yield_from(condition.acquire()).await?;
        condition.notify(&guard, 1);
        turns().await?;
        first.cancel();
        turns().await?;
        drop(guard);
        turns().await
    });
    assert_eq!(log, ["2"]);
}

#[test]
fn wait_for_goes_on_once_it_is_true() {
    let log = play(|log| async move {
        let (condition, bread) = (Condition::default(), Rc::new(Cell::new(0)));
        let guard = yield_from(condition.acquire()).await?;
        let enough = {
            let bread = Rc::clone(&bread);
            move || bread.get() >= 2
        };
        let waiting = says(&log, "eats", condition.wait_for(guard, enough));
        for n in 1..=3 {
            turns().await?;
            let guard = yield_from(condition.acquire()).await?;
            bread.set(n);
            log.say(n);
            condition.notify(&guard, 1);
            drop(guard);
            turns().await?;
            if waiting.done() {
                break;
            }
        }
        Ok(())
    });
    assert_eq!(log, ["1", "2", "eats"]);
}

/// M6.42: where asyncio raises a `RuntimeError`, one shows a guard; that it is the right one is
/// asked.
#[test]
#[should_panic(expected = "the guard is that of another lock")]
fn to_notify_under_another_lock_is_a_mistake() {
    // The panic of a task is its error, and no panic of `run`.
    let panicked = Rc::new(RefCell::new(None));
    let told = Rc::clone(&panicked);
    play(|_| async move {
        let mistaken = spawn(coroutine(async {
            let guard = yield_from(Lock::new().acquire()).await?;
            Condition::default().notify(&guard, 1);
            Ok(())
        }));
        told.replace(yield_from(&mistaken).await.err());
        Ok(())
    });
    panic!("{}", panicked.take().unwrap());
}

/// M6.42
#[test]
fn a_bounded_semaphore_takes_no_permit_too_many() {
    let reported = Log::default();
    let hook = reported.clone();
    on_report(move |text| hook.say(text));
    play(|_| async {
        let semaphore = BoundedSemaphore::new(1);
        assert_eq!(semaphore.release(), Err(ReleasedTooOften));
        let permit = yield_from(semaphore.acquire()).await?;
        assert!(semaphore.locked());
        semaphore.release()?;
        drop(permit);
        assert!(!semaphore.locked());
        drop(yield_from(semaphore.acquire()).await?);
        Ok(())
    });
    let told =
        "Error while a permit was dropped: the semaphore was released too many times";
    assert_eq!(reported.0.take(), [told]);
}

/// M6.39
#[test]
fn a_full_queue_has_whoever_puts_wait_and_an_empty_one_whoever_gets() {
    play(|_| async {
        let queue = Queue::new(1);
        queue.put_nowait(1)?;
        assert!(queue.is_full());
        assert_eq!(queue.put_nowait(2), Err(QueueFull(2)));
        let put = spawn(queue.put(2));
        turns().await?;
        assert!(!put.done());
        assert_eq!(queue.get_nowait(), Ok(1));
        yield_from(put).await?;
        assert_eq!(queue.get_nowait(), Ok(2));
        assert_eq!(queue.get_nowait(), Err(QueueEmpty));
        assert!(queue.is_empty());
        Ok(())
    });
}

#[test]
fn a_queue_says_how_much_room_there_is_and_whether_it_is_full_or_empty() {
    let states = |queue: &Queue<u32>| (queue.is_empty(), queue.is_full());
    let (bounded, endless) = (Queue::new(2), Queue::new(0));
    assert_eq!((bounded.maxsize(), endless.maxsize()), (2, 0));
    assert_eq!([&bounded, &endless].map(states), [(true, false); 2]);
    for queue in [&bounded, &endless] {
        queue.put_nowait(1).unwrap();
    }
    assert_eq!([&bounded, &endless].map(states), [(false, false); 2]);
    for queue in [&bounded, &endless] {
        queue.put_nowait(2).unwrap();
    }
    let full = [&bounded, &endless].map(states);
    assert_eq!(full, [(false, true), (false, false)], "nothing fills what has no end");
}

/// M6.39
#[test]
fn whoever_gets_is_served_in_order_and_passed_over_when_it_gave_up() {
    let log = play(|log| async move {
        let queue = Queue::new(0);
        let [a, b, c] = ["a", "b", "c"].map(|name| says(&log, name, queue.get()));
        turns().await?;
        a.cancel();
        queue.put_nowait("x")?;
        turns().await?;
        queue.put_nowait("y")?;
        log.say(yield_from(b).await?);
        log.say(yield_from(c).await?);
        Ok(())
    });
    assert_eq!(log, ["b", "x", "c", "y"]);
}

/// M6.39: neither an item nor a place is lost with somebody who had been served already.
#[test]
fn whoever_is_cancelled_after_it_was_served_loses_nothing() {
    play(|_| async {
        let queue = Queue::new(0);
        let [a, b] = ["a", "b"].map(|_| spawn(queue.get()));
        turns().await?;
        queue.put_nowait(1)?;
        a.cancel();
        turns().await?;
        queue.put_nowait(2)?;
        turns().await?;
        assert!(a.cancelled());
        assert_eq!((b.result()?, queue.len()), (1, 1));

        let queue = Queue::new(1);
        queue.put_nowait("first")?;
        let [a, b] = ["a", "b"].map(|name| spawn(queue.put(name)));
        turns().await?;
        assert_eq!(queue.get_nowait(), Ok("first"));
        a.cancel();
        turns().await?;
        assert!(a.cancelled() && b.done());
        assert_eq!(queue.get_nowait(), Ok("b"));
        Ok(())
    });
}

/// Fairer than asyncio, where the one who comes now would get it.
#[test]
fn what_is_promised_to_whoever_waited_is_not_there_for_others() {
    play(|_| async {
        let queue = Queue::new(0);
        let waited = spawn(queue.get());
        turns().await?;
        queue.put_nowait(1)?;
        assert_eq!(queue.get_nowait(), Err(QueueEmpty));
        assert_eq!(yield_from(waited).await?, 1);
        Ok(())
    });
}

/// M6.40
#[test]
fn join_waits_until_all_that_was_put_is_called_done() {
    play(|_| async {
        let queue = Queue::new(0);
        yield_from(queue.join()).await?;
        queue.put_nowait(1)?;
        let joins = [spawn(queue.join()), spawn(queue.join())];
        turns().await?;
        assert_eq!(queue.get_nowait(), Ok(1));
        turns().await?;
        assert!(!joins[0].done(), "got is not done");
        queue.task_done()?;
        turns().await?;
        assert!(joins.iter().all(Task::done));
        assert_eq!(queue.task_done(), Err(DoneTooOften));
        Ok(())
    });
}

/// M6.40
#[test]
fn the_last_that_was_put_comes_first_or_the_least_does() {
    let (stack, heap) = (LifoQueue::new(0), PriorityQueue::new(0));
    for n in [2, 1, 3] {
        stack.put_nowait(n).unwrap();
        heap.put_nowait(n).unwrap();
    }
    assert_eq!((stack.len(), heap.len()), (3, 3));
    assert_eq!([(); 3].map(|()| stack.get_nowait().unwrap()), [3, 1, 2]);
    assert_eq!([(); 3].map(|()| heap.get_nowait().unwrap()), [1, 2, 3]);
}
