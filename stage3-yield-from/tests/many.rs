//! `gather`, `wait`, `as_completed` and `shield`, against what CPython 3.11 answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::coroutine::GeneratorExit;
use stage3_yield_from::extras::completed::as_completed;
use stage3_yield_from::extras::gather::{gather, gather_all};
use stage3_yield_from::extras::shield::shield;
use stage3_yield_from::extras::tasks::{all_tasks, current_task};
use stage3_yield_from::extras::wait::{ReturnWhen, wait};
use stage3_yield_from::failure::on_report;
use stage3_yield_from::future::Cancelled;
use stage3_yield_from::time::{Elapsed, sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, Task, coroutine, run, spawn, yield_from,
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

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Longer than any of these tests.
const HOUR: Duration = Duration::from_hours(1);

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

/// Gives `value` after that many milliseconds.
fn after<T: 'static>(n: u64, value: T) -> Coroutine<T> {
    coroutine(async move {
        yield_from(sleep(millis(n))).await?;
        Ok(value)
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError;

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyError")
    }
}

impl std::error::Error for KeyError {}

/// Fails after that many milliseconds.
fn fails<T: 'static>(n: u64) -> Coroutine<T> {
    coroutine(async move {
        yield_from(sleep(millis(n))).await?;
        Err(KeyError.into())
    })
}

/// Sleeps for an hour; when it is cancelled it cleans up for a moment, and returns.
fn refuses(value: &'static str) -> Coroutine<&'static str> {
    coroutine(async move {
        yield_from(sleep(HOUR)).await.unwrap_err();
        yield_from(sleep(millis(10))).await?;
        Ok(value)
    })
}

/// What is reported from now on.
fn reports() -> Rc<RefCell<Vec<String>>> {
    let reported = Rc::<RefCell<Vec<String>>>::default();
    let hook = Rc::clone(&reported);
    on_report(move |text| hook.borrow_mut().push(text.to_owned()));
    reported
}

/// M6.23
#[test]
fn gather_gives_results_in_the_order_of_its_children() {
    let took = play(async {
        let gathered = yield_from(gather([after(20, "a"), after(10, "b")])).await?;
        assert_eq!(gathered, ["a", "b"]);
        Ok(())
    });
    assert_eq!(took, millis(20), "at the same time");
}

/// M6.23
#[test]
fn the_first_error_is_raised_at_once_and_the_others_go_on() {
    let reported = reports();
    play(async {
        let sibling = spawn(after(30, "sibling"));
        let children = [sibling.clone(), spawn(fails(20)), spawn(fails(10))];
        let begin = stage3_yield_from::event_loop::now();
        let failure = yield_from(gather(children)).await.unwrap_err();
        assert!(failure.is::<KeyError>());
        let took = stage3_yield_from::event_loop::now() - begin;
        assert_eq!(took, millis(10));
        assert_eq!(yield_from(&sibling).await?, "sibling");
        Ok(())
    });
    assert!(reported.borrow().is_empty(), "the later error is nobody's");
}

/// M6.23, when two fail in one turn: the first is the first in time.
#[test]
fn of_two_errors_the_first_is_raised() {
    play(async {
        let fail = |text: &'static str| {
            coroutine(async move { Err::<(), _>(Failure::from(text)) })
        };
        let failure = yield_from(gather([fail("first"), fail("second")])).await;
        assert_eq!(failure.unwrap_err().to_string(), "first");
        Ok(())
    });
}

/// M6.24
#[test]
fn gather_all_puts_each_error_in_the_place_of_its_child() {
    play(async {
        let all = yield_from(gather_all([after(0, 1), fails(0)])).await?;
        assert_eq!(*all[0].as_ref().unwrap(), 1);
        assert!(all[1].as_ref().unwrap_err().is::<KeyError>());

        let cancelled = spawn(sleep(HOUR));
        let all = spawn(gather_all([cancelled.clone(), spawn(sleep(millis(10)))]));
        turn().await?;
        cancelled.cancel();
        let all = yield_from(all).await?;
        assert!(all[0].as_ref().unwrap_err().is::<Cancelled>() && all[1].is_ok());

        assert!(yield_from(gather::<(), Task<()>>([])).await?.is_empty());
        Ok(())
    });
}

/// M6.24
#[test]
fn to_cancel_a_gather_is_to_cancel_its_children() {
    play(async {
        let children = [spawn(sleep(HOUR)), spawn(sleep(HOUR))];
        let gathered = spawn(gather(children.clone()));
        turn().await?;
        gathered.cancel();
        assert!(yield_from(gathered).await.unwrap_err().is::<Cancelled>());
        assert!(children.iter().all(Task::cancelled));
        Ok(())
    });
}

/// M6.24: what is cancelled is the gather, whatever its children make of it.
#[test]
fn a_gather_that_was_cancelled_waits_for_children_that_refuse_and_is_cancelled_then() {
    let took = play(async {
        let children = [spawn(refuses("one")), spawn(refuses("other"))];
        let gathered = spawn(gather(children.clone()));
        turn().await?;
        gathered.cancel();
        assert!(yield_from(gathered).await.unwrap_err().is::<Cancelled>());
        assert!(children.iter().all(Task::done));
        Ok(())
    });
    assert_eq!(took, millis(10));
}

/// In CPython too: the first child that is cancelled ends it, and with `return_exceptions` the
/// last one.
#[test]
fn a_gather_that_was_cancelled_ends_with_the_first_child_that_is() {
    play(async {
        let children = [spawn(refuses("one")), spawn(after(1_000_000, "other"))];
        let gathered = spawn(gather(children.clone()));
        turn().await?;
        gathered.cancel();
        assert!(yield_from(gathered).await.is_err());
        assert_eq!(children.each_ref().map(Task::done), [false, true]);

        let all = spawn(gather_all(children.clone()));
        turn().await?;
        all.cancel();
        assert!(yield_from(all).await.unwrap_err().is::<Cancelled>());
        assert_eq!(children.each_ref().map(Task::done), [true, true]);
        Ok(())
    });
}

#[test]
fn a_child_that_is_cancelled_is_raised_and_its_sibling_goes_on() {
    play(async {
        let children = [spawn(after(1_000_000, "a")), spawn(after(10, "b"))];
        let gathered = spawn(gather(children.clone()));
        turn().await?;
        children[0].cancel();
        assert!(yield_from(gathered).await.unwrap_err().is::<Cancelled>());
        assert!(!children[1].done());
        assert_eq!(yield_from(&children[1]).await?, "b");
        Ok(())
    });
}

/// Whatever else is thrown into it ends it: it must not begin to wait once more.
#[test]
fn a_gather_that_its_loop_leaves_behind_is_closed_and_cancels_nobody() {
    let reported = reports();
    let ends = Rc::<RefCell<Vec<bool>>>::default();
    let log = Rc::clone(&ends);
    play(async move {
        let child = coroutine(async move {
            let end = yield_from(sleep(HOUR)).await;
            log.borrow_mut().push(end.as_ref().is_err_and(Failure::is::<GeneratorExit>));
            end
        });
        // It is closed before its child is.
        let (go, later) = (Future::new(), Future::new());
        let (begin, child_comes) = (go.clone(), later.clone());
        spawn(coroutine(async move {
            let child: Task<()> = yield_from(&child_comes).await?;
            begin.set_result(())?;
            yield_from(gather([child])).await.map(drop)
        }));
        later.set_result(spawn(child))?;
        yield_from(&go).await?;
        turn().await
    });
    assert_eq!(*reported.borrow(), [""; 0]);
    assert_eq!(*ends.borrow(), [true], "closed, not cancelled");
}

/// Results are taken, not copied.
#[test]
fn what_is_gathered_need_not_be_clone() {
    struct NotClone(u32);
    play(async {
        let gathered = yield_from(gather([after(0, NotClone(1))])).await?;
        assert_eq!(gathered[0].0, 1);
        let NotClone(two) = yield_from(timeout(HOUR, after(0, NotClone(2)))).await?;
        assert_eq!(two, 2);
        let NotClone(three) = yield_from(shield(after(0, NotClone(3)))).await?;
        assert_eq!(three, 3);
        Ok(())
    });
}

/// M6.25
#[test]
fn wait_is_over_with_the_first_that_ends() {
    let took = play(async {
        let [fast, slow] = [10, 5000].map(|n| spawn(after(n, n)));
        let both = wait([fast, slow], None, ReturnWhen::FirstCompleted);
        let (done, pending) = yield_from(both).await?;
        assert_eq!((done[0].result()?, pending.len()), (10, 1));
        assert!(!pending[0].cancelled());
        Ok(())
    });
    assert_eq!(took, millis(10));
}

/// M6.25
#[test]
fn a_wait_that_lasts_too_long_gives_what_there_is() {
    let took = play(async {
        let slow = spawn(sleep(HOUR));
        let waits = wait([slow.clone()], Some(millis(10)), ReturnWhen::AllCompleted);
        let (done, pending) = yield_from(waits).await?;
        assert_eq!((done.len(), pending.len(), slow.done()), (0, 1, false));
        Ok(())
    });
    assert_eq!(took, millis(10));
}

/// M6.25: it raises nobody's error, and a cancel is none.
#[test]
fn wait_is_over_with_the_first_that_fails() {
    let took = play(async {
        let tasks = [spawn(sleep(HOUR)), spawn(sleep(HOUR)), spawn(fails(20))];
        let waits = wait(tasks.clone(), None, ReturnWhen::FirstException);
        let waits = spawn(waits);
        turn().await?;
        tasks[0].cancel();
        let (done, pending) = yield_from(waits).await?;
        assert_eq!((done.len(), pending.len()), (2, 1));
        let failure = tasks[2].exception()?.unwrap();
        assert!(failure.is::<KeyError>());
        Ok(())
    });
    assert_eq!(took, millis(20));
}

/// M6.25
#[test]
fn to_cancel_a_wait_is_to_cancel_nobody_else() {
    play(async {
        let task = spawn(after(10, "a"));
        let waits = spawn(wait([task.clone()], None, ReturnWhen::AllCompleted));
        turn().await?;
        waits.cancel();
        assert!(yield_from(waits).await.err().unwrap().is::<Cancelled>());
        assert_eq!(yield_from(&task).await?, "a");
        Ok(())
    });
}

/// M6.25
#[test]
#[should_panic(expected = "there are no tasks to wait for")]
fn to_wait_for_none_is_a_mistake() {
    drop(wait::<()>([], None, ReturnWhen::AllCompleted));
}

/// M6.26
#[test]
fn results_come_as_they_are_completed() {
    play(async {
        let mut came = Vec::new();
        for next in as_completed([after(30, "slow"), after(10, "fast")], None) {
            came.push(yield_from(next).await?);
        }
        assert_eq!(came, ["fast", "slow"]);

        let mut came = Vec::new();
        for next in as_completed([after(10, "late"), fails(0)], None) {
            came.push(yield_from(next).await.unwrap_or("KE"));
        }
        assert_eq!(came, ["KE", "late"]);
        Ok(())
    });
}

/// M6.26: two results come in the time, and then each that is left raises; nobody is cancelled.
#[test]
fn what_is_not_completed_in_time_is_raised_as_elapsed() {
    let took = play(async {
        let slow = spawn(sleep(HOUR));
        let tasks = [slow.clone(), spawn(sleep(millis(5))), slow.clone()];
        let mut came = Vec::new();
        for next in as_completed(tasks, Some(millis(10))) {
            let end = yield_from(next).await;
            came.push(end.map_err(|failure| failure.is::<Elapsed>()));
        }
        assert_eq!(came, [Ok(()), Err(true), Err(true)]);
        assert!(!slow.done());
        Ok(())
    });
    assert_eq!(took, millis(10));
}

/// The timer of one whose children are all there is taken back.
#[test]
fn as_completed_keeps_no_timer_once_all_are_there() {
    let clock = Clockwork::new();
    let stuck = backend::scope(Rc::clone(&clock) as _, || {
        run(coroutine(async {
            let mut all = as_completed([after(10, ())], Some(HOUR));
            yield_from(all.next().unwrap()).await?;
            assert!(all.next().is_none());
            // Nobody could ever wake the loop, but for that timer.
            yield_from(Future::<()>::new()).await
        }))
    });
    assert_eq!(stuck.unwrap_err().kind(), std::io::ErrorKind::Deadlock);
    assert_eq!(clock.elapsed(), millis(10));
}

/// Nor does one of nothing set any.
#[test]
fn as_completed_of_nothing_sets_no_timer() {
    let clock = Clockwork::new();
    let stuck = backend::scope(Rc::clone(&clock) as _, || {
        run(coroutine(async {
            let mut all = as_completed::<(), Task<()>>([], Some(HOUR));
            assert!(all.next().is_none());
            yield_from(Future::<()>::new()).await?;
            drop(all);
            Ok(())
        }))
    });
    assert_eq!(stuck.unwrap_err().kind(), std::io::ErrorKind::Deadlock);
    assert_eq!(clock.elapsed(), Duration::ZERO);
}

/// M6.20
#[test]
fn a_shield_ends_with_a_cancel_and_what_is_behind_it_goes_on() {
    let log = Rc::<RefCell<Vec<&str>>>::default();
    let said = Rc::clone(&log);
    play(async move {
        let inner = spawn({
            let said = Rc::clone(&said);
            coroutine(async move {
                yield_from(sleep(millis(20))).await?;
                said.borrow_mut().push("inner done");
                Ok("r")
            })
        });
        let outer = spawn(shield(inner.clone()));
        turn().await?;
        outer.cancel();
        assert!(yield_from(outer).await.unwrap_err().is::<Cancelled>());
        said.borrow_mut().push("outer C");
        let result = yield_from(&inner).await?;
        said.borrow_mut().push(result);
        Ok(())
    });
    assert_eq!(*log.borrow(), ["outer C", "inner done", "r"]);
}

/// M6.20: through a timeout, which cancels the shield. What comes of the inner one then is
/// nobody's, in 3.11.
#[test]
fn the_error_of_what_was_shielded_and_given_up_is_not_reported() {
    let reported = reports();
    play(async {
        let late = yield_from(timeout(millis(10), shield(fails::<()>(20)))).await;
        assert!(late.unwrap_err().is::<Elapsed>());
        yield_from(sleep(millis(20))).await
    });
    assert!(reported.borrow().is_empty());
}

#[test]
fn a_cancel_behind_the_shield_is_raised_before_it() {
    play(async {
        let inner = spawn(sleep(HOUR));
        let outer = spawn(shield(inner.clone()));
        turn().await?;
        inner.cancel();
        assert!(yield_from(outer).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

#[test]
fn a_task_knows_itself_and_which_others_there_are() {
    assert_eq!(current_task(), None);
    play(async {
        let me = current_task().unwrap();
        let seen = Rc::<RefCell<Vec<bool>>>::default();
        let (log, main) = (Rc::clone(&seen), me.clone());
        let other = spawn(coroutine(async move {
            log.borrow_mut().push(current_task().unwrap() == main);
            turn().await?;
            log.borrow_mut().push(current_task().unwrap() == main);
            Ok(())
        }));
        let all = all_tasks();
        assert_eq!((all.len(), all[0] == me, all[1] == me), (2, true, false));
        let in_a_callback = Rc::clone(&seen);
        stage3_yield_from::call_soon(move || {
            in_a_callback.borrow_mut().push(current_task().is_some());
        });
        yield_from(&other).await?;
        assert_eq!(*seen.borrow(), [false, false, false]);
        assert_eq!(all_tasks(), [me]);
        assert!(all[1].done() && !all[1].cancel());
        Ok(())
    });
}

#[test]
fn a_task_of_any_type_has_a_name_and_can_be_cancelled() {
    fn sleeper() -> Coroutine<u32> {
        coroutine(async {
            yield_from(sleep(HOUR)).await?;
            Ok(1)
        })
    }
    let took = play(async {
        let task = spawn(sleeper());
        turn().await?;
        let any = all_tasks().pop().unwrap();
        assert_eq!(any.name(), "task 2 (sleeper)");
        assert!(any.cancel(), "it is asked");
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(any.done());
        Ok(())
    });
    assert_eq!(took, Duration::ZERO);
}
