//! A slot for a result: the futures of PEP 3156, and `test_futures.py` of CPython.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::failure::on_report;
use stage3_yield_from::future::{Cancelled, InvalidState};
use stage3_yield_from::time::sleep;
use stage3_yield_from::{
    Coroutine, Failure, Future, call_soon, coroutine, run, spawn, yield_from,
};

/// Runs `main` on a virtual clock.
fn play<T: 'static>(main: Coroutine<T>) -> T {
    backend::scope(Clockwork::new(), || run(main)).unwrap().unwrap()
}

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

type Log = Rc<RefCell<Vec<&'static str>>>;

fn writes(log: &Log, word: &'static str) -> impl FnOnce() + use<> {
    let log = Rc::clone(log);
    move || log.borrow_mut().push(word)
}

/// M6.10
#[test]
fn a_result_is_there_once_it_is_set_and_only_once() {
    let future = Future::new();
    assert!(!future.done());
    assert!(future.result().unwrap_err().is::<InvalidState>());
    future.set_result(1).unwrap();
    assert!(future.done());
    assert_eq!(future.result().unwrap(), 1);
    assert_eq!(future.set_result(2), Err(InvalidState));
    assert_eq!(future.set_exception(Cancelled), Err(InvalidState));
    assert!(!future.cancel(), "it is done");
    assert!(!future.cancelled());
    assert_eq!(future.result().unwrap(), 1);
}

/// M6.10
#[test]
fn a_cancelled_future_is_done_and_takes_no_result() {
    let future = Future::<i32>::new();
    assert!(future.cancel());
    assert!(future.cancelled());
    assert!(future.done());
    assert!(future.result().unwrap_err().is::<Cancelled>());
    assert_eq!(future.set_result(1), Err(InvalidState));
    assert!(!future.cancel(), "it is done");
}

/// M6.11
#[test]
fn callbacks_are_called_by_the_loop_in_order_and_never_inline() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let future = Future::new();
        future.add_done_callback(writes(&said, "first"));
        future.add_done_callback(writes(&said, "second"));
        future.set_result(())?;
        said.borrow_mut().push("after set");
        turn().await?;
        future.add_done_callback(writes(&said, "late"));
        said.borrow_mut().push("after add");
        turn().await
    }));
    assert_eq!(*log.borrow(), ["after set", "first", "second", "after add", "late"]);
}

/// Asked of CPython 3.11 and 3.13: whatever is added from inside of a callback is called in a
/// turn of its own, even if the future is done.
#[test]
fn callbacks_that_are_added_from_inside_of_a_callback_come_a_turn_later() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let future = Future::new();
        let (own, inside) = (future.clone(), Rc::clone(&said));
        future.add_done_callback(move || {
            inside.borrow_mut().push("a");
            own.add_done_callback(writes(&inside, "c"));
            inside.borrow_mut().push("a ends");
        });
        future.add_done_callback(writes(&said, "b"));
        future.set_result(())?;
        call_soon(writes(&said, "soon"));
        yield_from(sleep(Duration::from_millis(1))).await
    }));
    assert_eq!(*log.borrow(), ["a", "a ends", "b", "soon", "c"]);
}

/// The same: a task that waits has its place among the callbacks, and whom they wake come
/// after all of them.
#[test]
fn a_task_waits_in_line_with_the_callbacks() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let (future, next) = (Future::new(), Future::new());
        let (wakes, waits, task) = (next.clone(), future.clone(), Rc::clone(&said));
        future.add_done_callback(move || wakes.set_result(()).unwrap());
        next.add_done_callback(writes(&said, "next"));
        future.add_done_callback(writes(&said, "before"));
        spawn(coroutine(async move {
            yield_from(&waits).await?;
            task.borrow_mut().push("task");
            Ok(())
        }));
        turn().await?;
        future.add_done_callback(writes(&said, "behind"));
        future.set_result(())?;
        yield_from(sleep(Duration::from_millis(1))).await
    }));
    assert_eq!(*log.borrow(), ["before", "task", "behind", "next"]);
}

/// M6.11, for errors: neither what comes at once nor a cancel calls inline.
#[test]
fn errors_that_come_at_once_and_cancels_are_told_by_the_loop_too() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let (fails, given_up) = (Future::<()>::new(), Future::<()>::new());
        fails.set_exception(InvalidState)?;
        fails.add_done_callback(writes(&said, "failed"));
        given_up.add_done_callback(writes(&said, "cancelled"));
        given_up.cancel();
        said.borrow_mut().push("first");
        assert!(fails.result().is_err());
        turn().await
    }));
    assert_eq!(*log.borrow(), ["first", "failed", "cancelled"]);
}

/// M6.12: Python compares functions and counts them. Here each has a name of its own.
#[test]
fn a_callback_that_was_removed_is_not_called() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let future = Future::new();
        let first = future.add_done_callback(writes(&said, "first"));
        let second = future.add_done_callback(writes(&said, "second"));
        assert!(future.remove_done_callback(first));
        assert!(!future.remove_done_callback(first), "it is gone");
        future.set_result(())?;
        assert!(!future.remove_done_callback(second), "it is scheduled");
        turn().await
    }));
    assert_eq!(*log.borrow(), ["second"]);
}

/// M6.12, with more than two of them.
#[test]
fn callbacks_may_be_removed_from_the_middle_and_the_others_keep_their_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let future = Future::new();
        let ids = ["a", "b", "c", "d", "e", "f"]
            .map(|word| future.add_done_callback(writes(&said, word)));
        for index in [2, 1, 4] {
            assert!(future.remove_done_callback(ids[index]));
            assert!(!future.remove_done_callback(ids[index]), "it is gone");
        }
        future.add_done_callback(writes(&said, "g"));
        future.set_result(())?;
        turn().await
    }));
    assert_eq!(*log.borrow(), ["a", "d", "f", "g"]);
}

/// A callback that is called is no more to be removed, and no other is taken for it.
#[test]
fn the_name_of_a_callback_stays_its_own() {
    play(coroutine(async move {
        let future = Future::new();
        let first = future.add_done_callback(|| ());
        future.set_result(())?;
        let late = future.add_done_callback(|| ());
        assert_ne!(first, late);
        assert!(!future.remove_done_callback(first));
        assert!(!future.remove_done_callback(late), "it is scheduled");
        turn().await
    }));
}

/// What nobody handled while `body` ran.
fn reported(body: impl FnOnce()) -> Vec<String> {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&reports);
    on_report(move |report| heard.borrow_mut().push(report.to_owned()));
    body();
    reports.take()
}

/// M6.13
#[test]
fn an_error_that_nobody_saw_is_reported_when_the_future_is_dropped() {
    let reports = reported(|| {
        let future = Future::<()>::new();
        future.set_exception(InvalidState).unwrap();
        drop(future.clone());
    });
    assert_eq!(reports, ["Future exception was never retrieved: invalid state"]);
}

/// M6.13
#[test]
fn an_error_that_somebody_saw_is_not_reported_nor_is_a_cancel() {
    let reports = reported(|| {
        let seen = Future::<()>::new();
        seen.set_exception(InvalidState).unwrap();
        assert!(seen.result().is_err());
        Future::<()>::new().cancel();
    });
    assert_eq!(reports, [""; 0]);
}

#[test]
fn to_wait_for_a_future_that_is_done_does_not_suspend() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(coroutine(async move {
        let future = Future::new();
        future.add_done_callback(writes(&said, "a turn later"));
        future.set_result(3)?;
        assert_eq!(yield_from(&future).await?, 3);
        said.borrow_mut().push("at once");
        turn().await
    }));
    assert_eq!(*log.borrow(), ["at once", "a turn later"]);
}

#[test]
fn a_callback_may_own_the_future_and_finish_others() {
    let woken = play(coroutine(async move {
        let (first, second) = (Future::new(), Future::new());
        let (own, next) = (first.clone(), second.clone());
        first.add_done_callback(move || {
            next.set_result(own.result().unwrap() + 1).unwrap();
        });
        first.set_result(1)?;
        yield_from(&second).await
    }));
    assert_eq!(woken, 2);
}
