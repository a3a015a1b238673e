//! Cancelling what a routine is to give, against what Twisted's inlineCallbacks answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage2_generators::deferred::{CancelHandle, Cancelled, Deferred, Firer, succeed};
use stage2_generators::extras::lists::{FirstError, deferred_list, gather_results};
use stage2_generators::failure::{Failure, on_report};
use stage2_generators::time::{Elapsed, sleep, timeout};
use stage2_generators::{inline_callbacks, react, run, stop, yield_};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError(&'static str);

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError: {}", self.0)
    }
}

impl Error for KeyError {}

type Log = Rc<RefCell<Vec<String>>>;

fn say(log: &Log, what: impl Into<String>) {
    log.borrow_mut().push(what.into());
}

fn reports() -> Log {
    let log = Log::default();
    let hook = Rc::clone(&log);
    on_report(move |what| say(&hook, what));
    log
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Runs `main` on a clock of its own, until its deferred has fired; gives its result, and how
/// late it was then.
fn at_the_end<T: 'static>(
    main: impl FnOnce(&Rc<Clockwork>) -> Deferred<T>,
) -> (Result<T, Failure>, Duration) {
    let clock = Clockwork::new();
    let end = backend::scope(Rc::clone(&clock) as _, || react(|| main(&clock)).unwrap());
    (end, clock.elapsed())
}

/// Waits for an hour, and when it is cancelled for `cleaning` more, and then gives 42.
fn cleans_up(log: &Log, cleaning: Duration) -> Deferred<i32> {
    let log = Rc::clone(log);
    inline_callbacks(async move {
        let end = yield_(sleep(Duration::from_hours(1))).await;
        assert!(end.unwrap_err().is::<Cancelled>());
        say(&log, "saw");
        yield_(sleep(cleaning)).await?;
        Ok(42)
    })
}

/// M1.28: the body may clean up, and wait for that. What it comes to is the result.
#[test]
fn a_cancelled_routine_fires_once_it_has_cleaned_up_with_what_it_came_to() {
    let log = Log::default();
    let (end, late) = at_the_end(|_| {
        let routine = cleans_up(&log, millis(50));
        routine.cancel();
        assert_eq!(log.take(), ["saw"]);
        let routine = routine.try_take().unwrap_err();
        routine.add_callback(|value| Ok(value + 1))
    });
    assert_eq!((end.unwrap(), late), (43, millis(50)));
}

/// M1.28: a second cancel reaches the body at the yield where it stands by then.
#[test]
fn every_cancel_reaches_the_body_again() {
    let log = Log::default();
    let saw = Rc::clone(&log);
    let (end, late) = at_the_end(move |_| {
        let inside = Rc::clone(&saw);
        let routine = inline_callbacks(async move {
            for n in 1..=3 {
                let end = yield_(sleep(Duration::from_hours(1))).await;
                assert!(end.unwrap_err().is::<Cancelled>());
                say(&inside, format!("saw {n}"));
            }
            Ok("enough")
        });
        let handle = routine.cancel_handle();
        routine.cancel();
        handle.cancel();
        say(&saw, "twice");
        let routine = routine.try_take().unwrap_err();
        routine.cancel();
        routine
    });
    assert_eq!((end.unwrap(), late), ("enough", Duration::ZERO));
    assert_eq!(log.take(), ["saw 1", "saw 2", "twice", "saw 3"]);
}

/// A cleanup that is cancelled is over at once: so is everything that it had still to do.
#[test]
fn a_cancel_during_the_cleaning_up_is_raised_there() {
    let log = Log::default();
    let (end, late) = at_the_end(|_| {
        let routine = cleans_up(&log, millis(50));
        routine.cancel();
        routine.cancel();
        routine
    });
    assert!(end.unwrap_err().is::<Cancelled>());
    assert_eq!((log.take(), late), (vec!["saw".to_owned()], Duration::ZERO));
}

/// M1.12: as for every deferred that has fired.
#[test]
fn a_cancel_after_the_end_does_nothing() {
    let reported = reports();
    let routine = inline_callbacks(async { yield_(succeed(1)).await });
    routine.cancel();
    let handle = routine.cancel_handle();
    handle.cancel();
    assert_eq!(routine.try_take().unwrap().unwrap(), 1);
    handle.cancel();
    assert_eq!(reported.take(), [""; 0]);
}

/// What has begun and runs waits for nothing that could be cancelled. Twisted asks what it
/// waited for last, which has fired, and so does nothing either.
#[test]
fn a_cancel_from_inside_the_body_does_nothing_and_the_next_one_from_outside_does() {
    let log = Log::default();
    let (inside, this) = (Rc::clone(&log), Rc::new(RefCell::new(None::<CancelHandle>)));
    let own = Rc::clone(&this);
    let (firer, first) = Deferred::<()>::new();
    let (_second, waited) = Deferred::<()>::new();
    let routine = inline_callbacks(async move {
        yield_(first).await?;
        own.borrow().as_ref().unwrap().cancel();
        say(&inside, "goes on");
        // It still does nothing where nobody has to wait.
        yield_(succeed(())).await?;
        let end = yield_(waited).await;
        assert!(end.unwrap_err().is::<Cancelled>());
        say(&inside, "saw");
        Ok(42)
    });
    this.replace(Some(routine.cancel_handle()));
    firer.fire(Ok(())).unwrap();
    let routine = routine.try_take().unwrap_err();
    assert_eq!(log.take(), ["goes on"]);
    routine.cancel();
    assert_eq!(routine.try_take().unwrap().unwrap(), 42);
    assert_eq!(log.take(), ["saw"]);
}

/// M1.13: the canceller of what it waits for has the first word.
#[test]
fn what_a_canceller_fires_is_the_value_of_the_yield() {
    let (_firer, waited) = Deferred::with_canceller(|firer: Firer<&str>| {
        firer.fire(Ok("other")).unwrap();
    });
    let routine = inline_callbacks(async { yield_(waited).await });
    routine.cancel();
    assert_eq!(routine.try_take().unwrap().unwrap(), "other");
}

/// M1.11: what had no canceller swallows one fire that comes too late, and no second one. What
/// the body came to meanwhile stays.
#[test]
fn a_late_fire_changes_nothing() {
    let (firer, waited) = Deferred::<i32>::new();
    let routine = inline_callbacks(async {
        let end = yield_(waited).await;
        assert!(end.unwrap_err().is::<Cancelled>());
        Ok(5)
    });
    routine.cancel();
    assert!(firer.fire(Ok(1)).is_ok());
    assert!(firer.fire(Ok(1)).is_err());
    assert_eq!(routine.try_take().unwrap().unwrap(), 5);
}

/// M1.14: a cancel goes to whoever waits innermost, be it through a link or through a yield; and
/// there what comes of it is a value as any other.
#[test]
fn a_cancel_goes_through_those_who_wait_for_it_to_the_innermost() {
    let log = Log::default();
    let (said, inner) = (Rc::clone(&log), Rc::clone(&log));
    let (end, late) = at_the_end(move |_| {
        let middle = inline_callbacks(async move {
            let value = yield_(cleans_up(&inner, millis(20))).await?;
            say(&inner, format!("middle got {value}"));
            yield_(sleep(millis(1))).await?;
            Ok(value + 1)
        });
        let linked = succeed(()).add_callback(move |()| middle);
        let outer = inline_callbacks(async move {
            let value = yield_(linked).await?;
            say(&said, format!("outer got {value}"));
            Ok(value + 1)
        });
        let link = succeed(()).add_callback(|()| outer);
        link.cancel();
        link.try_take().unwrap_err()
    });
    assert_eq!((end.unwrap(), late), (44, millis(21)));
    assert_eq!(log.take(), ["saw", "middle got 42", "outer got 43"]);
}

/// The error of a cleanup is the result; if nobody is there to take it, it is reported, once.
#[test]
fn an_error_of_the_cleaning_up_is_not_lost() {
    let fails = || {
        inline_callbacks(async {
            let _cancelled = yield_(sleep(Duration::from_hours(1))).await;
            yield_(sleep(millis(50))).await?;
            Err::<(), _>(KeyError("cleanup").into())
        })
    };
    let reported = reports();
    let (end, late) = at_the_end(|_| {
        let routine = fails();
        routine.cancel();
        routine
    });
    assert_eq!(end.unwrap_err().get(), Some(&KeyError("cleanup")));
    assert_eq!((late, reported.take()), (millis(50), vec![]));

    let (end, _) = at_the_end(|_| {
        let routine = fails();
        routine.cancel();
        drop(routine);
        sleep(millis(60))
    });
    end.unwrap();
    assert_eq!(reported.take(), ["Unhandled error in Deferred: KeyError: cleanup"]);

    let (end, _) = at_the_end(|_| {
        let panics = inline_callbacks(async {
            let _cancelled = yield_(sleep(Duration::from_hours(1))).await;
            panic!("oh") as Result<(), Failure>
        });
        panics.cancel();
        panics
    });
    assert_eq!(end.unwrap_err().to_string(), "panicked: oh");
}

/// M1.20: the time is up at the deadline, and that is told once the body is done with it.
#[test]
fn a_timeout_says_that_the_time_is_up_once_the_body_has_cleaned_up() {
    let gives_up = || {
        inline_callbacks(async {
            let end = yield_(sleep(Duration::from_hours(1))).await;
            yield_(sleep(millis(50))).await?;
            end
        })
    };
    let (end, late) = at_the_end(|_| timeout(millis(10), gives_up()));
    assert!(end.unwrap_err().is::<Elapsed>());
    assert_eq!(late, millis(60));

    // What it comes to instead is what it comes to.
    let log = Log::default();
    let (end, late) = at_the_end(|_| timeout(millis(10), cleans_up(&log, millis(50))));
    assert_eq!((end.unwrap(), late), (42, millis(60)));

    // A second deadline cuts the cleaning up short.
    let (end, late) =
        at_the_end(|_| timeout(millis(30), timeout(millis(10), gives_up())));
    assert!(end.unwrap_err().is::<Elapsed>());
    assert_eq!(late, millis(30));
}

/// Nothing is left behind to wait for: the loop, which runs on, is told so at once. A timer
/// would have moved the clock first.
#[test]
fn a_cancelled_routine_leaves_no_timer_behind() {
    let clock = Clockwork::new();
    let end = backend::scope(Rc::clone(&clock) as _, || {
        run(|| {
            let routine = inline_callbacks(async {
                let nap = sleep(Duration::from_hours(1));
                yield_(timeout(Duration::from_mins(1), nap)).await
            });
            let routine = timeout(Duration::from_mins(2), routine);
            routine.cancel();
            assert!(routine.try_take().unwrap().unwrap_err().is::<Cancelled>());
            Ok(())
        })
    });
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

/// M1.15, M1.19: a list waits for the members that clean up.
#[test]
fn a_cancelled_list_waits_for_its_routines() {
    let log = Log::default();
    let members = || [30, 10, 20].map(|after| cleans_up(&log, millis(after)));
    let (end, late) = at_the_end(|_| {
        let list = gather_results(members().into());
        list.cancel();
        list
    });
    assert_eq!((end.unwrap(), late), (vec![42, 42, 42], millis(30)));
    assert_eq!(log.take(), ["saw"; 3]);

    let (end, late) = at_the_end(|_| {
        let members = members();
        let list = deferred_list(&members);
        list.cancel();
        list.cancel();
        list
    });
    let ends = end.unwrap();
    assert!(ends.iter().all(|end| end.as_ref().unwrap_err().is::<Cancelled>()));
    assert_eq!((ends.len(), late), (3, Duration::ZERO));

    let (end, _) = at_the_end(|_| {
        let list = gather_results(members().into());
        list.cancel();
        list.cancel();
        list
    });
    let failure = end.unwrap_err();
    let first: &FirstError = failure.get().unwrap();
    assert_eq!((first.index, first.failure.is::<Cancelled>()), (0, true));
    assert!(std::error::Error::source(first).unwrap().is::<Cancelled>());
}

/// Whoever could have fired what the routine waits for is gone, and the routine with it: it
/// closes, and a cancel is what is left to be told.
#[test]
fn a_routine_whose_deferred_is_gone_is_closed_and_can_be_cancelled() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (firer, waited) = Deferred::<()>::new();
    let routine = inline_callbacks(async move {
        let end = yield_(waited).await;
        say(&said, end.unwrap_err().to_string());
        Ok(())
    });
    let routine = routine.try_take().unwrap_err();
    drop(firer);
    assert_eq!(log.take(), ["the generator was closed"]);
    let routine = routine.try_take().unwrap_err();
    routine.cancel();
    assert!(routine.try_take().unwrap().unwrap_err().is::<Cancelled>());
}

/// A pause holds the callbacks back, not the body.
#[test]
fn a_cancel_of_a_paused_routine_reaches_its_body() {
    let (_firer, waited) = Deferred::<()>::new();
    let routine = inline_callbacks(async {
        let end = yield_(waited).await;
        assert!(end.unwrap_err().is::<Cancelled>());
        Ok(42)
    });
    routine.pause();
    routine.cancel();
    let routine = routine.try_take().unwrap_err();
    routine.unpause();
    assert_eq!(routine.try_take().unwrap().unwrap(), 42);
}

/// The loop ends while a body cleans up: it is closed at the yield where it stands.
#[test]
fn the_end_of_the_loop_closes_a_body_that_cleans_up() {
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    let count = Rc::new(Cell::new(0));
    let fired = Rc::clone(&count);
    backend::scope(Clockwork::new(), || {
        run(move || {
            let routine = inline_callbacks(async move {
                for _ in 0..2 {
                    let end = yield_(sleep(Duration::from_hours(1))).await;
                    say(&said, end.unwrap_err().to_string());
                }
                Ok(())
            });
            routine.cancel();
            drop(routine.add_both(move |_| fired.set(fired.get() + 1)));
            stop();
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(log.take(), ["cancelled", "the generator was closed"]);
    assert_eq!((count.get(), reported.take()), (0, vec![]));
}
