//! `sleep`, and asyncio's `wait_for`, which is called `timeout` here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::future::{Cancelled, InvalidState};
use stage3_yield_from::time::{Elapsed, sleep, timeout};
use stage3_yield_from::{Coroutine, Failure, coroutine, run, spawn, yield_from};

/// Runs `main` on a virtual clock; how long that took, by this clock.
fn play<F>(main: F) -> Duration
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    let clock = Clockwork::new();
    backend::scope(Rc::clone(&clock) as _, || run(coroutine(main))).unwrap().unwrap();
    clock.elapsed()
}

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

#[test]
fn a_timeout_of_nothing_does_not_let_a_sleeper_finish() {
    play(async {
        let failure = yield_from(timeout(Duration::ZERO, sleep(millis(1)))).await;
        assert!(failure.unwrap_err().is::<Elapsed>());
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

// Two cancels, the timeout's and ours: the one who asked for ours must hear of it.
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
    let reports = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&reports);
    stage3_yield_from::failure::on_report(move |report| {
        heard.borrow_mut().push(report.to_owned());
    });
    play(async {
        spawn(timeout(millis(100), sleep(millis(1000))));
        yield_from(sleep(millis(1))).await
    });
    assert_eq!(*reports.borrow(), [""; 0]);
}
