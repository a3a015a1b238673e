//! Deferreds that race, that are listed, that stand in line. Each answer is Twisted's, but for
//! those that say otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use allocation_counter::measure;
use stage1_callbacks::deferred::{Cancelled, Deferred, Firer, fail, succeed};
use stage1_callbacks::extras::clock::Clock;
use stage1_callbacks::extras::deferred_list::DeferredList;
use stage1_callbacks::extras::lists::{FirstError, NoMembers};
use stage1_callbacks::extras::lock::DeferredLock;
use stage1_callbacks::extras::queue::{DeferredQueue, QueueUnderflow};
use stage1_callbacks::extras::race::{FailureGroup, race};
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::Elapsed;

type Log = Rc<RefCell<Vec<String>>>;

fn reports() -> Log {
    let log = Log::default();
    let heard = Rc::clone(&log);
    on_report(move |what| heard.borrow_mut().push(what.to_owned()));
    log
}

/// A deferred that says when it is cancelled.
fn told<T: 'static>(log: &Log, name: &str) -> (Firer<T>, Deferred<T>) {
    let (log, name) = (Rc::clone(log), name.to_owned());
    Deferred::with_canceller(move |_| log.borrow_mut().push(name))
}

fn pairs<T: 'static>(n: usize) -> (Vec<Firer<T>>, Vec<Deferred<T>>) {
    (0..n).map(|_| Deferred::new()).unzip()
}

fn end<T: 'static>(deferred: Deferred<T>) -> Result<T, Failure> {
    deferred.try_take().expect("it has fired")
}

fn texts(failure: &Failure) -> Vec<String> {
    let group = failure.get::<FailureGroup>().expect("all failed");
    group.failures.iter().map(ToString::to_string).collect()
}

/// M1.34
#[test]
fn the_first_success_wins_the_race_and_the_losers_are_cancelled_before_that_is_told() {
    let log = Log::default();
    let (_a, first) = told(&log, "a");
    let (b, second) = told(&log, "b");
    let (_c, third) = told(&log, "c");
    let heard = Rc::clone(&log);
    let end = race(vec![first, second, third]).add_callback(move |(place, value)| {
        heard.borrow_mut().push(format!("#{place}: {value}"));
    });
    b.fire(Ok(7)).unwrap();
    assert_eq!(*log.borrow(), ["a", "c", "#1: 7"]);
    drop(end);
}

/// M1.35
#[test]
fn where_all_fail_the_race_fails_with_all_of_it_in_the_order_of_the_input() {
    let reported = reports();
    let (firers, members) = pairs::<()>(3);
    let end = race(members);
    for place in [1, 2, 0] {
        firers[place].fire(Err(format!("error {place}").into())).unwrap();
    }
    let failure = self::end(end).unwrap_err();
    assert_eq!(texts(&failure), ["error 0", "error 1", "error 2"]);
    assert_eq!(failure.to_string(), "all failed: [error 0, error 1, error 2]");
    let shown = "FailureGroup(all failed: [error 0, error 1, error 2])";
    assert_eq!(format!("{failure:?}"), shown);
    assert_eq!(*reported.borrow(), [""; 0]);
}

/// M1.36
#[test]
fn a_cancelled_race_cancels_every_member() {
    let log = Log::default();
    let (_a, first) = told::<()>(&log, "a");
    let (_b, second) = told(&log, "b");
    let end = race(vec![first, second]);
    end.cancel();
    assert_eq!(*log.borrow(), ["a", "b"]);
    assert_eq!(texts(&self::end(end).unwrap_err()), ["cancelled", "cancelled"]);
}

#[test]
fn a_member_that_has_something_to_say_when_it_is_cancelled_wins() {
    let (_a, first) = Deferred::with_canceller(|firer| firer.fire(Ok("late")).unwrap());
    let (_b, second) = Deferred::new();
    let end = race(vec![first, second]);
    end.cancel();
    assert_eq!(self::end(end).unwrap(), (0, "late"));
}

#[test]
fn a_loser_that_has_something_to_say_is_too_late() {
    let reported = reports();
    let (_a, first) = Deferred::with_canceller(|firer| firer.fire(Ok("late")).unwrap());
    let (b, second) = Deferred::new();
    let end = race(vec![first, second]);
    b.fire(Ok("b")).unwrap();
    assert_eq!(self::end(end).unwrap(), (1, "b"));
    assert_eq!(*reported.borrow(), [""; 0]);
}

#[test]
fn of_those_that_have_fired_the_first_wins() {
    assert_eq!(end(race(vec![fail("no"), succeed(1), succeed(2)])).unwrap(), (1, 1));
    assert!(end(race(Vec::<Deferred<()>>::new())).unwrap_err().is::<NoMembers>());
}

/// Nobody is left who could fire them: a cancel ends the race all the same.
#[test]
fn a_race_of_members_that_are_gone_can_be_cancelled() {
    let (firers, members) = pairs::<()>(2);
    let end = race(members);
    drop(firers);
    end.cancel();
    assert_eq!(texts(&self::end(end).unwrap_err()), ["cancelled", "cancelled"]);
}

/// Ten times the members cost ten times the memory, and no callback is called twice.
#[test]
fn a_race_is_linear_in_its_members() {
    let cost = |members: usize, cancel: bool| {
        let info = measure(|| {
            let (firers, members) = pairs::<()>(members);
            let end = race(members);
            if cancel {
                end.cancel();
            } else {
                firers[members_last(&firers)].fire(Ok(())).unwrap();
            }
            drop(self::end(end));
        });
        (info.count_total, info.bytes_total)
    };
    for cancel in [false, true] {
        let (few, many) = (cost(1000, cancel), cost(10_000, cancel));
        assert!(many.0 <= 11 * few.0 && many.1 <= 14 * few.1, "{few:?} {many:?}");
    }
}

fn members_last<T>(members: &[T]) -> usize {
    members.len() - 1
}

/// A race of races, 10,000 deep, on a small stack: failed, shown, dropped.
#[test]
fn a_deep_group_is_shown_and_dropped_flat() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let deep = small.spawn(|| {
        let mut end = fail::<()>("at the bottom");
        for _ in 0..10_000 {
            end = race(vec![end]).add_callback(|_| Ok(()));
        }
        let failure = self::end(end).unwrap_err();
        assert!(failure.to_string().contains("[[at the bottom]]"));
    });
    deep.unwrap().join().unwrap();
}

/// M1.37
#[test]
fn a_list_fails_with_the_first_error_if_told_so() {
    let reported = reports();
    let (firers, members) = pairs(2);
    let list = DeferredList::of(&members).fire_on_one_errback().all();
    firers[0].fire(Ok(1)).unwrap();
    firers[1].fire(Err("b".into())).unwrap();
    let failure = end(list).unwrap_err();
    assert_eq!(failure.get::<FirstError>().unwrap().index, 1);
    drop(failure);
    assert_eq!(*reported.borrow(), [""; 0]);
    drop((members, firers)); // whose error it still is
    assert_eq!(*reported.borrow(), ["Unhandled error in Deferred: b"]);
}

/// M1.38: not so if it consumes them.
#[test]
fn a_list_that_consumes_errors_leaves_none_to_report() {
    let reported = reports();
    let (firers, members) = pairs(2);
    let list = DeferredList::consuming(members).all();
    firers[1].fire(Err("b".into())).unwrap();
    firers[0].fire(Ok(1)).unwrap();
    let results = end(list).unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &1);
    assert_eq!(results[1].as_ref().unwrap_err().to_string(), "b");
    drop(results);
    assert_eq!(*reported.borrow(), [""; 0]);
}

/// M1.39. Where all fail, Twisted's list fires with the failures; this one fails with them.
#[test]
fn a_list_fires_with_the_first_success_if_told_so() {
    let (firers, members) = pairs(2);
    let list = DeferredList::consuming(members).first();
    firers[0].fire(Err("a".into())).unwrap();
    firers[1].fire(Ok(2)).unwrap();
    assert_eq!(end(list).unwrap(), (2, 1));

    let (firers, members) = pairs::<()>(2);
    let list = DeferredList::consuming(members).first();
    firers[1].fire(Err("b".into())).unwrap();
    firers[0].fire(Err("a".into())).unwrap();
    assert_eq!(texts(&end(list).unwrap_err()), ["a", "b"]);

    let (firers, members) = pairs::<()>(2);
    let list = DeferredList::consuming(members).fire_on_one_errback().first();
    firers[1].fire(Err("b".into())).unwrap();
    assert_eq!(end(list).unwrap_err().get::<FirstError>().unwrap().index, 1);
}

#[test]
fn a_list_of_nothing_fires_at_once() {
    let nothing = Vec::<Deferred<()>>::new;
    assert!(end(DeferredList::of(&[] as &[Deferred<()>]).all()).unwrap().is_empty());
    assert!(
        end(DeferredList::consuming(nothing()).first()).unwrap_err().is::<NoMembers>()
    );
}

/// M1.40
#[test]
fn when_the_time_is_up_the_hook_says_what_the_result_is() {
    let (clock, limit) = (Clock::new(), Duration::from_secs(10));
    let (_firer, waits) = Deferred::new();
    let waits = waits.add_timeout(limit, |result, limit| {
        let was = result.unwrap_err().is::<Cancelled>();
        Ok(format!("cancelled: {was}, after {limit:?}"))
    });
    let (_firer, answers) =
        Deferred::with_canceller(|firer| firer.fire(Ok("own".to_owned())).unwrap());
    let answers = answers.add_timeout(limit, |result, _| Ok(format!("not {}", result?)));
    let (_firer, panics) = Deferred::<String>::new();
    let panics =
        panics.add_timeout(limit, |_, _| -> Result<_, Failure> { panic!("no hook") });
    clock.advance(limit);
    assert_eq!(end(waits).unwrap(), "cancelled: true, after 10s");
    assert_eq!(end(answers).unwrap(), "not own");
    assert_eq!(end(panics).unwrap_err().to_string(), "panicked: no hook");
}

#[test]
fn in_time_the_hook_is_not_asked_and_the_timer_is_gone() {
    let (clock, limit) = (Clock::new(), Duration::from_secs(10));
    let hook = |_, _| -> Result<i32, Failure> { unreachable!("it was in time") };
    let (firer, in_time) = Deferred::new();
    let in_time = in_time.add_timeout(limit, hook);
    let (_firer, cancelled) = Deferred::new();
    let cancelled = cancelled.add_timeout(limit, hook);
    firer.fire(Ok(1)).unwrap();
    cancelled.cancel();
    assert_eq!(end(in_time).unwrap(), 1);
    assert!(end(cancelled).unwrap_err().is::<Cancelled>());
    assert_eq!(clock.delayed_calls(), 0);
}

/// The timeout of stage 1 that has no hook, said with one.
#[test]
fn a_hook_can_say_that_the_time_was_up() {
    let (clock, limit) = (Clock::new(), Duration::from_secs(10));
    let (_firer, waits) = Deferred::<()>::new();
    let waits = waits.add_timeout(limit, |_, _| Err(Elapsed.into()));
    clock.advance(limit);
    assert!(end(waits).unwrap_err().is::<Elapsed>());
}

/// M1.41
#[test]
fn a_lock_is_handed_on_in_order_past_whoever_gave_up() {
    let lock = DeferredLock::new();
    let held = end(lock.acquire()).unwrap();
    let (gives_up, waits) = (lock.acquire(), lock.acquire());
    assert!(lock.locked());
    gives_up.cancel();
    assert!(end(gives_up).unwrap_err().is::<Cancelled>());
    let waits = waits.try_take().unwrap_err();
    drop(held);
    let held = end(waits).unwrap();
    assert!(lock.locked(), "the next one holds it");
    drop(held);
    assert!(!lock.locked());
}

/// M1.42: good, bad, or cancelled.
#[test]
fn work_under_a_lock_gives_it_back_whatever_happens() {
    let (lock, log) = (DeferredLock::new(), Log::default());
    assert_eq!(end(lock.run(|| Ok(5))).unwrap(), 5);
    let panics = lock.run(|| -> Result<(), Failure> { panic!("no") });
    assert_eq!(end(panics).unwrap_err().to_string(), "panicked: no");
    assert!(!lock.locked());

    let (_firer, inner) = told::<()>(&log, "inner cancelled");
    let work = lock.run(|| inner);
    let waits = lock.run(|| Ok("next"));
    assert!(lock.locked());
    work.cancel();
    assert!(end(work).unwrap_err().is::<Cancelled>());
    assert_eq!(*log.borrow(), ["inner cancelled"]);
    assert_eq!(end(waits).unwrap(), "next");
    assert!(!lock.locked());
}

/// M1.43
#[test]
fn no_more_run_at_a_time_than_there_are_permits() {
    let (semaphore, begun) = (Semaphore::new(2), Rc::new(Cell::new(0)));
    let (firers, inner) = pairs::<()>(4);
    let ends: Vec<_> = inner
        .into_iter()
        .map(|inner| {
            let begun = Rc::clone(&begun);
            semaphore.run(move || {
                begun.set(begun.get() + 1);
                inner
            })
        })
        .collect();
    assert_eq!(begun.get(), 2);
    ends[2].cancel(); // it still waits: it never begins
    firers[0].fire(Ok(())).unwrap();
    assert_eq!(begun.get(), 3);
    firers[1].fire(Ok(())).unwrap();
    firers[3].fire(Ok(())).unwrap();
    let ends: Vec<_> = ends.into_iter().map(|it| end(it).is_ok()).collect();
    assert_eq!((begun.get(), ends), (3, vec![true, true, false, true]));
}

/// M1.44
#[test]
fn a_queue_has_bounds_on_both_sides() {
    let queue = DeferredQueue::bounded(1, 1);
    queue.put(1).unwrap();
    assert_eq!(queue.put(2).unwrap_err().0, 2);
    assert_eq!(end(queue.get()).unwrap(), 1);
    let waits = queue.get();
    assert!(end(queue.get()).unwrap_err().is::<QueueUnderflow>());
    queue.put(3).unwrap();
    assert_eq!(end(waits).unwrap(), 3);

    // Without room for values they go from hand to hand.
    let queue = DeferredQueue::bounded(0, 1);
    assert_eq!(queue.put(1).unwrap_err().0, 1);
    let waits = queue.get();
    queue.put(2).unwrap();
    assert_eq!(end(waits).unwrap(), 2);
    assert!(end(DeferredQueue::<i32>::bounded(1, 0).get()).is_err());
}

#[test]
fn a_queue_says_how_full_it_is_and_why_it_took_no_more() {
    let queue = DeferredQueue::bounded(1, 1);
    assert_eq!(format!("{queue:?}"), "DeferredQueue { values: 0, waiting: 0 }");
    let waits = queue.get();
    assert_eq!(format!("{queue:?}"), "DeferredQueue { values: 0, waiting: 1 }");
    assert_eq!(QueueUnderflow.to_string(), "too many wait for the queue already");
    assert!(queue.is_empty());
    for n in [1, 2] {
        queue.put(n).unwrap();
    }
    assert!(!queue.is_empty());
    assert_eq!(format!("{queue:?}"), "DeferredQueue { values: 1, waiting: 0 }");
    let full = queue.put(3).unwrap_err();
    assert_eq!(full.to_string(), "the queue has no room for more");
    assert_eq!(format!("{full:?}"), "QueueOverflow(..)");
    drop(waits);
}

/// M1.45: nor does it take a place in the backlog.
#[test]
fn whoever_gives_up_in_a_queue_takes_no_value() {
    let queue = DeferredQueue::bounded(1, 1);
    let gives_up = queue.get();
    gives_up.cancel();
    assert!(end(gives_up).unwrap_err().is::<Cancelled>());
    assert_eq!(queue.waiting(), 0);
    let waits = queue.get();
    queue.put("for the next").unwrap();
    assert_eq!(end(waits).unwrap(), "for the next");
    // One that has its value keeps it.
    queue.put("kept").unwrap();
    let has = queue.get();
    has.cancel();
    assert_eq!(end(has).unwrap(), "kept");
}

/// 10,000 wait, every other one gives up, and nobody is passed over: at the same price for
/// each as when there are a thousand.
#[test]
fn a_long_line_is_served_in_order_and_in_linear_time() {
    let cost = |many: usize| {
        let info = measure(|| {
            let queue = DeferredQueue::new();
            let line: Vec<_> = (0..many).map(|_| queue.get()).collect();
            line.iter().step_by(2).for_each(Deferred::cancel);
            (0..many / 2).for_each(|value| queue.put(value).unwrap());
            let served = line.into_iter().map(end).filter_map(Result::ok);
            assert!(served.eq(0..many / 2));
            assert!(queue.is_empty());
        });
        (info.count_total, info.bytes_total)
    };
    let (few, many) = (cost(1000), cost(10_000));
    assert!(many.0 <= 11 * few.0 && many.1 <= 14 * few.1, "{few:?} {many:?}");
}

/// Somebody who is served puts the next value in, and so on: the stack stays flat.
#[test]
fn a_queue_that_is_filled_by_those_it_serves_stays_flat() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let deep = small.spawn(|| {
        let (queue, served) = (DeferredQueue::new(), Rc::new(Cell::new(0)));
        for _ in 0..10_000 {
            let (again, served) = (queue.clone(), Rc::clone(&served));
            drop(queue.get().add_callback(move |value: u32| {
                served.set(served.get() + 1);
                let _ = again.put(value + 1);
            }));
        }
        queue.put(0).unwrap();
        assert_eq!(served.get(), 10_000);
        assert_eq!(end(queue.get()).unwrap(), 10_000);
    });
    deep.unwrap().join().unwrap();
}
