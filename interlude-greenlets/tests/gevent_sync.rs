//! What gevent's events, results, queues and locks do, in which order. Where a comment says
//! "gevent", that is what gevent 26.9 answered to the same program.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{Log, clocked, ms, timed};
use interlude_greenlets::extras::async_result::AsyncResult;
use interlude_greenlets::extras::condition::Condition;
use interlude_greenlets::extras::event::Event;
use interlude_greenlets::extras::join::joinall;
use interlude_greenlets::extras::lock::{BoundedSemaphore, Lock, RLock};
use interlude_greenlets::extras::queue::{Full, Queue};
use interlude_greenlets::spawn;
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{Elapsed, sleep, timeout};

/// Runs `main` with a log, and gives what is in it then.
fn logged(main: impl FnOnce(&Log) + 'static) -> Vec<String> {
    let log = Log::default();
    let theirs = log.clone();
    timed(move || main(&theirs));
    log.take()
}

/// A greenlet for each letter, which has begun.
fn each<T: 'static>(
    letters: &'static str,
    body: impl Fn(char) -> T + 'static,
) -> Vec<JoinHandle<T>> {
    let body = Rc::new(body);
    let start = |letter| {
        let body = Rc::clone(&body);
        spawn(move || body(letter))
    };
    let begun = letters.chars().map(start).collect();
    sleep(ms(0));
    begun
}

fn all<T>(handles: Vec<JoinHandle<T>>) -> Vec<T> {
    handles.into_iter().map(|it| it.join().unwrap()).collect()
}

/// M2.22 gevent: a True, b True; and the setter goes on first
#[test]
fn an_event_that_is_set_and_cleared_at_once_lets_go_those_who_wait() {
    let log = logged(|log| {
        let event = Rc::new(Event::default());
        let (theirs, said) = (Rc::clone(&event), log.clone());
        let waiters = each("ab", move |letter| {
            theirs.wait();
            said.say(letter);
        });
        event.set();
        event.clear();
        log.say("set");
        all(waiters);
        assert!(!event.is_set() && !event.wait_timeout(ms(10)));
        event.set();
        event.wait();
    });
    assert_eq!(log, ["set", "a", "b"]);
}

/// M2.22
#[test]
fn whoever_waits_for_an_event_no_longer_than_that_is_told_that_it_was_set() {
    let ((), elapsed) = timed(|| {
        let event = Rc::new(Event::default());
        let theirs = Rc::clone(&event);
        let waiter = each("a", move |_| theirs.wait_timeout(ms(10)));
        sleep(ms(5));
        event.set();
        assert_eq!(all(waiter), [true]);
        assert!(event.wait_timeout(ms(10)), "it is set already");
    });
    assert_eq!(elapsed, ms(5));
}

/// M2.23 gevent: 2, ready; and a failure to everybody who asks
#[test]
fn a_result_is_there_for_all_who_ask_and_another_one_replaces_it() {
    timed(|| {
        let result = Rc::new(AsyncResult::default());
        assert!(result.get_timeout(ms(10)).unwrap_err().is::<Elapsed>());
        assert!(result.try_get().is_none() && !result.is_successful());
        let theirs = Rc::clone(&result);
        let asked = each("abc", move |_| theirs.get().unwrap());
        result.set(7);
        assert_eq!(all(asked), [7, 7, 7]);
        result.set(2);
        assert_eq!(result.get().unwrap(), 2);
        assert!(result.is_ready() && result.is_successful());
        result.set_failure(Elapsed);
        for _ in 0..2 {
            assert!(result.get().unwrap_err().is::<Elapsed>());
        }
        assert!(result.is_ready() && !result.is_successful());
    });
}

/// M2.24 gevent: put, (a, 0), (b, 1), (c, 2)
#[test]
fn a_queue_serves_those_who_wait_in_the_order_in_which_they_came() {
    let log = logged(|log| {
        let queue = Rc::new(Queue::default());
        let (theirs, said) = (Rc::clone(&queue), log.clone());
        let getters =
            each("abc", move |letter| said.say(format_args!("{letter}{}", theirs.get())));
        (0..3).for_each(|n| queue.put(n));
        log.say("put");
        all(getters);
    });
    assert_eq!(log, ["put", "a0", "b1", "c2"]);
}

/// M2.25 gevent: put a, 1, a, put b, b, put c, c; then Full, Full, Empty, Empty
#[test]
fn a_bounded_queue_has_whoever_puts_wait_for_room() {
    let log = logged(|log| {
        let queue = Rc::new(Queue::bounded(1));
        let (theirs, said) = (Rc::clone(&queue), log.clone());
        let putters = each("abc", move |letter| {
            theirs.put(letter);
            said.say(format_args!("put {letter}"));
        });
        log.say(queue.len());
        (0..3).for_each(|_| log.say(queue.get()));
        all(putters);
        queue.put('x');
        assert!(matches!(queue.try_put('y'), Err(Full('y'))));
        assert_eq!(format!("{:?}", Full('y')), "Full", "whatever could not be put");
        assert!(matches!(queue.put_timeout('y', ms(10)), Err(Full('y'))));
        assert_eq!(queue.get_timeout(ms(10)), Ok('x'));
        assert_eq!((queue.get_timeout(ms(10)), queue.try_get()), (Err(Elapsed), None));
        assert!(queue.is_empty());
        queue.put('z');
        assert!(!queue.is_empty());
        assert_eq!((queue.try_get(), queue.try_get()), (Some('z'), None));
    });
    assert_eq!(log, ["put a", "1", "a", "put b", "b", "put c", "c"]);
}

/// M2.26 gevent: killed after the put, a has it already; before, b gets it
#[test]
fn an_item_is_not_lost_with_a_getter_that_is_killed() {
    for kill_first in [false, true] {
        let log = logged(move |log| {
            let queue = Rc::new(Queue::default());
            let (theirs, said) = (Rc::clone(&queue), log.clone());
            let getters = each("ab", move |letter| {
                said.say(format_args!("{letter}{}", theirs.get()));
            });
            if kill_first {
                getters[0].kill();
                queue.put(1);
            } else {
                queue.put(1);
                getters[0].kill();
            }
            sleep(ms(1));
            assert_eq!((queue.len(), getters[1].is_finished()), (0, kill_first));
            queue.put(2);
            sleep(ms(1));
        });
        assert_eq!(log, if kill_first { ["b1"].as_slice() } else { &["a1", "b2"] });
    }
}

/// M2.26
#[test]
fn room_is_not_lost_with_a_putter_that_is_killed_or_gives_up() {
    timed(|| {
        let queue = Rc::new(Queue::bounded(1));
        queue.put('x');
        let theirs = Rc::clone(&queue);
        let putters =
            each("abc", move |letter| theirs.put_timeout(letter, ms(10)).is_ok());
        putters[0].kill();
        assert_eq!(queue.get(), 'x');
        assert_eq!(queue.get(), 'b');
        assert_eq!(queue.get(), 'c');
        let theirs = Rc::clone(&queue);
        assert!(queue.try_put('y').is_ok());
        let late = each("d", move |letter| theirs.put_timeout(letter, ms(10)).is_ok());
        sleep(ms(20));
        assert_eq!(all(late), [false]);
        assert_eq!(
            (queue.get(), queue.try_put('z').is_ok(), queue.len()),
            ('y', true, 1)
        );
    });
}

/// M2.27 gevent: one, joined; `task_done() called too many times`
#[test]
fn a_queue_is_joined_when_all_that_was_put_in_is_done() {
    let log = logged(|log| {
        let queue = Rc::new(Queue::default());
        queue.join();
        (1..=2).for_each(|n| queue.put(n));
        assert!(!queue.join_timeout(ms(10)));
        let (theirs, said) = (Rc::clone(&queue), log.clone());
        let joiner = each("j", move |_| {
            theirs.join();
            said.say("joined");
        });
        for word in ["one", "two"] {
            queue.get();
            queue.task_done();
            sleep(ms(0));
            log.say(word);
        }
        all(joiner);
        assert!(queue.join_timeout(ms(10)), "there is nothing to do");
        let theirs = Rc::clone(&queue);
        assert!(spawn(move || theirs.task_done()).join().is_err());
    });
    assert_eq!(log, ["one", "joined", "two"]);
}

/// M2.28 Stricter than gevent, whose `acquire(blocking=False)` after a release gets ahead of
/// those who wait.
#[test]
fn a_semaphore_is_handed_to_whoever_waited_longest_and_nobody_gets_ahead() {
    let log = logged(|log| {
        let semaphore = Rc::new(Semaphore::new(1));
        let permit = semaphore.acquire();
        let (theirs, said) = (Rc::clone(&semaphore), log.clone());
        let waiters = each("abc", move |letter| {
            let _permit = theirs.acquire();
            said.say(letter);
        });
        drop(permit);
        assert!(semaphore.try_acquire().is_none());
        assert!(format!("{semaphore:?}").contains("Waiters(2)"), "one is on its way");
        log.say("released");
        all(waiters);
        let permit = semaphore.try_acquire();
        assert!(permit.is_some() && semaphore.acquire_timeout(ms(10)).is_err());
    });
    assert_eq!(log, ["released", "a", "b", "c"]);
}

/// M2.29 A permit on its way to somebody who is killed, or whose time is up, goes to the next.
#[test]
fn a_permit_is_not_lost_on_its_way() {
    timed(|| {
        let lock = Rc::new(Lock::default());
        for give_up in [false, true] {
            let guard = lock.acquire();
            let theirs = Rc::clone(&lock);
            let waiters = each("ab", move |letter| match (letter, give_up) {
                ('a', true) => theirs.acquire_timeout(ms(10)).is_ok(),
                _ => timeout(ms(1000), || drop(theirs.acquire())).is_ok(),
            });
            if give_up {
                sleep(ms(10)); // a's time is up in the turn in which the lock is let go
            } else {
                waiters[0].kill();
            }
            drop(guard);
            sleep(ms(1));
            assert!(waiters[1].is_finished() && lock.try_acquire().is_some());
        }
    });
}

/// M2.30 gevent: still, w
#[test]
fn whoever_holds_an_rlock_may_take_it_again_and_others_wait_for_the_last() {
    let log = logged(|log| {
        let lock = Rc::new(RLock::default());
        let (outer, inner) = (lock.acquire(), lock.acquire());
        let (theirs, said) = (Rc::clone(&lock), log.clone());
        let waiter = each("w", move |letter| {
            let _guard = theirs.acquire();
            said.say(letter);
        });
        drop(inner);
        sleep(ms(0));
        log.say("still");
        drop(outer);
        all(waiter);
    });
    assert_eq!(log, ["still", "w"]);
}

/// M2.30 Whoever has given it back is like everybody else.
#[test]
fn whoever_has_held_an_rlock_takes_it_anew() {
    let log = logged(|log| {
        let lock = Rc::new(RLock::default());
        drop(lock.acquire());
        let again = lock.acquire();
        let (theirs, said) = (Rc::clone(&lock), log.clone());
        let waiter = each("w", move |letter| {
            let _guard = theirs.acquire();
            said.say(letter);
        });
        log.say("held");
        drop(again);
        all(waiter);
    });
    assert_eq!(log, ["held", "w"]);
}

/// M2.30
#[test]
fn a_bounded_semaphore_counts_what_was_taken_without_waiting_or_in_time() {
    timed(|| {
        let semaphore = BoundedSemaphore::new(2);
        assert!(semaphore.try_acquire() && semaphore.acquire_timeout(ms(10)));
        assert!(!semaphore.try_acquire());
        let given_back = [(); 3].map(|()| semaphore.release().is_ok());
        assert_eq!(given_back, [true, true, false]);
    });
}

/// M2.30 gevent: `Semaphore released too many times`
#[test]
fn a_bounded_semaphore_cannot_be_given_back_more_often_than_it_was_taken() {
    timed(|| {
        let semaphore = Rc::new(BoundedSemaphore::new(1));
        semaphore.acquire();
        let theirs = Rc::clone(&semaphore);
        let waiter = each("w", move |_| theirs.acquire());
        assert!(!semaphore.try_acquire() && !semaphore.acquire_timeout(ms(10)));
        assert!(semaphore.release().is_ok());
        all(waiter);
        assert!(semaphore.release().is_ok());
        let error = semaphore.release().unwrap_err();
        assert_eq!(error.to_string(), "the semaphore has been released too many times");
    });
}

/// M2.31
#[test]
fn a_condition_wakes_the_first_so_many_and_each_has_the_lock_again() {
    let log = logged(|log| {
        let shared = Rc::new((Lock::default(), Condition::default()));
        let (theirs, said) = (Rc::clone(&shared), log.clone());
        let waiters = each("abc", move |letter| {
            let guard = theirs.1.wait(theirs.0.acquire());
            said.say(letter);
            sleep(ms(1)); // the others wait for the lock
            said.say(letter);
            drop(guard);
        });
        let guard = shared.0.acquire();
        shared.1.notify(2);
        log.say("notified");
        drop(guard);
        sleep(ms(10));
        shared.1.notify_all();
        all(waiters);
        let (guard, notified) = shared.1.wait_timeout(shared.0.acquire(), ms(10));
        assert!(!notified && shared.0.try_acquire().is_none());
        drop(guard);
    });
    assert_eq!(log, ["notified", "a", "a", "b", "b", "c", "c"]);
}

/// M2.31 Killed between the notice and the lock, somebody passes the notice on.
#[test]
fn a_notice_is_not_lost_with_whoever_is_killed_on_the_way_to_the_lock() {
    timed(|| {
        let shared = Rc::new((Lock::default(), Condition::default()));
        let theirs = Rc::clone(&shared);
        let waiters = each("ab", move |_| drop(theirs.1.wait(theirs.0.acquire())));
        let guard = shared.0.acquire();
        shared.1.notify(1);
        sleep(ms(1)); // a waits for the lock
        waiters[0].kill();
        sleep(ms(1));
        drop(guard);
        sleep(ms(1));
        assert!(waiters[1].is_finished());
    });
}

/// M2.32 Somebody who has given up is not looked for: each wake touches one waiter.
#[test]
fn many_who_give_up_cost_as_much_as_few() {
    let ((), elapsed) = timed(|| {
        let (semaphore, woken) = (Rc::new(Semaphore::new(1)), Rc::new(Cell::new(0)));
        let permit = semaphore.acquire();
        let waiters: Vec<_> = (0..10_000)
            .map(|n| {
                let (semaphore, woken) = (Rc::clone(&semaphore), Rc::clone(&woken));
                spawn(move || {
                    let patience = if n == 9_999 { ms(1000) } else { ms(10) };
                    if let Ok(permit) = timeout(patience, || semaphore.acquire()) {
                        woken.set(woken.get() + 1);
                        drop(permit);
                    }
                })
            })
            .collect();
        sleep(ms(20));
        drop(permit);
        all(waiters);
        assert_eq!(woken.get(), 1);
        assert_eq!(format!("{semaphore:?}"), format!("{:?}", Semaphore::new(1)));
    });
    assert_eq!(elapsed, ms(20));
}

/// What nobody can end any more is told by its name.
#[test]
fn a_loop_that_waits_for_ever_tells_for_what() {
    let words: [(&str, fn()); 4] = [
        ("an event", || Event::default().wait()),
        ("a queue", || Queue::<()>::default().get()),
        ("a condition", || {
            let lock = Lock::default();
            drop(Condition::default().wait(lock.acquire()));
        }),
        ("one of several", || drop(joinall(&[&Event::default()], None))),
    ];
    for (word, body) in words {
        let error = clocked(body).0.unwrap_err().to_string();
        assert!(error.ends_with(&format!("waits for {word}")), "{error}");
    }
}

/// Where the loop ends before them, nobody waits on.
#[test]
fn a_queue_outlives_a_loop_that_left_somebody_waiting() {
    let queue = Rc::new(Queue::default());
    let theirs = Rc::clone(&queue);
    timed(move || {
        let left = each("ab", move |_| theirs.get());
        drop(left);
    });
    queue.put(1);
    let theirs = Rc::clone(&queue);
    assert_eq!(timed(move || theirs.get()).0, 1);
}
