//! `sleep`, and asyncio's `wait_for`, which is called `timeout` here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::failure::on_report;
use stage3_yield_from::future::{Cancelled, InvalidState};
use stage3_yield_from::time::{Elapsed, sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, call_later, call_soon, coroutine, run, spawn, yield_from,
};

/// Runs `main` on a virtual clock; how long that took, by this clock.
fn play<F>(main: F) -> Duration
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    let clock = Clockwork::new();
    backend::scope(Rc::clone(&clock) as _, || run(coroutine(main))).unwrap().unwrap();
    clock.elapsed()
}

/// Longer than any of these tests.
const HOUR: Duration = Duration::from_hours(1);

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Sleeps for an hour, and when it is cancelled takes its time to clean up.
fn cleans_up(log: &Log, takes: Duration) -> Coroutine<()> {
    let log = Rc::clone(log);
    coroutine(async move {
        let end = yield_from(sleep(Duration::from_hours(1))).await;
        let cleaned = yield_from(sleep(takes)).await;
        log.borrow_mut().push(if cleaned.is_ok() { "clean" } else { "hurried" });
        end
    })
}

#[test]
fn a_sleep_is_counted_from_its_first_step() {
    let took = play(async {
        let asleep = sleep(millis(30));
        yield_from(sleep(millis(20))).await?;
        yield_from(asleep).await
    });
    assert_eq!(took, millis(50));
}

#[test]
fn sleeps_pass_at_the_same_time() {
    let took = play(async {
        let tasks = [30, 10, 20].map(|n| spawn(sleep(millis(n))));
        for task in tasks {
            yield_from(&task).await?;
        }
        Ok(())
    });
    assert_eq!(took, millis(30));
}

#[test]
fn a_sleep_that_was_cancelled_takes_its_timer_back() {
    let took = play(async {
        let task = spawn(sleep(millis(1000)));
        yield_from(sleep(millis(1))).await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(took, millis(1));
}

/// What it fails with is its own, even a cancel.
#[test]
fn a_body_that_is_cancelled_before_its_time_is_up_has_not_been_too_late() {
    let took = play(async {
        let gives_up = coroutine(async { Err::<(), _>(Cancelled.into()) });
        let end = yield_from(timeout(HOUR, gives_up)).await;
        assert!(end.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(took, Duration::ZERO);
}

/// Runs `body`, and then on, until nothing can happen any more; how long that took. A timer that
/// was left behind is waited for.
fn runs_out<F>(body: F) -> Duration
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    let (clock, ended) = (Clockwork::new(), Rc::new(Cell::new(false)));
    let end = Rc::clone(&ended);
    let main = coroutine(async move {
        body.await?;
        end.set(true);
        yield_from(&Future::<()>::new()).await
    });
    let deadlock = backend::scope(Rc::clone(&clock) as _, || run(main)).unwrap_err();
    assert!(ended.get(), "{deadlock}");
    assert!(deadlock.to_string().contains(" 0 timers"), "{deadlock}");
    clock.elapsed()
}

#[test]
fn a_sleep_or_a_call_that_is_given_up_leaves_no_timer_behind() {
    let cancelled_sleep = runs_out(async {
        let task = spawn(sleep(HOUR));
        yield_from(sleep(millis(1))).await?;
        task.cancel();
        assert!(yield_from(&task).await.is_err());
        Ok(())
    });
    assert_eq!(cancelled_sleep, millis(1));
    let dropped_sleep = runs_out(async {
        let asleep = sleep(HOUR);
        asleep.next()?;
        drop(asleep);
        Ok(())
    });
    assert_eq!(dropped_sleep, Duration::ZERO);
    let cancelled_call = runs_out(async {
        call_later(HOUR, || ()).cancel();
        Ok(())
    });
    assert_eq!(cancelled_call, Duration::ZERO);
}

#[test]
fn a_timeout_leaves_no_timer_behind_however_it_ends() {
    let in_time = runs_out(async {
        yield_from(timeout(HOUR, sleep(millis(2)))).await?;
        let fails = coroutine::<()>(async { Err(InvalidState.into()) });
        assert!(yield_from(timeout(HOUR, fails)).await.is_err());
        Ok(())
    });
    assert_eq!(in_time, millis(2));
    let cancelled_timeout = runs_out(async {
        let task = spawn(timeout(HOUR, sleep(2 * HOUR)));
        yield_from(sleep(millis(3))).await?;
        task.cancel();
        assert!(yield_from(&task).await.is_err());
        Ok(())
    });
    assert_eq!(cancelled_timeout, millis(3));
    let too_late = runs_out(async {
        assert!(yield_from(timeout(millis(4), sleep(HOUR))).await.is_err());
        assert!(yield_from(timeout(Duration::ZERO, sleep(HOUR))).await.is_err());
        Ok(())
    });
    assert_eq!(too_late, millis(4));
}

/// M6.21
#[test]
fn who_is_in_time_gives_its_result_and_takes_the_timer_back() {
    let took = play(async {
        let quick = coroutine(async {
            yield_from(sleep(millis(5))).await?;
            Ok("in time")
        });
        assert_eq!(yield_from(timeout(millis(1000), quick)).await?, "in time");
        Ok(())
    });
    assert_eq!(took, millis(5));
}

#[test]
fn who_fails_in_time_fails_as_it_did() {
    play(async {
        let fails = coroutine::<()>(async { Err(InvalidState.into()) });
        let failure = yield_from(timeout(millis(10), fails)).await.unwrap_err();
        assert!(failure.is::<InvalidState>());
        Ok(())
    });
}

/// M6.21
#[test]
fn who_is_late_is_cancelled_and_has_cleaned_up_before_the_time_is_said_to_be_up() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let took = play(async move {
        let late = timeout(millis(10), cleans_up(&said, millis(7)));
        let failure = yield_from(late).await.unwrap_err();
        assert!(failure.is::<Elapsed>());
        said.borrow_mut().push("the time was up");
        Ok(())
    });
    assert_eq!(*log.borrow(), ["clean", "the time was up"]);
    assert_eq!(took, millis(17));
}

#[test]
fn who_is_late_and_refuses_to_be_cancelled_gives_its_result() {
    play(async {
        let stubborn = coroutine(async {
            let _ = yield_from(sleep(millis(1000))).await;
            Ok("late")
        });
        assert_eq!(yield_from(timeout(millis(10), stubborn)).await?, "late");
        Ok(())
    });
}

/// `asyncio.wait_for(body(), 0)`, in 3.11 and since: the task is cancelled before its first
/// step.
#[test]
fn a_body_under_a_timeout_of_nothing_never_begins() {
    let began = Rc::new(Cell::new(false));
    let begins = Rc::clone(&began);
    let took = play(async move {
        let body = coroutine(async move {
            begins.set(true);
            Ok(())
        });
        let failure = yield_from(timeout(Duration::ZERO, body)).await;
        assert!(failure.unwrap_err().is::<Elapsed>());
        Ok(())
    });
    assert!(!began.get());
    assert_eq!(took, Duration::ZERO);
}

#[test]
fn a_timeout_of_almost_nothing_lets_its_body_begin() {
    play(async {
        let body = coroutine(async { Ok("at once") });
        let end = yield_from(timeout(Duration::from_nanos(1), body)).await;
        assert_eq!(end.unwrap(), "at once");
        Ok(())
    });
}

/// CPython 3.11 and 3.13: a sleep of nothing goes behind those who are ready, and before those
/// whom they make ready.
#[test]
fn a_sleep_of_nothing_is_a_turn_in_its_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let (one, other, task) = (Rc::clone(&said), Rc::clone(&said), Rc::clone(&said));
        spawn(coroutine(async move {
            yield_from(sleep(Duration::ZERO)).await?;
            task.borrow_mut().push("task");
            Ok(())
        }));
        call_soon(move || {
            one.borrow_mut().push("1");
            call_soon(move || other.borrow_mut().push("2"));
            call_later(Duration::ZERO, move || one.borrow_mut().push("later"));
        });
        yield_from(sleep(millis(1))).await
    });
    assert_eq!(*log.borrow(), ["1", "task", "2", "later"]);
}

#[test]
fn a_sleep_of_nothing_can_be_cancelled() {
    play(async {
        let task = spawn(sleep(Duration::ZERO));
        yield_from(sleep(Duration::ZERO)).await?;
        assert!(task.cancel());
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

#[test]
fn a_cancel_from_outside_is_no_timeout_and_waits_for_the_cleaning_up() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let took = play(async move {
        let task = spawn(timeout(millis(100), cleans_up(&said, millis(7))));
        yield_from(sleep(millis(1))).await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        said.borrow_mut().push("cancelled");
        Ok(())
    });
    assert_eq!(*log.borrow(), ["clean", "cancelled"]);
    assert_eq!(took, millis(8));
}

/// What nobody handled while `main` ran.
fn reported<F>(main: F) -> Vec<String>
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    let reports = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&reports);
    on_report(move |report| heard.borrow_mut().push(report.to_owned()));
    play(main);
    reports.take()
}

/// Sleeps for an hour; what it is cancelled with becomes another error.
fn fails_to_clean_up() -> Coroutine<()> {
    coroutine(async {
        let _ = yield_from(sleep(Duration::from_hours(1))).await;
        Err(InvalidState.into())
    })
}

/// `wait_for` of 3.11: the canceller hears of the cancel, and the log of the error.
#[test]
fn an_error_of_the_cleaning_up_after_a_cancel_from_outside_is_reported() {
    let reports = reported(async {
        let task = spawn(timeout(millis(100), fails_to_clean_up()));
        yield_from(sleep(millis(1))).await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(reports, ["Future exception was never retrieved: invalid state"]);
}

#[test]
fn an_error_of_the_cleaning_up_after_a_timeout_is_what_the_timeout_fails_with() {
    let reports = reported(async {
        let failure = yield_from(timeout(millis(10), fails_to_clean_up())).await;
        assert!(failure.unwrap_err().is::<InvalidState>());
        Ok(())
    });
    assert_eq!(reports, [""; 0]);
}

/// As since 3.12, where the body is a part of the task: 3.11 forgot the second one.
#[test]
fn every_cancel_from_outside_reaches_the_body_and_waits_for_it() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let took = play(async move {
        let body = coroutine(async move {
            for after in [1, 2] {
                let end = yield_from(sleep(millis(100))).await;
                assert!(end.unwrap_err().is::<Cancelled>());
                yield_from(sleep(millis(after))).await.unwrap();
                said.borrow_mut().push("cancelled");
            }
            yield_from(sleep(millis(7))).await
        });
        let task = spawn(timeout(millis(1000), body));
        for _ in 0..2 {
            yield_from(sleep(millis(5))).await?;
            task.cancel();
        }
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(*log.borrow(), ["cancelled", "cancelled"]);
    assert_eq!(took, millis(5 + 5 + 2 + 7));
}

#[test]
fn a_cancel_from_outside_when_the_body_has_just_ended_is_a_cancel() {
    play(async {
        let gate = Future::new();
        let opens = gate.clone();
        let body = coroutine(async move { yield_from(&gate).await });
        let task = spawn(timeout(millis(100), body));
        yield_from(sleep(millis(1))).await?;
        opens.set_result("too late")?;
        yield_from(sleep(Duration::ZERO)).await?;
        yield_from(sleep(Duration::ZERO)).await?;
        assert!(!task.done(), "its body is");
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

// Two cancels, the timeout's and ours: whoever asked for ours must hear of it.
#[test]
fn a_cancel_from_outside_is_not_lost_while_the_late_one_cleans_up() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let task = spawn(timeout(millis(10), cleans_up(&said, millis(100))));
        yield_from(sleep(millis(20))).await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(task.cancelled());
        Ok(())
    });
    assert_eq!(*log.borrow(), ["hurried"]);
}

/// M6.22, as far as `wait_for` has it: the inner one's time is not the outer one's.
#[test]
fn of_two_timeouts_only_the_one_whose_time_is_up_says_so() {
    play(async {
        let nested = coroutine(async {
            let inner = timeout(millis(10), sleep(millis(1000)));
            assert!(yield_from(inner).await.unwrap_err().is::<Elapsed>());
            Ok("went on")
        });
        assert_eq!(yield_from(timeout(millis(100), nested)).await?, "went on");
        Ok(())
    });
}

#[test]
fn the_outer_one_of_two_timeouts_cancels_through_the_inner_one() {
    let cancelled = Rc::new(Cell::new(false));
    let saw = Rc::clone(&cancelled);
    let took = play(async move {
        let innermost = coroutine(async move {
            let end = yield_from(sleep(millis(1000))).await;
            saw.set(end.as_ref().is_err_and(Failure::is::<Cancelled>));
            end
        });
        let inner = timeout(millis(100), innermost);
        let failure = yield_from(timeout(millis(10), inner)).await.unwrap_err();
        assert!(failure.is::<Elapsed>());
        Ok(())
    });
    assert!(cancelled.get());
    assert_eq!(took, millis(10));
}

#[test]
fn a_timeout_that_is_left_by_its_loop_is_closed_without_a_report() {
    let reports = reported(async {
        spawn(timeout(millis(100), sleep(millis(1000))));
        yield_from(sleep(millis(1))).await
    });
    assert_eq!(reports, [""; 0]);
}
