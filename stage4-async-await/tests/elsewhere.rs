//! Cases of CPython's own tests (3.13) that nobody had asked of this loop: the name of each stands
//! above. Where the answer is another one here, the comment says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::{pending, ready};
use std::rc::Rc;

use common::{Bomb, FAR, Finally, Log, MS, reports, say, story, turn};
use stage4_async_await::event_loop::handle;
use stage4_async_await::extras::outcome::{AbortHandle, JoinError};
use stage4_async_await::extras::shield::shield;
use stage4_async_await::extras::task_group::TaskGroup;
use stage4_async_await::spawn;
use stage4_async_await::time::{Elapsed, sleep, timeout};

/// A task that is given the means to cancel itself.
async fn itself<F: Future + 'static>(
    body: impl FnOnce(AbortHandle) -> F + 'static,
) -> Result<F::Output, JoinError> {
    let own = Rc::new(Cell::new(None));
    let theirs = Rc::clone(&own);
    let task = spawn(async move { body(theirs.take().unwrap()).await });
    own.set(Some(task.abort_handle()));
    task.outcome().await
}

/// `test_tasks.test_cancel_current_task`: it goes on to its next wait, and ends there.
#[test]
fn a_task_that_cancels_itself_ends_at_its_next_wait() {
    let log = Log::default();
    let theirs = Rc::clone(&log);
    let (end, took) = story(async move {
        itself(|own| async move {
            let _guard = Finally(Rc::clone(&theirs), "dropped");
            own.abort();
            say(&theirs, "still here");
            sleep(FAR).await;
            say(&theirs, "never");
        })
        .await
    });
    assert!(matches!(end, Err(JoinError::Cancelled)));
    assert_eq!(
        (&**log.borrow(), took.is_zero()),
        (&["still here", "dropped"].map(String::from)[..], true)
    );
}

/// `test_tasks.test_cancel_at_end`. There it ends cancelled; here nobody was left to drop, and
/// what it has come to is what it gives.
#[test]
fn a_task_that_cancels_itself_and_ends_has_ended() {
    let (end, _) = story(itself(|own| async move {
        own.abort();
        5
    }));
    assert_eq!(end.unwrap(), 5);
}

/// `test_tasks.test_cancel_both_task_and_inner_future`, whichever comes first.
#[test]
fn both_who_waits_and_what_is_waited_for_are_cancelled() {
    for inner_first in [false, true] {
        let ((inner, outer), _) = story(async move {
            let inner = spawn(sleep(FAR));
            let inner_end = inner.abort_handle();
            let outer = spawn(async move { inner.outcome().await });
            turn().await;
            let outer_end = outer.abort_handle();
            if inner_first {
                inner_end.abort();
                outer_end.abort();
            } else {
                outer_end.abort();
                inner_end.abort();
            }
            let outer = outer.outcome().await;
            turn().await;
            (inner_end, outer)
        });
        assert!(matches!(outer, Err(JoinError::Cancelled)));
        inner.abort(); // it has ended, and so has its loop
    }
}

/// `test_waitfor.test_wait_for_race_condition`: what is ready in the turn in which the time is up.
/// The body is asked first.
#[test]
fn what_is_ready_when_the_time_is_up_is_in_time() {
    let (end, took) = story(timeout(MS, sleep(MS)));
    assert_eq!((end, took), (Ok(()), MS));
}

/// `test_waitfor.test_wait_for_timeout_less_then_0_or_0_future_done`.
#[test]
fn what_is_ready_needs_no_time() {
    let (end, took) = story(async { timeout(std::time::Duration::ZERO, ready(1)).await });
    assert_eq!((end, took.is_zero()), (Ok(1), true));
}

/// `test_waitfor.test_wait_for_timeout_less_then_0_or_0_coroutine_do_not_started`. There it never
/// begins; here whether it is ready is seen by a poll, and so it begins, and is dropped.
#[test]
fn what_has_no_time_begins_and_is_dropped() {
    let log = Log::default();
    let theirs = Rc::clone(&log);
    let (end, _) = story(async move {
        let body = async {
            let _guard = Finally(Rc::clone(&theirs), "dropped");
            say(&theirs, "begun");
            pending::<()>().await;
        };
        timeout(std::time::Duration::ZERO, body).await
    });
    assert_eq!(
        (end, &**log.borrow()),
        (Err(Elapsed), &["begun", "dropped"].map(String::from)[..])
    );
}

/// `test_timeouts.test_nested_timeouts`: both times are up at once, and the inner one is heard.
#[test]
fn of_two_timeouts_that_are_up_the_inner_one_answers() {
    let (end, took) = story(timeout(MS, async { timeout(MS, pending::<()>()).await }));
    assert_eq!((end, took), (Ok(Err(Elapsed)), MS));
}

/// `test_tasks.test_baseexception_during_cancel`: what a destructor panics with is how the task
/// ends; the others go on.
#[test]
fn a_panic_during_a_cancel_is_how_the_task_ends() {
    let (told, _) = story(async {
        let task = spawn(async {
            let _bomb = Bomb("on the way out");
            pending::<()>().await;
        });
        let other = spawn(async { 1 });
        turn().await;
        task.abort_handle().abort();
        let end = task.outcome().await.unwrap_err();
        (end.message().map(str::to_owned), other.await)
    });
    assert_eq!(told, (Some("on the way out".to_owned()), 1));
}

/// `test_tasks.test_shield_cancel_inner`: whoever awaits hears of it.
#[test]
fn what_is_shielded_can_be_cancelled_itself() {
    let (end, _) = story(async {
        let inner = shield(pending::<()>());
        let cancel = inner.abort_handle();
        let outer = spawn(inner.outcome());
        turn().await;
        cancel.abort();
        outer.await
    });
    assert!(matches!(end, Err(JoinError::Cancelled)));
}

/// `test_taskgroups.test_taskgroup_21` and `22`: the group is cancelled while its body waits for
/// nothing of the group's. The children end first.
#[test]
fn a_group_that_is_cancelled_takes_its_children_along() {
    let log = Log::default();
    let theirs = Rc::clone(&log);
    story(async move {
        let task = spawn(TaskGroup::run(async move |group| {
            for name in ["one", "two"] {
                let guard = Finally(Rc::clone(&theirs), name);
                drop(group.spawn(async move {
                    let _guard = guard;
                    pending::<Result<(), &str>>().await
                }));
            }
            let _guard = Finally(theirs, "body");
            pending::<Result<(), &str>>().await
        }));
        turn().await;
        turn().await;
        assert_eq!(task.cancel().await, None);
    });
    assert_eq!(*log.borrow(), ["body", "one", "two"]);
}

/// `test_tasks.test_run_coroutine_threadsafe_with_exception`. There the error travels; here whoever
/// waits on another thread hears that nothing will come, and the loop's thread reports why.
#[test]
fn whoever_waits_on_another_thread_hears_of_a_panic() {
    let log = reports();
    let heard = stage4_async_await::run(async {
        let handle = handle();
        let asks = move || handle.spawn(|| async { panic!("no page") }).recv();
        let asks = std::thread::spawn(asks);
        while !asks.is_finished() {
            turn().await;
        }
        asks.join().unwrap()
    });
    let heard: Result<(), _> = heard.unwrap();
    assert!(heard.is_err());
    assert!(log.borrow()[0].contains("no page"), "{log:?}");
}
