//! Never by recursion: ten thousand deferreds in a line, however they hang together, are fired,
//! cancelled and dropped on a stack of 256 KiB.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use allocation_counter::measure;
use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::{
    CancelHandle, Cancelled, Deferred, Firer, fail, succeed,
};
use stage1_callbacks::extras::lists::{
    FirstError, deferred_list, first_success, gather_results,
};
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::timeout;
use stage1_callbacks::{call_later, run, stop};

const MANY: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyError")
    }
}

impl Error for KeyError {}

/// Runs `body` on a stack of 256 KiB.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let small = thread::Builder::new().stack_size(256 * 1024);
    small.spawn(body).unwrap().join().unwrap();
}

/// How many failures have been reported on this thread since.
fn reports() -> Rc<Cell<usize>> {
    let reports = Rc::new(Cell::new(0));
    let counted = Rc::clone(&reports);
    on_report(move |_| counted.set(counted.get() + 1));
    reports
}

/// Whoever fires the first of a line, or cancels it; and the last.
type Line = (Firer<usize>, CancelHandle, Deferred<usize>);

/// Each fires the next.
fn chained() -> Line {
    let (first, mut end) = Deferred::new();
    let cancel = end.cancel_handle();
    for _ in 0..MANY {
        let (firer, next) = Deferred::new();
        drop(end.add_callback(|n| Ok(n + 1)).chain_deferred(firer));
        end = next;
    }
    (first, cancel, end)
}

/// Each is the only member of the next.
fn gathered() -> Line {
    let (first, mut end) = Deferred::new();
    let cancel = end.cancel_handle();
    for _ in 0..MANY {
        let list = gather_results(vec![end]);
        end = list.add_callback(|values| Ok(values.into_iter().sum::<usize>() + 1));
    }
    (first, cancel, end)
}

/// The same with lists that borrow, and so leave their members to somebody else.
fn listed() -> (Line, Vec<Deferred<usize>>) {
    let (first, mut end) = Deferred::new();
    let cancel = end.cancel_handle();
    let mut kept = Vec::new();
    for n in 0..MANY {
        let members = [end];
        end = if n % 2 == 0 {
            let list = deferred_list(&members);
            list.add_callback(|results| Ok(results.into_iter().next().unwrap()? + 1))
        } else {
            first_success(&members).add_callback(|(value, _)| Ok(value + 1))
        };
        let [member] = members;
        kept.push(member);
    }
    ((first, cancel, end), kept)
}

/// Each is fired by hand from a callback of the one before it.
fn fired_by_hand() -> Line {
    let (first, mut end) = Deferred::new();
    let cancel = end.cancel_handle();
    for _ in 0..MANY {
        let (firer, next) = Deferred::new();
        drop(end.add_both(move |result: Result<usize, Failure>| {
            firer.fire(result.map(|n| n + 1)).map_err(Failure::from)
        }));
        end = next;
    }
    (first, cancel, end)
}

#[test]
fn lines_of_deferreds_that_fire_each_other_are_flat() {
    on_a_small_stack(|| {
        for line in [chained, gathered, || listed().0, fired_by_hand] {
            let (firer, _, last) = line();
            firer.fire(Ok(0)).unwrap();
            assert_eq!(last.try_take().unwrap().unwrap(), MANY);
        }
    });
}

#[test]
fn lines_of_deferreds_that_fire_each_other_fail_flat() {
    on_a_small_stack(|| {
        let reported = reports();
        for line in [chained, gathered, fired_by_hand] {
            let (firer, _, last) = line();
            firer.fire(Err(KeyError.into())).unwrap();
            let failure = last.try_take().unwrap().unwrap_err();
            let root = std::iter::successors(Some(failure.error()), |it| (*it).source());
            assert!(root.last().unwrap().is::<KeyError>());
        }
        assert_eq!(reported.get(), 0);
    });
}

/// From the first, which fires the others, and from the last.
#[test]
fn lines_of_deferreds_that_fire_each_other_are_cancelled_flat() {
    on_a_small_stack(|| {
        let reported = reports();
        for line in [chained, gathered, fired_by_hand, || listed().0] {
            let (_firer, first, last) = line();
            first.cancel();
            assert!(last.try_take().unwrap().is_err());
        }
        // In a line of lists, that reaches the first as well.
        for line in [gathered, || listed().0] {
            let (firer, _, last) = line();
            last.cancel();
            assert!(last.try_take().unwrap().is_err());
            assert!(firer.is_fired());
        }
        assert_eq!(reported.get(), 2 * MANY, "each borrowed member keeps its failure");
    });
}

#[test]
fn lines_of_deferreds_that_fire_each_other_are_dropped_flat() {
    on_a_small_stack(|| {
        for line in [chained, gathered, fired_by_hand] {
            let (firer, _, last) = line();
            drop(last);
            drop(firer);
        }
        drop(listed());
    });
}

/// A failure in a failure: to show it and to drop it is flat as well.
#[test]
fn a_failure_of_gathers_in_gathers_is_shown_and_dropped_flat() {
    on_a_small_stack(|| {
        let (firer, _, last) = gathered();
        firer.fire(Err(KeyError.into())).unwrap();
        let failure = last.try_take().unwrap().unwrap_err();
        assert!(failure.is::<FirstError>());
        let shown = failure.to_string();
        assert_eq!((shown.len(), &shown[shown.len() - 8..]), (MANY * 4 + 8, "KeyError"));
        assert!(format!("{failure:?}").contains(&shown));
    });
}

/// A canceller owns the next deferred, and cancels it or not.
#[test]
fn cancellers_that_own_deferreds_are_flat_called_or_not() {
    fn line(
        cancels: bool,
        cancelled: &Rc<Cell<usize>>,
    ) -> (Vec<Firer<()>>, Deferred<()>) {
        let (mut firers, mut deferred) = (Vec::new(), Deferred::new().1);
        for _ in 0..MANY {
            let (inner, cancelled) = (deferred, Rc::clone(cancelled));
            let (firer, outer) = Deferred::with_canceller(move |_| {
                cancelled.set(cancelled.get() + 1);
                if cancels {
                    inner.cancel();
                }
                drop(inner);
            });
            firers.push(firer);
            deferred = outer;
        }
        (firers, deferred)
    }
    on_a_small_stack(|| {
        reports();
        let cancelled = Rc::default();
        let (firers, deferred) = line(true, &cancelled);
        deferred.cancel();
        assert_eq!(cancelled.get(), MANY);
        assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
        drop(firers);
        let (firers, deferred) = line(false, &cancelled);
        deferred.cancel();
        assert_eq!(cancelled.get(), MANY + 1);
        drop((firers, deferred));
        drop(line(true, &cancelled).1);
        assert_eq!(cancelled.get(), MANY + 1);
    });
}

/// A result that owns a deferred.
struct Node {
    _next: Option<Deferred<Self>>,
}

/// An error that owns one.
#[derive(Debug)]
struct Owns(#[allow(dead_code, reason = "it is dropped")] Deferred<()>);

impl fmt::Display for Owns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("owns a deferred")
    }
}

impl Error for Owns {}

/// What a callback keeps, and never looked at.
#[test]
fn callbacks_and_results_that_own_deferreds_are_dropped_flat() {
    on_a_small_stack(|| {
        let mut deferred = Deferred::<()>::new().1;
        for _ in 0..MANY {
            let inner = deferred;
            let (_firer, outer) = Deferred::new();
            deferred = outer.add_callback(move |()| drop(inner));
        }
        drop(deferred);

        let mut node = Node { _next: None };
        for _ in 0..MANY {
            node = Node { _next: Some(succeed(node)) };
        }
        drop(succeed(node));

        // And errors.
        let reported = reports();
        let mut failed = fail::<()>(KeyError);
        for _ in 0..MANY {
            failed = fail(Owns(failed));
        }
        drop(failed);
        assert_eq!(reported.get(), MANY + 1);
    });
}

/// A function that calls itself from a callback that runs at once, as long as the stack lasts.
#[test]
fn a_function_that_adds_a_callback_that_calls_it_is_flat() {
    fn count(left: usize) -> Deferred<usize> {
        succeed(left).add_callback(|left| match left {
            0 => succeed(0),
            left => count(left - 1).add_callback(|n| Ok(n + 1)),
        })
    }
    on_a_small_stack(|| {
        assert_eq!(count(MANY).try_take().unwrap().unwrap(), MANY);
    });
}

/// Whoever is fired inside a callback has run before `fire` returns: as in Twisted, and as long
/// as they are few. Whoever is one too many runs when the callback that fired it has returned,
/// in the order in which they were fired, and before the next callback.
#[test]
fn whoever_is_fired_inside_a_callback_runs_at_once_or_right_after_it() {
    fn line(length: usize) -> Vec<String> {
        let log = Rc::new(RefCell::new(Vec::new()));
        let (first, mut end) = Deferred::new();
        for n in 0..length {
            let (firer, next) = Deferred::new();
            let (before, after) = (Rc::clone(&log), Rc::clone(&log));
            let fire = move |()| {
                before.borrow_mut().push(format!("{n} fires"));
                firer.fire(Ok(())).unwrap();
                before.borrow_mut().push(format!("{n} has fired"));
            };
            let then = move |()| after.borrow_mut().push(format!("{n} goes on"));
            drop(end.add_callback(fire).add_callback(then));
            end = next;
        }
        first.fire(Ok(())).unwrap();
        drop(end);
        log.take()
    }
    assert_eq!(
        line(2),
        ["0 fires", "1 fires", "1 has fired", "1 goes on", "0 has fired", "0 goes on"]
    );
    let inside = |it: &&String| it.ends_with(" fires");
    assert_eq!(line(100).iter().take_while(inside).count(), 16, "the next one waits");
    // However many: nobody goes on before those it fired have come to their end.
    let long = line(100);
    let goes_on: Vec<_> = long.iter().filter(|it| it.ends_with("goes on")).collect();
    let expected: Vec<_> = (0..100).rev().map(|n| format!("{n} goes on")).collect();
    assert!(goes_on.into_iter().eq(&expected));
}

/// Two that are put off run in the order in which they were fired.
#[test]
fn those_that_are_put_off_keep_their_order() {
    fn deep(left: usize, log: &Rc<RefCell<Vec<usize>>>) {
        let log = Rc::clone(log);
        drop(succeed(()).add_callback(move |()| {
            if left > 0 {
                return deep(left - 1, &log);
            }
            for n in 0..3 {
                let (one, two) = (Rc::clone(&log), Rc::clone(&log));
                let (firer, deferred) = Deferred::new();
                drop(deferred.add_callback(move |()| one.borrow_mut().push(n)));
                firer.fire(Ok(())).unwrap();
                drop(succeed(()).add_callback(move |()| two.borrow_mut().push(10 + n)));
            }
        }));
    }
    for depth in [0, 10, 15, 16, 17, 50] {
        let log = Rc::default();
        deep(depth, &log);
        assert_eq!(log.take(), [0, 10, 1, 11, 2, 12], "{depth} deep");
    }
}

/// Permits that are handed from semaphore to semaphore.
#[test]
fn a_line_of_semaphores_is_flat() {
    on_a_small_stack(|| {
        let reached = Rc::new(Cell::new(0));
        let first = Semaphore::new(1);
        let permit = first.acquire().try_take().unwrap().unwrap();
        let mut before = first;
        for _ in 0..MANY {
            let next = Semaphore::new(1);
            let held = next.acquire().try_take().unwrap().unwrap();
            let reached = Rc::clone(&reached);
            drop(before.acquire().add_callback(move |permit| {
                reached.set(reached.get() + 1);
                drop((permit, held));
            }));
            before = next;
        }
        drop(permit);
        assert_eq!(reached.get(), MANY);
    });
}

/// A hook that itself drops what has failed: what goes wrong in a hook is told to standard
/// error, and not to the hook, or it would never end.
#[test]
fn a_hook_that_drops_failed_deferreds_is_flat_and_comes_to_its_end() {
    on_a_small_stack(|| {
        let told = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&told);
        on_report(move |what| {
            heard.borrow_mut().push(what.to_owned());
            drop(fail::<()>(KeyError));
            let lost = fail::<()>(KeyError);
            drop(Deferred::<()>::new().1.add_callback(move |()| drop(lost)));
        });
        drop(fail::<()>(KeyError));
        let again = Deferred::<()>::new().1.add_callback(|()| {
            let _ = fail::<()>(KeyError);
        });
        drop(again);
        assert_eq!(told.take(), ["Unhandled error in Deferred: KeyError"]);

        // A pile, of which each report drops one.
        let pile: RefCell<Vec<_>> =
            (0..MANY).map(|_| fail::<()>(KeyError)).collect::<Vec<_>>().into();
        on_report(move |_| drop(pile.borrow_mut().pop()));
        drop(fail::<()>(KeyError));
        on_report(|_| ());
    });
}

/// A hook may be replaced while it is called, and while it is being replaced.
#[test]
fn a_hook_may_replace_itself() {
    let told = Rc::new(RefCell::new(Vec::new()));
    let (first, second) = (Rc::clone(&told), Rc::clone(&told));
    on_report(move |what| {
        first.borrow_mut().push(format!("first: {what}"));
        let second = Rc::clone(&second);
        on_report(move |what| second.borrow_mut().push(format!("second: {what}")));
    });
    drop(fail::<()>(KeyError));
    drop(fail::<()>(KeyError));
    let what = "Unhandled error in Deferred: KeyError";
    assert_eq!(*told.borrow(), [format!("first: {what}"), format!("second: {what}")]);
}

#[test]
fn timeouts_of_timeouts_are_flat_in_time_and_too_late() {
    on_a_small_stack(|| {
        for fires in [true, false] {
            let clock = Clockwork::new();
            let ended = Rc::new(Cell::new(None));
            let result = Rc::clone(&ended);
            let (firer, mut deferred) = Deferred::new();
            let _kept = firer.clone();
            backend::scope(Rc::clone(&clock) as _, || {
                run(move || {
                    for n in (1..=MANY as u64).rev() {
                        deferred = timeout(Duration::from_secs(n), deferred);
                    }
                    drop(deferred.add_both(move |end| {
                        result.set(Some(end.is_ok()));
                        stop();
                    }));
                    call_later(Duration::from_millis(1), move || {
                        if fires {
                            firer.fire(Ok(())).unwrap();
                        }
                    });
                    Ok(())
                })
                .unwrap();
            });
            assert_eq!(ended.take(), Some(fires));
            let took =
                if fires { Duration::from_millis(1) } else { Duration::from_secs(1) };
            assert_eq!(clock.elapsed(), took);
        }
    });
}

/// Each waits for the next, and the innermost is cancelled through all of them.
#[test]
fn a_line_of_deferreds_that_wait_for_each_other_is_cancelled_flat() {
    on_a_small_stack(|| {
        let (innermost, mut deferred) = Deferred::<()>::new();
        for _ in 0..MANY {
            let inner = deferred;
            deferred = succeed(()).add_callback(|()| inner);
        }
        deferred.cancel();
        assert!(innermost.is_fired());
        assert!(deferred.try_take().unwrap().unwrap_err().is::<Cancelled>());
    });
}

/// What is put off needs room, and that is given back once all of it is done.
#[test]
fn what_was_put_off_leaves_no_room_behind() {
    fn fires_another(left: usize) {
        drop(succeed(()).add_callback(move |()| {
            if left > 0 {
                fires_another(left - 1);
            }
        }));
    }
    // What a thread needs once to keep so many in mind.
    drop((0..100).map(|_| Deferred::<()>::new()).collect::<Vec<_>>());
    let room = measure(|| fires_another(50));
    assert!(room.count_total > 0);
    assert_eq!((room.count_current, room.bytes_current), (0, 0));
}
