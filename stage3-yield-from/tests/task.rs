//! Tasks: PEP 3156, and `test_tasks.py` of CPython.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::coroutine::{Generator, GeneratorExit};
use stage3_yield_from::failure::{Panicked, on_report};
use stage3_yield_from::future::{Cancelled, InvalidState};
use stage3_yield_from::time::sleep;
use stage3_yield_from::{
    Coroutine, Failure, Future, Task, coroutine, run, spawn, yield_from,
};

/// Runs `main` on a virtual clock.
fn play<F>(main: F)
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    backend::scope(Clockwork::new(), || run(coroutine(main))).unwrap().unwrap();
}

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

/// Longer than any of these tests.
const LONG: Duration = Duration::from_hours(1);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// A task that writes down a word.
fn says(log: &Log, word: &'static str) -> Coroutine<()> {
    let log = Rc::clone(log);
    coroutine(async move {
        log.borrow_mut().push(word);
        Ok(())
    })
}

/// A task that waits for a future, and fails as it does.
fn waits_for(future: &Future<()>) -> Coroutine<()> {
    let future = future.clone();
    coroutine(async move { yield_from(&future).await })
}

/// What nobody handled while `body` ran.
fn reported(body: impl FnOnce()) -> Vec<String> {
    let reports = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&reports);
    on_report(move |report| heard.borrow_mut().push(report.to_owned()));
    body();
    reports.take()
}

/// M6.14
#[test]
fn a_task_does_not_begin_inline_and_tasks_begin_in_the_order_of_their_creation() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let tasks = ["0", "1", "2"].map(|word| spawn(says(&said, word)));
        said.borrow_mut().push("main");
        yield_from(&tasks[2]).await
    });
    assert_eq!(*log.borrow(), ["main", "0", "1", "2"]);
}

/// M6.15
#[test]
fn a_task_gives_the_same_result_to_everybody() {
    play(async {
        let task = spawn(coroutine(async { Ok(5) }));
        assert!(task.result().unwrap_err().is::<InvalidState>());
        assert_eq!(yield_from(&task).await?, 5);
        assert_eq!(yield_from(&task).await?, 5);
        assert_eq!(task.result()?, 5);
        Ok(())
    });
}

/// M6.15
#[test]
fn a_task_fails_for_everybody_with_the_same_error() {
    play(async {
        let task = spawn(coroutine::<()>(async { Err(InvalidState.into()) }));
        for _ in 0..2 {
            let failure = yield_from(&task).await.unwrap_err();
            assert!(failure.is::<InvalidState>());
        }
        Ok(())
    });
}

/// M6.16
#[test]
fn a_task_that_is_cancelled_before_its_first_step_never_begins() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let task = spawn(says(&said, "began"));
        assert!(task.cancel());
        let failure = yield_from(&task).await.unwrap_err();
        assert!(failure.is::<Cancelled>());
        assert!(task.cancelled());
        Ok(())
    });
    assert_eq!(*log.borrow(), [""; 0]);
}

/// M6.17
#[test]
fn a_task_may_refuse_to_be_cancelled() {
    play(async {
        let task = spawn(coroutine(async {
            match yield_from(sleep(LONG)).await {
                Err(failure) if failure.is::<Cancelled>() => Ok("refused"),
                other => other.map(|()| "slept"),
            }
        }));
        turn().await?;
        assert!(task.cancel());
        assert_eq!(yield_from(&task).await?, "refused");
        assert!(!task.cancelled());
        assert!(!task.cancel(), "it is done");
        Ok(())
    });
}

/// M6.18, but for the count, which is of Python 3.11.
#[test]
fn a_task_may_be_cancelled_twice_and_once_it_is_done_no_more() {
    play(async {
        let task = spawn(sleep(LONG));
        turn().await?;
        assert!(task.cancel());
        assert!(task.cancel());
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(!task.cancel());
        Ok(())
    });
}

/// M6.19
#[test]
fn to_cancel_a_task_cancels_the_future_it_waits_for() {
    play(async {
        let future = Future::new();
        let task = spawn(waits_for(&future));
        turn().await?;
        assert!(task.cancel());
        assert!(future.cancelled());
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(task.cancelled());
        Ok(())
    });
}

/// M6.19
#[test]
fn to_cancel_a_future_cancels_the_task_that_waits_for_it() {
    play(async {
        let future = Future::new();
        let task = spawn(waits_for(&future));
        turn().await?;
        future.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(task.cancelled());
        Ok(())
    });
}

/// M6.19
#[test]
fn to_cancel_a_task_cancels_the_task_it_waits_for() {
    play(async {
        let inner = spawn(sleep(LONG));
        let awaited = inner.clone();
        let outer = spawn(coroutine(async move { yield_from(&awaited).await }));
        turn().await?;
        outer.cancel();
        assert!(yield_from(&outer).await.unwrap_err().is::<Cancelled>());
        assert!(inner.cancelled());
        Ok(())
    });
}

#[test]
fn a_cancel_is_raised_at_the_yield_and_lets_every_caller_clean_up() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let (left, right) = (Rc::clone(&said), Rc::clone(&said));
        let inner = coroutine(async move {
            let end = yield_from(sleep(LONG)).await;
            turn().await?;
            left.borrow_mut().push("inner");
            end
        });
        let task = spawn(coroutine(async move {
            let end = yield_from(inner).await;
            right.borrow_mut().push("outer");
            end
        }));
        turn().await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(*log.borrow(), ["inner", "outer"]);
}

/// Three calls deep, each with something to clean up that takes its time; what each comes to is
/// told by its name.
fn cleans_up(log: &Log, names: &'static [&'static str]) -> Coroutine<()> {
    let said = Rc::clone(log);
    coroutine(async move {
        let Some((name, inner)) = names.split_first() else {
            return yield_from(sleep(LONG)).await;
        };
        let end = yield_from(cleans_up(&said, inner)).await;
        match yield_from(sleep(Duration::from_millis(10))).await {
            Ok(()) => said.borrow_mut().push(*name),
            Err(_) => said.borrow_mut().push("hurried"),
        }
        end
    })
}

const CALLS: &[&str] = &["outer", "middle", "inner"];

#[test]
fn whatever_cleans_up_does_so_from_the_inside_to_the_outside() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let task = spawn(cleans_up(&said, CALLS));
        turn().await?;
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(*log.borrow(), ["inner", "middle", "outer"]);
}

/// The second cancel is raised where it cleans up, and cuts that one short and no other.
#[test]
fn a_cancel_during_the_cleaning_up_is_raised_there() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let task = spawn(cleans_up(&said, CALLS));
        turn().await?;
        task.cancel();
        yield_from(sleep(Duration::from_millis(15))).await?;
        assert_eq!(*said.borrow(), ["inner"]);
        task.cancel();
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
    assert_eq!(*log.borrow(), ["inner", "hurried", "outer"]);
}

#[test]
fn an_error_of_the_cleaning_up_is_what_a_cancelled_task_ends_with() {
    let fails = || {
        coroutine::<()>(async {
            let end = yield_from(sleep(LONG)).await;
            assert!(end.unwrap_err().is::<Cancelled>());
            Err(InvalidState.into())
        })
    };
    let reports = reported(|| {
        play(async move {
            let (seen, unseen) = (spawn(fails()), spawn(fails()));
            turn().await?;
            seen.cancel();
            unseen.cancel();
            assert!(yield_from(&seen).await.unwrap_err().is::<InvalidState>());
            assert!(!seen.cancelled());
            turn().await
        });
    });
    assert_eq!(reports, ["Future exception was never retrieved: invalid state"]);
}

#[test]
fn a_cancel_between_the_result_and_the_next_step_is_not_lost() {
    play(async {
        let future = Future::new();
        let task = spawn(waits_for(&future));
        turn().await?;
        future.set_result(())?;
        assert!(task.cancel());
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

/// A task that knows itself, and what it comes to.
fn knows_itself<T, F>(body: impl FnOnce(Task<T>) -> F + 'static) -> Task<T>
where
    T: Clone + 'static,
    F: std::future::Future<Output = Result<T, Failure>> + 'static,
{
    let slot = Rc::new(RefCell::new(None));
    let me = Rc::clone(&slot);
    let task = spawn(coroutine(async move {
        let me = me.take().unwrap();
        body(me).await
    }));
    slot.replace(Some(task.clone()));
    task
}

#[test]
fn a_task_that_cancels_itself_is_cancelled_where_it_waits_next() {
    play(async {
        let task = knows_itself::<(), _>(async |me| {
            assert!(me.cancel());
            yield_from(&Future::new()).await // which nobody finishes
        });
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

// What follows was asked of CPython 3.11, 3.12 and 3.13, which agree.
#[test]
fn a_task_that_is_cancelled_after_its_last_wait_ends_as_cancelled_whatever_it_returns() {
    play(async {
        let task = knows_itself(async |me| {
            assert!(me.cancel());
            Ok(5)
        });
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        assert!(task.cancelled());
        Ok(())
    });
}

#[test]
fn to_wait_for_what_is_there_is_no_wait_that_a_cancel_could_end() {
    play(async {
        let task = knows_itself(async |me| {
            assert!(me.cancel());
            let there = Future::new();
            there.set_result(3)?;
            let got = yield_from(&there).await;
            assert_eq!(got.as_ref().unwrap(), &3);
            got
        });
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

#[test]
fn a_task_that_is_cancelled_after_its_last_wait_and_fails_fails_as_it_did() {
    play(async {
        let task = knows_itself::<(), _>(async |me| {
            assert!(me.cancel());
            Err(InvalidState.into())
        });
        assert!(yield_from(&task).await.unwrap_err().is::<InvalidState>());
        assert!(!task.cancelled());
        Ok(())
    });
}

#[test]
fn a_cancel_of_oneself_that_is_caught_at_the_next_wait_is_over() {
    play(async {
        let task = knows_itself(async |me| {
            assert!(me.cancel());
            let failure = yield_from(sleep(LONG)).await.unwrap_err();
            assert!(failure.is::<Cancelled>());
            Ok(5)
        });
        assert_eq!(yield_from(&task).await?, 5);
        Ok(())
    });
}

#[test]
fn a_second_cancel_while_the_first_one_is_caught_counts_at_the_end() {
    play(async {
        let task = knows_itself(async |me| {
            assert!(me.cancel());
            let _ = yield_from(sleep(LONG)).await;
            assert!(me.cancel());
            Ok(5)
        });
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        Ok(())
    });
}

#[test]
fn a_cancel_between_an_error_and_the_next_step_is_seen_instead_of_the_error() {
    play(async {
        let future = Future::<()>::new();
        let task = spawn(waits_for(&future));
        turn().await?;
        future.set_exception(InvalidState)?;
        assert!(task.cancel());
        assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
        let _ = future.result();
        Ok(())
    });
}

// A coroutine is a part of its caller: no turn passes between the two.
#[test]
fn to_delegate_takes_no_turn_and_a_task_does() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let other = spawn(says(&said, "another task"));
        yield_from(says(&said, "a part of the caller")).await?;
        said.borrow_mut().push("the caller");
        yield_from(&other).await
    });
    assert_eq!(*log.borrow(), ["a part of the caller", "the caller", "another task"]);
}

#[test]
fn a_task_goes_on_when_nobody_keeps_its_handle() {
    let done = Rc::new(Cell::new(false));
    let sets = Rc::clone(&done);
    play(async move {
        drop(spawn(coroutine(async move {
            yield_from(sleep(Duration::from_millis(1))).await?;
            sets.set(true);
            Ok(())
        })));
        yield_from(sleep(Duration::from_millis(2))).await
    });
    assert!(done.get());
}

#[test]
fn done_callbacks_of_a_task_are_called_by_the_loop() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let task = spawn(says(&said, "task"));
        let seen = Rc::clone(&said);
        task.add_done_callback(move || seen.borrow_mut().push("callback"));
        yield_from(&task).await
    });
    assert_eq!(*log.borrow(), ["task", "callback"]);
}

#[test]
fn a_task_that_panics_fails_and_the_others_go_on() {
    play(async {
        let sound = spawn(coroutine(async {
            yield_from(sleep(Duration::from_millis(1))).await?;
            Ok(1)
        }));
        let broken = spawn(coroutine::<()>(async {
            turn().await?;
            panic!("one of many")
        }));
        let failure = yield_from(&broken).await.unwrap_err();
        assert!(failure.is::<Panicked>());
        assert_eq!(failure.to_string(), "panicked: one of many");
        assert_eq!(yield_from(&sound).await?, 1);
        Ok(())
    });
}

// The door of the one that panicked must not stay open for the others.
#[test]
fn a_panic_in_a_coroutine_leaves_its_caller_a_coroutine() {
    play(async {
        let broken = coroutine::<()>(async { panic!("not a coroutine any more") });
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _ = broken.next();
        }));
        assert!(caught.is_err());
        turn().await
    });
}

/// M6.13, for tasks.
#[test]
fn an_error_of_a_task_that_nobody_saw_is_reported() {
    let reports = reported(|| {
        play(async {
            spawn(coroutine::<()>(async { Err(InvalidState.into()) }));
            turn().await
        });
    });
    assert_eq!(reports, ["Future exception was never retrieved: invalid state"]);
}

#[test]
fn the_error_of_the_first_coroutine_comes_out_of_run() {
    let end = run(coroutine::<()>(async { Err(InvalidState.into()) })).unwrap();
    assert!(end.unwrap_err().is::<InvalidState>());
}

#[test]
fn what_comes_out_of_run_need_not_be_clone() {
    struct Single;
    let end = run(coroutine(async { Ok(Single) })).unwrap();
    assert!(end.is_ok());
}

#[test]
fn a_task_that_is_left_is_closed_at_its_yield() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let reports = reported(|| {
        play(async move {
            spawn(coroutine(async move {
                let end = yield_from(sleep(LONG)).await;
                if end.as_ref().is_err_and(Failure::is::<GeneratorExit>) {
                    said.borrow_mut().push("closed");
                }
                end
            }));
            turn().await
        });
    });
    assert_eq!(*log.borrow(), ["closed"]);
    assert_eq!(reports, [""; 0]);
}

// Python: "coroutine ignored GeneratorExit".
#[test]
fn a_task_that_is_left_and_waits_on_is_reported() {
    let reports = reported(|| {
        play(async {
            spawn(coroutine(async {
                let _ = yield_from(sleep(LONG)).await;
                turn().await
            }));
            turn().await
        });
    });
    let ignored = "Error while a task was closed: the generator ignored GeneratorExit";
    assert_eq!(reports, [ignored]);
}

/// In the order in which they were spawned, whatever they wait for; also those that never began.
#[test]
fn tasks_that_are_left_are_closed_in_their_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let leaves = |name, wait: Coroutine<()>| {
            let said = Rc::clone(&said);
            spawn(coroutine(async move {
                let end = yield_from(wait).await;
                said.borrow_mut().push(name);
                end
            }))
        };
        let future = Future::new();
        leaves("1", sleep(LONG));
        let second = leaves("2", waits_for(&future));
        leaves("3", coroutine(async move { yield_from(&second).await }));
        leaves("4", sleep(Duration::from_millis(1)));
        turn().await
    });
    assert_eq!(*log.borrow(), ["1", "2", "3", "4"]);
}

#[test]
fn tasks_that_are_left_keep_nothing_alive() {
    let owned = Rc::new(());
    let kept = Rc::downgrade(&owned);
    play(async move {
        let future = Future::new();
        future.add_done_callback(move || drop(owned));
        spawn(waits_for(&future));
        turn().await
    });
    assert!(kept.upgrade().is_none(), "a task and its future keep each other");
}

#[test]
fn a_long_chain_of_tasks_is_left_without_a_deep_stack() {
    play(async {
        let mut last = spawn(sleep(LONG));
        for _ in 0..50_000 {
            let next = last;
            last = spawn(coroutine(async move { yield_from(&next).await }));
        }
        turn().await
    });
}

#[test]
fn a_long_chain_of_tasks_ends_without_a_deep_stack() {
    play(async {
        let mut last = spawn(turns(2));
        for _ in 0..50_000 {
            let next = last;
            last = spawn(coroutine(async move { yield_from(&next).await }));
        }
        yield_from(&last).await
    });
}

fn turns(n: u32) -> Coroutine<()> {
    coroutine(async move {
        for _ in 0..n {
            turn().await?;
        }
        Ok(())
    })
}

// The last page: a coroutine that awaits its inner function through the same door yields the
// same futures, at the same turns. What was a second object is a part of the first.
#[test]
fn a_coroutine_may_await_a_function_through_its_own_door() {
    async fn three_turns(log: Log, name: &'static str) -> Result<(), Failure> {
        for _ in 0..3 {
            log.borrow_mut().push(name);
            turn().await?;
        }
        Ok(())
    }
    let log = Log::default();
    let (left, right) = (Rc::clone(&log), Rc::clone(&log));
    play(async move {
        let delegates = spawn(coroutine(async {
            yield_from(coroutine(three_turns(left, "delegates"))).await
        }));
        let awaits = spawn(coroutine(async { three_turns(right, "awaits").await }));
        yield_from(&delegates).await?;
        yield_from(&awaits).await
    });
    assert_eq!(*log.borrow(), ["delegates", "awaits"].repeat(3));
}

// A generator that is no coroutine has another door: nothing would wake it.
#[test]
fn a_plain_generator_inside_a_coroutine_cannot_wait() {
    play(async {
        let plain = Generator::<(), (), ()>::new(async |_| {
            yield_from(sleep(Duration::ZERO)).await
        });
        let refused = plain.start().unwrap_err();
        assert!(refused.is::<stage3_yield_from::coroutine::ForeignAwait>());
        turn().await
    });
}
