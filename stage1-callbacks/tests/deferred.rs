//! A Deferred against what Twisted answered. The ids are those of the list of behaviours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::{
    AlreadyCalled, CancelHandle, Cancelled, Deferred, Firer, WaitsForItself, fail,
    maybe_deferred, succeed,
};
use stage1_callbacks::extras::cooperate::coiterate;
use stage1_callbacks::extras::lists::{
    FirstError, NoMembers, deferred_list, first_success, gather_results,
};
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::run;
use stage1_callbacks::time::{Elapsed, sleep, timeout};

/// Python's `KeyError`, `ValueError` and so on, as far as the oracle raised them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError(&'static str);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ValueError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyError: {}", self.0)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ValueError")
    }
}

impl Error for KeyError {}
impl Error for ValueError {}

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn say(&self, what: impl fmt::Display) {
        self.0.borrow_mut().push(what.to_string());
    }

    fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// A callback that says what it gets.
    fn hear<T: fmt::Display>(&self) -> impl FnOnce(T) + 'static {
        let log = self.clone();
        move |value| log.say(value)
    }
}

/// Reports on this thread, instead of on standard error.
fn reports() -> Log {
    let log = Log::default();
    let hook = log.clone();
    on_report(move |what| hook.say(what));
    log
}

/// Something that callbacks keep, and a look at whether any of them still does.
fn kept() -> (Rc<()>, Weak<()>) {
    let kept = Rc::new(());
    let weak = Rc::downgrade(&kept);
    (kept, weak)
}

/// Runs `body` on a stack of 256 KiB.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let small = thread::Builder::new().stack_size(256 * 1024);
    small.spawn(body).unwrap().join().unwrap();
}

/// M1.01
#[test]
fn callbacks_run_in_order_each_with_the_last_ones_result() {
    let log = Log::default();
    let (firer, deferred) = Deferred::new();
    let (one, two) = (log.clone(), log.clone());
    let deferred = deferred.add_callback(move |n: i32| {
        one.say(n);
        Ok(n + 1)
    });
    let deferred = deferred.add_callback(move |n| {
        two.say(n);
        Ok(n * 10)
    });
    drop(deferred.add_callback(log.hear()));
    firer.fire(Ok(1)).unwrap();
    assert_eq!(log.take(), ["1", "2", "20"]);
}

/// M1.02
#[test]
fn a_callback_added_to_a_fired_deferred_runs_at_once() {
    let log = Log::default();
    drop(succeed(5).add_callback(log.hear()));
    assert_eq!(log.take(), ["5"]);
}

/// M1.03: 1/0 is a caught panic here, and an `Err` does the same.
#[test]
fn an_error_skips_to_the_next_errback_which_may_mend_it() {
    for panics in [true, false] {
        let log = Log::default();
        let (firer, deferred) = Deferred::new();
        let deferred = deferred.add_callback(move |n: i32| {
            assert!(!panics, "division by zero");
            if n == 0 { Err(ValueError.into()) } else { Ok(n) }
        });
        let skipped = log.clone();
        let deferred = deferred.add_callback(move |n| {
            skipped.say("skipped");
            Ok(n)
        });
        let mended = log.clone();
        let deferred = deferred.add_errback(move |failure| {
            mended.say(failure);
            Ok(7)
        });
        drop(deferred.add_callback(log.hear()));
        firer.fire(Ok(0)).unwrap();
        let error = if panics { "panicked: division by zero" } else { "ValueError" };
        assert_eq!(log.take(), [error, "7"]);
    }
}

/// M1.04
#[test]
fn an_errback_does_not_see_its_own_twins_failure() {
    let log = Log::default();
    let (same, next) = (log.clone(), log.clone());
    let deferred = succeed(0).add_callbacks(
        |_| Err::<i32, _>(ValueError.into()),
        move |_| {
            same.say("same pair");
            Ok(0)
        },
    );
    drop(deferred.add_errback(move |_| {
        next.say("next");
        Ok(0)
    }));
    assert_eq!(log.take(), ["next"]);
}

/// M1.05
#[test]
fn add_both_sees_success_and_failure_alike() {
    let log = Log::default();
    for deferred in [succeed(1), fail(KeyError("k"))] {
        let log = log.clone();
        drop(deferred.add_both(move |result| match result {
            Ok(value) => log.say(value),
            Err(failure) => log.say(failure),
        }));
    }
    assert_eq!(log.take(), ["1", "KeyError: k"]);
}

/// M1.06: callback or errback, then callback or errback.
#[test]
fn a_deferred_fires_once() {
    for first in [Ok(1), Err(KeyError("first"))] {
        for second in [Ok(2), Err(KeyError("second"))] {
            let (firer, deferred) = Deferred::new();
            let other = firer.clone();
            firer.fire(first.map_err(Failure::from)).unwrap();
            assert_eq!(other.fire(second.map_err(Failure::from)), Err(AlreadyCalled));
            drop(deferred.add_errback(|_| Ok(0)));
        }
    }
}

/// M1.07
#[test]
fn a_callback_that_gives_a_deferred_makes_the_outer_one_wait() {
    let log = Log::default();
    let (inner_firer, inner) = Deferred::new();
    let (firer, deferred) = Deferred::new();
    drop(deferred.add_callback(|()| inner).add_callback(log.hear()));
    firer.fire(Ok(())).unwrap();
    assert_eq!(log.take(), [""; 0]);
    inner_firer.fire(Ok("in")).unwrap();
    assert_eq!(log.take(), ["in"]);
}

/// M1.08 holds by type: see the compile-fail example in `lib.rs`. What can be looked at, a
/// tap before it is given away, sees the value once.
#[test]
fn what_the_outer_one_took_is_gone_from_the_inner_one() {
    let log = Log::default();
    let (firer, inner) = Deferred::new();
    let tapped = log.clone();
    inner.tap(move |result| {
        tapped.say(format_args!("inner {}", result.as_ref().unwrap()));
    });
    let outer = log.clone();
    let hear = move |value| outer.say(format_args!("outer {value}"));
    drop(succeed(()).add_callback(|()| inner).add_callback(hear));
    firer.fire(Ok("v")).unwrap();
    assert_eq!(log.take(), ["inner v", "outer v"]);
}

/// M1.09
#[test]
fn a_failed_deferred_given_back_is_the_outer_ones_failure() {
    let log = Log::default();
    let deferred = succeed(0).add_callback(|_| fail::<i32>(KeyError("x")));
    let heard = log.clone();
    drop(deferred.add_errback(move |failure| {
        heard.say(failure);
        Ok(0)
    }));
    assert_eq!(log.take(), ["KeyError: x"]);
}

/// M1.10: exact types, so a trap for a base class is a chain of traps.
#[test]
fn trap_takes_one_kind_and_passes_the_others_on() {
    let log = Log::default();
    let (wrong, right) = (log.clone(), log.clone());
    let deferred = fail::<()>(KeyError("k")).add_errback(move |failure| {
        failure.trap::<ValueError>()?;
        wrong.say("trapped wrong");
        Ok(())
    });
    drop(deferred.add_errback(move |failure| {
        let trapped = failure.trap::<ValueError>().map(|_| "value");
        let trapped = trapped.or_else(|it| it.trap::<KeyError>().map(|it| it.0));
        right.say(trapped?);
        Ok(())
    }));
    assert_eq!(log.take(), ["k"]);
}

/// M1.11
#[test]
fn cancel_without_a_canceller_fails_at_once_and_swallows_one_fire() {
    let (firer, deferred) = Deferred::<i32>::new();
    let log = Log::default();
    let heard = log.clone();
    let deferred = deferred.add_errback(move |failure| {
        heard.say(failure);
        Ok(0)
    });
    deferred.cancel();
    assert_eq!(log.take(), ["cancelled"]);
    assert_eq!(firer.fire(Ok(1)), Ok(()));
    assert_eq!(firer.fire(Ok(2)), Err(AlreadyCalled));
}

/// M1.12
#[test]
fn a_canceller_is_called_once_and_no_late_fire_is_swallowed() {
    let log = Log::default();
    let asked = log.clone();
    let (firer, deferred) = Deferred::<i32>::with_canceller(move |firer| {
        asked.say(format_args!("asked, fired: {}", firer.is_fired()));
    });
    let heard = log.clone();
    let deferred = deferred.add_errback(move |failure| {
        heard.say(failure);
        Ok(0)
    });
    deferred.cancel();
    deferred.cancel();
    assert_eq!(log.take(), ["asked, fired: false", "cancelled"]);
    assert_eq!(firer.fire(Ok(1)), Err(AlreadyCalled));
}

/// M1.13
#[test]
fn a_canceller_may_fire_and_that_is_the_result() {
    for result in [Ok("c"), Err(KeyError("e"))] {
        let log = Log::default();
        let (_firer, deferred) = Deferred::with_canceller(move |firer: Firer<&str>| {
            firer.fire(result.map_err(Failure::from)).unwrap();
        });
        deferred.cancel();
        let heard = log.clone();
        drop(deferred.add_both(move |result| match result {
            Ok(value) => heard.say(value),
            Err(failure) => heard.say(failure),
        }));
        assert_eq!(log.take(), [result.map_or("KeyError: e", |value| value)]);
    }
}

/// M1.14
#[test]
fn cancel_after_the_fire_does_nothing_and_while_waiting_goes_to_the_inner_one() {
    let log = Log::default();
    let fired = succeed(1);
    fired.cancel();
    drop(fired.add_callback(log.hear()));
    assert_eq!(log.take(), ["1"]);

    let asked = log.clone();
    let (_inner_firer, inner) =
        Deferred::<i32>::with_canceller(move |_| asked.say("inner"));
    let outer = succeed(()).add_callback(|()| inner);
    outer.cancel();
    let heard = log.clone();
    drop(outer.add_errback(move |failure| {
        heard.say(failure);
        Ok(0)
    }));
    assert_eq!(log.take(), ["inner", "cancelled"]);
}

/// An inner one that was cancelled may wait for another one, which can be cancelled as well.
#[test]
fn a_second_cancel_goes_to_what_is_waited_for_by_then() {
    let log = Log::default();
    let asks = |name| {
        let log = log.clone();
        Deferred::<()>::with_canceller(move |_| log.say(name))
    };
    let ((_first, inner), (_second, cleanup)) = (asks("inner"), asks("cleanup"));
    let outer = succeed(()).add_callback(|()| inner.add_errback(|_| cleanup));
    outer.cancel();
    assert_eq!(log.take(), ["inner"]);
    outer.cancel();
    assert_eq!(log.take(), ["cleanup"]);
    assert!(outer.try_take().unwrap().unwrap_err().is::<Cancelled>());
}

/// A callback that gives back its own deferred is told so. Twisted warns, and then waits.
#[test]
fn a_callback_that_gives_back_its_own_deferred_fails() {
    let reported = reports();
    let (kept, weak) = kept();
    let tail = Rc::new(Cell::new(None::<Deferred<()>>));
    let own = Rc::clone(&tail);
    let (firer, deferred) = Deferred::new();
    let deferred = deferred.add_callback(move |()| own.take().unwrap());
    let log = Log::default();
    let heard = log.clone();
    tail.set(Some(deferred.add_errback(move |failure| {
        drop(kept);
        assert!(failure.is::<WaitsForItself>());
        heard.say(failure.to_string().contains("wait for itself"));
        Ok(())
    })));
    firer.fire(Ok(())).unwrap();
    assert_eq!(log.take(), ["true"]);
    assert_eq!(weak.strong_count(), 0);
    drop(firer);

    // Without anybody after it.
    let (firer, deferred) = Deferred::new();
    let own = Rc::clone(&tail);
    tail.set(Some(deferred.add_callback(move |()| own.take().unwrap())));
    firer.fire(Ok(())).unwrap();
    assert_eq!(
        reported.take(),
        [format!("Unhandled error in Deferred: {WaitsForItself}")]
    );
}

/// The last to close the ring is told; the others go on with its failure, and nobody is left.
#[test]
fn deferreds_that_would_wait_for_each_other_in_a_ring_fail() {
    for (length, reversed) in
        [(2, false), (2, true), (3, false), (3, true), (10_000, false), (10_000, true)]
    {
        let log = Log::default();
        let cells: Vec<_> =
            (0..length).map(|_| Rc::new(Cell::new(None::<Deferred<()>>))).collect();
        let (kept, weak) = kept();
        let mut firers = Vec::new();
        for (n, cell) in cells.iter().enumerate() {
            let next = Rc::clone(&cells[(n + 1) % length]);
            let (firer, deferred) = Deferred::new();
            let deferred = deferred.add_callback(move |()| next.take().unwrap());
            let (heard, kept) = (log.clone(), Rc::clone(&kept));
            cell.set(Some(deferred.add_both(move |result| {
                drop(kept);
                heard.say(n);
                result
            })));
            firers.push(firer);
        }
        drop(kept);
        let reported = reports();
        if reversed {
            firers.reverse();
        }
        for firer in &firers {
            firer.fire(Ok(())).unwrap();
        }
        assert_eq!(log.take().len(), length, "everybody has heard of it");
        let told = format!("Unhandled error in Deferred: {WaitsForItself}");
        assert_eq!(reported.take(), [told]);
        assert_eq!(weak.strong_count(), 0);
    }
}

/// The way through a line of them is taken a short cut the second time, but not past one that
/// has come to its end meanwhile: whoever waited for that may wait for another by now.
#[test]
fn a_ring_is_seen_though_one_on_the_way_has_come_to_its_end() {
    let reported = reports();
    let (fire_last, last) = Deferred::<()>::new();
    let (fire_first, first) = Deferred::<()>::new();
    let (close_the_ring, ring) = Deferred::<()>::new();
    let behind = Rc::new(RefCell::new(None::<Deferred<()>>));
    let closes = Rc::clone(&behind);
    let ring = ring.add_callback(move |()| closes.take().unwrap());
    let then = succeed(()).add_callback(move |()| ring);
    let middle = succeed(()).add_callback(move |()| last).add_callback(move |()| then);
    let line = succeed(()).add_callback(move |()| middle);
    let first = first.add_callback(move |()| line);
    behind.replace(Some(succeed(()).add_callback(move |()| first)));
    fire_first.fire(Ok(())).unwrap(); // looks through the line
    fire_last.fire(Ok(())).unwrap(); // the end of that is another one now
    close_the_ring.fire(Ok(())).unwrap();
    let reported = reported.take();
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].contains("wait for itself"), "{reported:?}");
}

/// A list waits for its members, though none of them gave it back.
#[test]
fn a_member_that_would_wait_for_its_own_list_fails() {
    let tail = Rc::new(Cell::new(None::<Deferred<()>>));
    let own = Rc::clone(&tail);
    let (firer, member) = Deferred::new();
    let member = member.add_callback(move |()| own.take().unwrap());
    let list = gather_results(vec![member, Deferred::new().1]);
    let log = Log::default();
    let heard = log.clone();
    tail.set(Some(list.add_callback(|_| ()).add_errback(move |failure| {
        heard.say(failure.get::<FirstError>().unwrap().failure.is::<WaitsForItself>());
    })));
    firer.fire(Ok(())).unwrap();
    assert_eq!(log.take(), ["true"]);
}

/// M1.15: the list borrows its members, and each keeps its own failure.
#[test]
fn a_list_fires_when_all_have_in_the_order_of_the_input() {
    let log = Log::default();
    let (a, first) = Deferred::new();
    let (b, second) = Deferred::new();
    let members = [first, second];
    let list = deferred_list(&members);
    let heard = log.clone();
    drop(list.add_callback(move |results| {
        for result in results {
            match result {
                Ok(value) => heard.say(value),
                Err(failure) => heard.say(failure),
            }
        }
    }));
    b.fire(Err(KeyError("b").into())).unwrap();
    assert_eq!(log.take(), [""; 0]);
    a.fire(Ok(1)).unwrap();
    assert_eq!(log.take(), ["1", "KeyError: b"]);
    let [_, second] = members;
    let kept = second.try_take().unwrap().unwrap_err();
    assert_eq!(kept.get(), Some(&KeyError("b")));
}

/// M1.16
#[test]
fn the_first_success_wins_and_later_ones_are_ignored() {
    let (a, first) = Deferred::new();
    let (b, second) = Deferred::new();
    let members = [first, second];
    let list = first_success(&members);
    b.fire(Ok("B")).unwrap();
    a.fire(Ok("A")).unwrap();
    assert_eq!(list.try_take().unwrap().unwrap(), ("B", 1));
}

/// Without a success there is still an end: the last failure.
#[test]
fn without_any_success_the_last_failure_is_the_result() {
    let (a, first) = Deferred::<i32>::new();
    let (b, second) = Deferred::new();
    let members = [first, second];
    let list = first_success(&members);
    b.fire(Err(KeyError("b").into())).unwrap();
    let list = list.try_take().unwrap_err();
    a.fire(Err(KeyError("a").into())).unwrap();
    assert_eq!(list.try_take().unwrap().unwrap_err().get(), Some(&KeyError("a")));
    for member in members {
        drop(member.add_errback(|_| Ok(0)));
    }
}

/// M1.17
#[test]
fn the_first_error_wins_with_its_index_and_is_consumed() {
    let reported = reports();
    let (_a, first) = Deferred::<i32>::new();
    let (b, second) = Deferred::<i32>::new();
    let list = gather_results(vec![first, second]);
    b.fire(Err(KeyError("q").into())).unwrap();
    let failure = list.try_take().unwrap().unwrap_err();
    let first: &FirstError = failure.get().unwrap();
    assert_eq!((first.index, first.failure.get()), (1, Some(&KeyError("q"))));
    assert_eq!(failure.source().unwrap().to_string(), "KeyError: q");
    assert_eq!(reported.take(), [""; 0], "the member's own error was taken");
}

/// M1.18
#[test]
fn an_empty_list_fires_at_once() {
    assert!(deferred_list::<i32>(&[]).try_take().unwrap().unwrap().is_empty());
    assert!(gather_results::<i32>(Vec::new()).try_take().unwrap().unwrap().is_empty());
}

/// M1.19
#[test]
fn gathered_results_are_in_order_and_a_cancel_cancels_every_member() {
    let (a, first) = Deferred::new();
    let (b, second) = Deferred::new();
    let (c, third) = Deferred::new();
    let list = gather_results(vec![first, second, third]);
    b.fire(Ok(2)).unwrap();
    c.fire(Ok(3)).unwrap();
    a.fire(Ok(1)).unwrap();
    assert_eq!(list.try_take().unwrap().unwrap(), [1, 2, 3]);

    let log = Log::default();
    let (firers, members): (Vec<_>, Vec<_>) = ["x", "y"]
        .map(|name| {
            let log = log.clone();
            Deferred::<i32>::with_canceller(move |_| log.say(name))
        })
        .into_iter()
        .unzip();
    let list = gather_results(members);
    list.cancel();
    assert_eq!(log.take(), ["x", "y"]);
    let failure = list.try_take().unwrap().unwrap_err();
    assert!(failure.get::<FirstError>().unwrap().failure.is::<Cancelled>());
    assert!(firers.iter().all(Firer::is_fired));
}

/// A member that cleans up once it is cancelled: it fails, and waits for what it was given
/// here. Gives whoever can end the cleanup, and what keeps the member waiting until then.
fn cleans_up(log: &Log, name: &'static str) -> (Firer<i32>, Deferred<i32>) {
    let (ends, cleanup) = {
        let log = log.clone();
        Deferred::with_canceller(move |_| log.say(format_args!("{name} again")))
    };
    let log = log.clone();
    let (never, member) = Deferred::<i32>::with_canceller(move |_| log.say(name));
    (
        ends,
        member.add_errback(move |_| {
            drop(never);
            cleanup
        }),
    )
}

/// Twisted: `(True, 1), (False, KeyError), (False, CancelledError)`, when the last has ended.
#[test]
fn a_cancelled_list_fires_when_its_members_have_cleaned_up() {
    let log = Log::default();
    let ((a, first), (b, second)) = (cleans_up(&log, "a"), cleans_up(&log, "b"));
    let members = [first, second, Deferred::new().1];
    let list = deferred_list(&members);
    list.cancel();
    assert_eq!(log.take(), ["a", "b"]);
    list.cancel();
    assert_eq!(log.take(), ["a again", "b again"]);
    let list = list.try_take().unwrap().unwrap();
    assert!(list.iter().all(|it| it.as_ref().unwrap_err().is::<Cancelled>()));
    assert_eq!((a.is_fired(), b.is_fired()), (true, true));

    let ((a, first), (b, second)) = (cleans_up(&log, "a"), cleans_up(&log, "b"));
    let members = [first, second, Deferred::new().1];
    let list = deferred_list(&members);
    list.cancel();
    a.fire(Ok(1)).unwrap();
    let list = list.try_take().unwrap_err();
    b.fire(Err(KeyError("b").into())).unwrap();
    let results = list.try_take().unwrap().unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &1);
    assert!(results[1].as_ref().unwrap_err().is::<KeyError>());
    assert!(results[2].as_ref().unwrap_err().is::<Cancelled>());
    drop(members.map(|member| member.add_errback(|_| Ok(0))));
}

/// Twisted: `[1, 2]` when the last has cleaned up, and `FirstError` as soon as one fails.
#[test]
fn a_cancelled_gather_is_fired_by_its_members() {
    let log = Log::default();
    let ((a, first), (b, second)) = (cleans_up(&log, "a"), cleans_up(&log, "b"));
    let list = gather_results(vec![first, second]);
    list.cancel();
    b.fire(Ok(2)).unwrap();
    let list = list.try_take().unwrap_err();
    log.take();
    list.cancel();
    assert_eq!(log.take(), ["a again"]);
    drop(list);
    assert!(a.is_fired());

    let ((a, first), (b, second)) = (cleans_up(&log, "a"), cleans_up(&log, "b"));
    let list = gather_results(vec![first, second]);
    list.cancel();
    b.fire(Ok(2)).unwrap();
    a.fire(Ok(1)).unwrap();
    assert_eq!(list.try_take().unwrap().unwrap(), [1, 2]);

    let (_a, first) = cleans_up(&log, "a");
    let list = gather_results(vec![first, Deferred::new().1]);
    list.cancel();
    let failure = list.try_take().unwrap().unwrap_err();
    let first: &FirstError = failure.get().unwrap();
    assert_eq!((first.index, first.failure.is::<Cancelled>()), (1, true));
}

/// M1.20
#[test]
fn a_timeout_cancels_at_the_deadline_and_an_early_result_removes_the_timer() {
    let log = Log::default();
    let clock = Clockwork::new();
    let (heard, ticking) = (log.clone(), Rc::clone(&clock));
    let end = backend::scope(Rc::clone(&clock) as _, || {
        run(move || {
            let (never, late) = Deferred::<&str>::new();
            let (soon, early) = Deferred::new();
            let early = timeout(Duration::from_secs(20), early);
            drop(early.add_callback(heard.hear()));
            soon.fire(Ok("v")).unwrap();
            let late = timeout(Duration::from_secs(10), late);
            drop(late.add_errback(move |failure| {
                assert!(failure.is::<Elapsed>());
                heard.say(format_args!("{failure} at {:?}", ticking.elapsed()));
                drop(never); // nobody fired it
                Ok("")
            }));
            Ok(())
        })
    });
    assert_eq!(log.take(), ["v", "the time was up at 10s"]);
    // The loop goes on for as long as there is a timer.
    assert_eq!(end.unwrap_err().kind(), io::ErrorKind::Deadlock);
    assert_eq!(clock.elapsed(), Duration::from_secs(10), "a timer was left behind");
}

/// M1.21: reported when the last end goes, which is a definite moment here.
#[test]
fn a_failure_that_nobody_handled_is_reported_once() {
    let reported = reports();
    drop(fail::<()>(KeyError("lost")));
    assert_eq!(reported.take(), ["Unhandled error in Deferred: KeyError: lost"]);
    drop(fail::<()>(KeyError("found")).add_errback(|_| Ok(())));
    assert_eq!(reported.take(), [""; 0]);
}

/// M1.22
#[test]
fn ten_thousand_callbacks_that_give_fired_deferreds_are_flat() {
    on_a_small_stack(|| {
        let mut deferred = succeed(0);
        for n in 0..10_000 {
            deferred = deferred.add_callback(move |_| succeed(n));
        }
        assert_eq!(deferred.try_take().unwrap().unwrap(), 9_999);

        let (firer, mut deferred) = Deferred::new();
        for n in 0..10_000 {
            deferred = deferred.add_callback(move |_| succeed(n));
        }
        firer.fire(Ok(0)).unwrap();
        assert_eq!(deferred.try_take().unwrap().unwrap(), 9_999);
    });
}

/// M1.23
#[test]
fn ten_thousand_deferreds_that_wait_for_each_other_are_flat_fired_or_dropped() {
    fn nested() -> (Firer<&'static str>, Deferred<&'static str>) {
        let (firer, mut deferred) = Deferred::new();
        for _ in 0..10_000 {
            let inner = deferred;
            deferred = succeed(()).add_callback(|()| inner);
        }
        (firer, deferred)
    }
    on_a_small_stack(|| {
        let (firer, deferred) = nested();
        firer.fire(Ok("x")).unwrap();
        assert_eq!(deferred.try_take().unwrap().unwrap(), "x");
        drop(nested());
    });
}

/// M1.24
#[test]
fn ten_thousand_deferreds_fired_outermost_first_are_flat() {
    on_a_small_stack(|| {
        let (innermost, mut inner) = Deferred::new();
        let mut firers = Vec::new();
        for _ in 0..10_000 {
            let (firer, deferred) = Deferred::new();
            let waits_for = inner;
            inner = deferred.add_callback(|()| waits_for);
            firers.push(firer);
        }
        for firer in firers.iter().rev() {
            firer.fire(Ok(())).unwrap();
        }
        innermost.fire(Ok("x")).unwrap();
        assert_eq!(inner.try_take().unwrap().unwrap(), "x");
    });
}

/// M1.25: the tail in a shared cell, so that a running callback can add to it.
#[test]
fn a_callback_added_by_a_running_callback_waits_for_its_turn() {
    let log = Log::default();
    let tail = Rc::new(Cell::new(None::<Deferred<()>>));
    let (firer, deferred) = Deferred::new();
    let (a, adding) = (log.clone(), Rc::clone(&tail));
    let deferred = deferred.add_callback(move |()| {
        a.say("a-start");
        let c = a.clone();
        adding.set(adding.take().map(|it| it.add_callback(move |()| c.say("c"))));
        a.say("a-end");
    });
    let b = log.clone();
    tail.set(Some(deferred.add_callback(move |()| b.say("b"))));
    firer.fire(Ok(())).unwrap();
    assert_eq!(log.take(), ["a-start", "a-end", "b", "c"]);
}

/// M1.29
#[test]
fn maybe_deferred_takes_a_value_an_error_or_a_deferred() {
    assert_eq!(maybe_deferred(|| Ok(1)).try_take().unwrap().unwrap(), 1);
    let failed = maybe_deferred(|| Err::<(), _>(KeyError("m").into()));
    assert!(failed.try_take().unwrap().unwrap_err().is::<KeyError>());
    let (firer, inner) = Deferred::new();
    let same = maybe_deferred(|| inner);
    firer.fire(Ok(2)).unwrap();
    assert_eq!(same.try_take().unwrap().unwrap(), 2);
    let panicked = maybe_deferred(|| -> Result<(), Failure> { panic!("oh") });
    let failure = panicked.try_take().unwrap().unwrap_err();
    assert_eq!(failure.to_string(), "panicked: oh");
}

/// M1.30
#[test]
fn chain_deferred_fires_another_and_keeps_nothing() {
    let log = Log::default();
    let (b, second) = Deferred::new();
    let (a, first) = Deferred::new();
    let after = log.clone();
    drop(first.chain_deferred(b).add_callback(move |()| after.say("a: nothing")));
    drop(second.add_callback(log.hear()));
    a.fire(Ok("v")).unwrap();
    assert_eq!(log.take(), ["v", "a: nothing"]);
}

/// A chain that is paused runs when it was unpaused as often.
#[test]
fn a_paused_chain_waits_for_every_unpause() {
    let log = Log::default();
    let deferred = succeed(1);
    deferred.pause();
    deferred.pause();
    let handle = deferred.add_callback(|n| Ok(n + 1));
    let heard = log.clone();
    handle.tap(move |result| heard.say(result.as_ref().unwrap()));
    handle.unpause();
    assert_eq!(log.take(), [""; 0]);
    handle.unpause();
    assert_eq!(log.take(), ["2"]);
}

/// Three pieces, of which the second is cancelled: it cleans up, and then it is its turn to say
/// how the work goes on.
#[test]
fn work_that_is_cancelled_waits_for_the_piece_under_way() {
    for swallows in [true, false] {
        let log = Log::default();
        let (ends, member) = cleans_up(&log, "second");
        let taken = log.clone();
        let pieces = [succeed(()), member.add_callback(|_| ()), succeed(())];
        let work = pieces.into_iter().inspect(move |_| taken.say("a piece"));
        let done = coiterate(work);
        assert_eq!(log.take(), ["a piece", "a piece"]);
        done.cancel();
        done.cancel();
        assert_eq!(log.take(), ["second", "second again"]);
        // The second cancel has ended the cleanup.
        assert!(done.try_take().unwrap().unwrap_err().is::<Cancelled>());
        assert!(ends.is_fired());

        let (ends, member) = cleans_up(&log, "second");
        let taken = log.clone();
        let pieces = [member.add_callback(|_| ()), succeed(())];
        let done = coiterate(pieces.into_iter().inspect(move |_| taken.say("a piece")));
        done.cancel();
        let done = done.try_take().unwrap_err();
        let end = if swallows { Ok(1) } else { Err(KeyError("cleanup").into()) };
        ends.fire(end).unwrap();
        let end = done.try_take().unwrap();
        if swallows {
            assert_eq!(log.take(), ["a piece", "second", "a piece"]);
            end.unwrap();
        } else {
            assert_eq!(log.take(), ["a piece", "second"]);
            assert!(end.unwrap_err().is::<KeyError>());
        }
    }
}

/// A piece that nobody can fire: there is no cleanup to wait for.
#[test]
fn work_whose_piece_is_gone_fails_at_once_when_it_is_cancelled() {
    let done = coiterate([Deferred::new().1].into_iter());
    done.cancel();
    assert!(done.try_take().unwrap().unwrap_err().is::<Cancelled>());
}

/// The iterator itself cancels the work: no other piece is taken.
#[test]
fn work_that_is_cancelled_by_its_own_iterator_ends() {
    let handle = Rc::new(Cell::new(None::<CancelHandle>));
    let own = Rc::clone(&handle);
    let (firer, first) = Deferred::new();
    let mut pieces = vec![succeed(()), succeed(()), first];
    let log = Log::default();
    let taken = log.clone();
    let done = coiterate(std::iter::from_fn(move || {
        taken.say("a piece");
        if let Some(handle) = own.take() {
            handle.cancel();
        }
        pieces.pop()
    }));
    handle.set(Some(done.cancel_handle()));
    firer.fire(Ok(())).unwrap();
    assert_eq!(log.take(), ["a piece", "a piece"]);
    assert!(done.try_take().unwrap().unwrap_err().is::<Cancelled>());
}

/// Twisted waits for ever: `DeferredList([], fireOnOneCallback=True)`. Here it says so.
#[test]
fn of_nothing_none_can_come_first() {
    let failure = first_success::<()>(&[]).try_take().unwrap().unwrap_err();
    assert!(failure.is::<NoMembers>());
    assert!(failure.to_string().contains("no deferreds"));
}

/// Twisted: `(1, 0)` when the first has cleaned up; and where none has anything to say, the
/// last failure.
#[test]
fn a_cancelled_first_success_cancels_its_members_and_takes_what_they_come_to() {
    let log = Log::default();
    let ((a, first), (_b, second)) = (cleans_up(&log, "a"), cleans_up(&log, "b"));
    let members = [first, second, Deferred::new().1];
    let list = first_success(&members);
    list.cancel();
    assert_eq!(log.take(), ["a", "b"]);
    a.fire(Ok(1)).unwrap();
    assert_eq!(list.try_take().unwrap().unwrap(), (1, 0));
    drop(members.map(|member| member.add_errback(|_| Ok(0))));

    let log = Log::default();
    let (firers, members): (Vec<_>, Vec<_>) = ["x", "y", "z"]
        .map(|name| {
            let log = log.clone();
            Deferred::<i32>::with_canceller(move |_| log.say(name))
        })
        .into_iter()
        .unzip();
    let list = first_success(&members);
    list.cancel();
    assert_eq!(log.take(), ["x", "y", "z"]);
    assert!(list.try_take().unwrap().unwrap_err().is::<Cancelled>());
    assert!(firers.iter().all(Firer::is_fired));
    drop(members.into_iter().map(|it| it.add_errback(|_| Ok(0))).collect::<Vec<_>>());
}

/// Nobody is left who could fire the members: the cancel is all that will ever happen to them.
#[test]
fn members_that_are_gone_count_as_cancelled_once_their_list_is() {
    let log = Log::default();
    let (a, first) = cleans_up(&log, "a");
    let list = gather_results(vec![first, Deferred::new().1]);
    list.cancel();
    let failure = list.try_take().unwrap().unwrap_err();
    let first: &FirstError = failure.get().unwrap();
    assert_eq!((first.index, first.failure.is::<Cancelled>()), (1, true));
    drop(a);

    let list =
        gather_results::<i32>(vec![Deferred::new().1, succeed(2), Deferred::new().1]);
    list.cancel();
    let failure = list.try_take().unwrap().unwrap_err();
    assert_eq!(failure.get::<FirstError>().unwrap().index, 0);
}

/// A gather tells of the first error and consumes the others. But where the first is a cancel,
/// an error that comes out of a cleanup would be heard of by nobody.
#[test]
fn an_error_of_a_cleanup_after_the_gather_has_fired_is_reported() {
    for (first_error, told) in [(false, 1), (true, 0)] {
        let reported = reports();
        let log = Log::default();
        let ((a, first), (b, second)) = (cleans_up(&log, "a"), Deferred::new());
        let (c, third) = Deferred::<i32>::new();
        let list = gather_results(vec![first, second, third]);
        if first_error {
            b.fire(Err(KeyError("b").into())).unwrap();
        }
        list.cancel();
        assert_eq!(
            list.try_take().unwrap().unwrap_err().get::<FirstError>().unwrap().index,
            1
        );
        drop((b, c));
        let _ = a.fire(Err(KeyError("cleanup").into()));
        let expected = "Unhandled error in Deferred: KeyError: cleanup".to_owned();
        assert_eq!(reported.take(), vec![expected; told]);
    }
}

/// Who waits for one that nobody can fire any more is cancelled, and that is its result.
#[test]
fn whoever_waits_for_a_deferred_that_is_gone_can_be_cancelled() {
    let (firer, inner) = Deferred::<i32>::new();
    let outer = succeed(()).add_callback(|()| inner).add_errback(|failure| {
        failure.trap::<Cancelled>()?;
        Ok(1)
    });
    drop(firer);
    outer.cancel();
    assert_eq!(outer.try_take().unwrap().unwrap(), 1);
}

/// A cleanup that outlasts the deadline: the timeout says `Elapsed` only once it has ended, and
/// nothing else if it came to something else. Twisted: 42 after 60 ms.
#[test]
fn a_timeout_waits_for_the_cleanup() {
    let ms = Duration::from_millis;
    for (cleanup, expected) in [
        (Ok(42), "42"),
        (Err(Failure::from(Cancelled)), "the time was up"),
        (Err(KeyError("k").into()), "KeyError: k"),
    ] {
        let log = Log::default();
        let clock = Clockwork::new();
        let (heard, ticking) = (log.clone(), Rc::clone(&clock));
        let (_never, waits) = Deferred::<i32>::new();
        let end = backend::scope(Rc::clone(&clock) as _, || {
            run(move || {
                let cleans = waits
                    .add_errback(move |_| sleep(ms(50)).add_callback(move |()| cleanup));
                let outer = timeout(ms(100), timeout(ms(10), cleans));
                drop(outer.add_both(move |result| {
                    let told = result
                        .map_or_else(|it| it.to_string(), |value| value.to_string());
                    heard.say(format_args!("{told} at {:?}", ticking.elapsed()));
                }));
                Ok(())
            })
        });
        assert_eq!(log.take(), [format!("{expected} at 60ms")]);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::Deadlock);
        assert_eq!(clock.elapsed(), ms(60), "no timer is left");
    }
}

/// One pause too many is taken back while the deferred waits for another one: that is a reason
/// of its own, and it stays.
#[test]
fn an_unpause_without_a_pause_is_explained_and_does_no_harm() {
    let (firer, inner) = Deferred::new();
    let outer = succeed(()).add_callback(|()| inner);
    for _ in 0..2 {
        let panic = catch_unwind(AssertUnwindSafe(|| outer.unpause())).unwrap_err();
        let message = panic.downcast_ref::<String>().unwrap();
        assert!(message.contains("unpause() takes one pause() back"), "{message}");
    }
    outer.pause();
    firer.fire(Ok(1)).unwrap();
    let log = Log::default();
    let outer = outer.add_callback(log.hear::<i32>());
    outer.unpause();
    assert_eq!(log.take(), ["1"]);
    outer.try_take().unwrap().unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| succeed(1).unpause()));
    assert!(panic.is_err());
}

/// Both reasons at once, in either order.
#[test]
fn a_deferred_that_is_paused_and_waits_goes_on_when_neither_is_so() {
    for fires_first in [true, false] {
        let log = Log::default();
        let (firer, inner) = Deferred::new();
        let outer = succeed(()).add_callback(|()| inner).add_callback(log.hear::<i32>());
        outer.pause();
        if fires_first {
            firer.fire(Ok(1)).unwrap();
            assert_eq!(log.take(), [""; 0]);
            outer.unpause();
        } else {
            outer.unpause();
            assert_eq!(log.take(), [""; 0]);
            firer.fire(Ok(1)).unwrap();
        }
        assert_eq!(log.take(), ["1"]);
    }
}
