//! Tasks, one and several at a time, against what CPython's asyncio answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{
    FAR, Log, MS, Room, caught, ending, poll_once, reports, story, turn, turns,
};
use stage5_asyncio::contextvars::{ContextVar, copy_context};
use stage5_asyncio::exceptions::{Cancelled, Elapsed, ExceptionGroup};
use stage5_asyncio::futures::Future as Promise;
use stage5_asyncio::tasks::{
    AnyTask, Exception, as_completed, eager_task, gather, gather_each, shield,
    try_gather, wait, wait_for,
};
use stage5_asyncio::time::sleep;
use stage5_asyncio::timeouts::Timeout;
use stage5_asyncio::{
    Task, all_tasks, catch_cancel, create_task, current_task, finally, get_running_loop,
    task_group, timeout, timeout_at, with,
};

async fn after<T>(ms: u32, value: T) -> T {
    sleep(ms * MS).await;
    value
}

/// M6.14
#[test]
fn a_new_task_does_not_run_inline_and_tasks_start_in_order() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let task = |n: u32| {
            let log = said.clone();
            create_task(async move { log.say(n) })
        };
        let tasks = [0, 1, 2].map(task);
        said.say("main");
        let [.., last] = tasks;
        last.await;
    });
    assert_eq!(log.take(), ["main", "0", "1", "2"]);
}

/// M6.15
#[test]
fn a_task_that_is_awaited_twice_gives_the_same_result_or_error() {
    story(async {
        let (good, bad) =
            (create_task(async { 5 }), create_task(async { Err::<(), _>("k") }));
        assert_eq!(((&good).await, (&good).await), (5, 5));
        assert_eq!(((&bad).await, (&bad).await), (Err("k"), Err("k")));
        let panics = create_task(async { panic!("ouch") });
        for _ in 0..2 {
            assert_eq!(caught(panics.clone()).await, Err::<(), _>("ouch".to_owned()));
        }
    });
}

/// M6.16
#[test]
fn a_task_that_is_cancelled_before_its_first_step_never_begins() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let task = create_task(async move { said.say("ran") });
        assert!(task.cancel());
        assert_eq!(catch_cancel(task.clone()).await, Err(Cancelled));
        assert!(task.cancelled());
    });
    assert!(log.take().is_empty());
}

/// M6.17
#[test]
fn a_task_may_swallow_a_cancel_and_give_a_value() {
    story(async {
        let task = create_task(async {
            match catch_cancel(sleep(FAR)).await {
                Err(Cancelled) => "swallowed",
                Ok(()) => "slept",
            }
        });
        turn().await;
        task.cancel();
        assert_eq!((&task).await, "swallowed");
        assert!(!task.cancelled());
        assert_eq!(task.cancelling(), 1);
        assert!(!task.cancel(), "it is done");
    });
}

/// M6.18
#[test]
fn a_cancel_counts_until_the_task_is_done() {
    story(async {
        let task = create_task(sleep(FAR));
        turn().await;
        assert!(task.cancel() && task.cancel());
        assert_eq!(task.cancelling(), 2);
        assert_eq!(catch_cancel(task.clone()).await, Err(Cancelled));
        assert!(!task.cancel());
        assert_eq!(task.cancelling(), 2);
    });
}

/// M6.19
#[test]
fn a_cancel_goes_to_what_is_awaited_and_comes_back_from_there() {
    story(async {
        let event_loop = get_running_loop();
        let inner = event_loop.create_future::<()>();
        let outer = create_task(inner.clone().into_future());
        turn().await;
        outer.cancel();
        assert!(inner.cancelled(), "at once");
        wait([outer.clone()]).await;
        assert!(outer.cancelled());

        let inner = event_loop.create_future::<()>();
        let outer = create_task(inner.clone().into_future());
        turn().await;
        inner.cancel();
        wait([outer.clone()]).await;
        assert!(outer.cancelled());
        assert_eq!(outer.cancelling(), 0, "nobody asked the task itself");
    });
}

/// M6.19: the inner one finishes its exit before the outer one ends.
#[test]
fn a_cancel_goes_down_a_chain_of_tasks_and_the_innermost_ends_first() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let named = |name: &'static str| Room { log: said.clone(), name };
        let inner = create_task(with(named("inner"), async |_| pending().await));
        let middle = create_task(with(named("middle"), async |_| inner.await));
        let outer: Task<Result<(), &str>> =
            create_task(with(named("outer"), async |_| middle.await));
        turns(4).await;
        outer.cancel();
        assert_eq!(catch_cancel(outer).await, Err(Cancelled));
    });
    assert_eq!(
        log.take(),
        [
            "inner left, its body ended not at all",
            "middle left, its body ended not at all",
            "outer left, its body ended not at all"
        ]
    );
}

/// M6.20
#[test]
fn a_shielded_task_goes_on_when_who_awaits_it_is_cancelled() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let log = said.clone();
        let inner = create_task(async move {
            sleep(10 * MS).await;
            log.say("inner done");
            "r"
        });
        let (shielded, log) = (inner.clone(), said.clone());
        let outer = create_task(async move {
            if catch_cancel(shield(shielded)).await.is_err() {
                log.say("outer cancelled");
            }
        });
        turns(2).await;
        outer.cancel();
        outer.await;
        said.say(inner.await);
    });
    assert_eq!(log.take(), ["outer cancelled", "inner done", "r"]);
}

/// M6.21
#[test]
fn wait_for_waits_for_the_cleanup_of_what_it_cancels() {
    let log = Log::default();
    let said = log.clone();
    let ((), took) = story(async move {
        let slow = finally(sleep(FAR), async || {
            sleep(5 * MS).await;
            said.say("cleanup");
        });
        assert_eq!(wait_for(slow, 10 * MS).await, Err(Elapsed));
        said.say("time out");
        assert_eq!(wait_for(after(1, "v"), 10 * MS).await, Ok("v"));
        let task = create_task(pending::<()>());
        assert_eq!(wait_for(task.clone(), MS).await, Err(Elapsed));
        assert!(task.cancelled(), "a task is cancelled, too");
    });
    assert_eq!(log.take(), ["cleanup", "time out"]);
    assert_eq!(took, 17 * MS);
}

/// M6.22
#[test]
fn a_timeout_is_an_error_at_its_own_edge_and_no_other() {
    story(async {
        let (outer, inner) =
            (Timeout::new(None), Timeout::new(get_running_loop().time() + MS));
        let ended = outer
            .over(async {
                let ended = inner.over(sleep(FAR)).await;
                assert_eq!(ended, Err(Elapsed));
                assert!(inner.expired() && !outer.expired());
                "inner"
            })
            .await;
        assert_eq!(ended, Ok("inner"));
        assert!(!outer.expired());
        assert_eq!(current_task().unwrap().cancelling(), 0);

        let ended = timeout(MS, timeout(FAR, pending::<()>())).await;
        assert_eq!(ended, Err(Elapsed), "the outer one");
        assert_eq!(timeout_at(None, after(1, 5)).await, Ok(5));
    });
}

/// M6.22: a timeout that is moved.
#[test]
fn a_timeout_can_be_moved_while_it_runs() {
    let ((), took) = story(async {
        let event_loop = get_running_loop();
        let start = event_loop.time();
        let timeout = Timeout::new(start + FAR);
        let ended = timeout
            .over(async {
                timeout.reschedule(start + 3 * MS);
                assert_eq!(timeout.when(), Some(start + 3 * MS));
                pending::<()>().await;
            })
            .await;
        assert_eq!(ended, Err(Elapsed));
        assert!(
            common::panic_of(|| {
                let mut again = Box::pin(timeout.over(async {}));
                let mut context =
                    std::task::Context::from_waker(std::task::Waker::noop());
                again.as_mut().poll(&mut context)
            })
            .contains("entered once")
        );
        assert_eq!(event_loop.reactor().timers(), 0);
    });
    assert_eq!(took, 3 * MS);
}

/// M6.22: a cancel of the task that comes with the timeout goes first.
#[test]
fn a_task_that_is_cancelled_in_a_timeout_that_expires_is_cancelled() {
    story(async {
        let task = create_task(async {
            let ended = timeout(
                MS,
                finally(pending::<()>(), async || {
                    current_task().unwrap().cancel();
                    turn().await;
                }),
            );
            ended.await
        });
        assert_eq!(catch_cancel(task).await, Err(Cancelled));
    });
}

/// M6.23
#[test]
fn gather_gives_results_in_order_and_the_first_error_at_once() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        assert_eq!(gather([after(2, "a"), after(1, "b")]).await, ["a", "b"]);

        let log = said.clone();
        let sibling = create_task(async move {
            sleep(5 * MS).await;
            log.say("sibling");
            Ok(())
        });
        let fails = create_task(after(1, Err("KeyError")));
        let gathered = try_gather([sibling.clone(), fails]).await;
        said.say(gathered.unwrap_err());
        assert_eq!(sibling.await, Ok(()));
        let good = try_gather([after(1, Ok::<_, ()>(1)), after(0, Ok(2))]).await;
        assert_eq!(good, Ok(vec![1, 2]));
    });
    assert_eq!(log.take(), ["KeyError", "sibling"]);
}

/// M6.23: a panic is raised at once, as an exception is.
#[test]
fn gather_panics_with_a_child_and_the_others_go_on() {
    story(async {
        let sibling = create_task(after(5, 1));
        let panics = create_task(async { panic!("child") });
        let gathered = caught(gather([sibling.clone(), panics])).await;
        assert_eq!(gathered, Err("child".to_owned()));
        assert_eq!(sibling.await, 1);
    });
}

/// M6.24
#[test]
fn gather_puts_exceptions_in_place_cancels_its_children_and_may_be_empty() {
    story(async {
        let cancelled = create_task(pending());
        let panics = create_task(async { panic!("KeyError") });
        cancelled.cancel();
        let mut each = gather_each([create_task(async { 1 }), panics, cancelled]).await;
        assert!(matches!(each.pop(), Some(Err(Exception::Cancelled))));
        assert!(matches!(each.pop(), Some(Err(Exception::Panicked(_)))));
        assert!(matches!(each.pop(), Some(Ok(1))));

        let tasks = [create_task(sleep(FAR)), create_task(sleep(FAR))];
        let gathering = gather(tasks.clone());
        turn().await;
        assert!(gathering.cancel());
        assert_eq!(catch_cancel(gathering.clone()).await, Err(Cancelled));
        assert!(tasks.iter().all(|task| task.cancelled()));
        assert!(!gathering.cancel());

        assert!(gather::<Promise<()>>([]).await.is_empty());
    });
}

/// M6.24: with `return_exceptions`, a `gather` waits for every child that it cancels. Without,
/// as in asyncio, the first one that is cancelled ends it.
#[test]
fn a_cancel_of_whoever_awaits_a_gather_goes_to_all_its_children() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let child = |name: &'static str, ms| {
            let log = said.clone();
            finally(sleep(FAR), async move || {
                sleep(ms * MS).await;
                log.say(name);
            })
        };
        let children = [create_task(child("slow", 2)), create_task(child("quick", 1))];
        let outer = create_task(async move { gather_each(children).await });
        turns(3).await;
        outer.cancel();
        assert!(catch_cancel(outer).await.is_err());
        said.say("outer");
    });
    assert_eq!(log.take(), ["quick", "slow", "outer"]);
}

/// M6.25
#[test]
fn wait_says_who_is_done_and_cancels_and_raises_nothing() {
    story(async {
        let (quick, slow) =
            (create_task(after(10, Ok(()))), create_task(after(5000, Ok(()))));
        let (done, pending) = wait([quick.clone(), slow.clone()]).first_completed().await;
        assert_eq!((done.len(), pending.len()), (1, 1));
        assert!(done[0].done() && !pending[0].done());

        let (done, pending) = wait([slow.clone()]).timeout(10 * MS).await;
        assert_eq!((done.len(), pending.len()), (0, 1));
        assert!(!slow.cancelled());

        let bad = create_task(after(1, Err("KeyError")));
        let (done, _) = wait([slow.clone(), quick, bad.clone()]).first_exception().await;
        assert_eq!(done.len(), 2, "one that went well does not end it");
        assert_eq!(bad.await, Err("KeyError"), "nothing was taken");

        let nothing = common::panic_of(|| wait::<Task<()>>([]));
        assert!(nothing.contains("nothing to wait for"), "{nothing}");
        slow.cancel();
        let (done, _) = wait([slow]).await;
        assert!(done[0].cancelled(), "nor raised");
    });
}

/// M6.26
#[test]
fn as_completed_gives_results_as_they_come() {
    story(async {
        let mut results = as_completed([after(30, "slow"), after(10, "fast")]);
        assert_eq!(results.next().await, Some("fast"));
        assert_eq!(results.next().await, Some("slow"));
        assert_eq!(results.next().await, None);

        let slow = create_task(sleep(FAR));
        let mut results = as_completed([slow.clone()]);
        assert_eq!(timeout(10 * MS, results.next()).await, Err(Elapsed));
        assert!(!slow.done());
        slow.cancel();
        assert_eq!(catch_cancel(results.next()).await, Err(Cancelled));
    });
}

/// M6.27
#[test]
fn an_error_in_a_group_cancels_the_siblings_and_the_body_and_comes_after_all() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let log = said.clone();
        let ended = task_group(async |group| {
            let sibling = log.clone();
            group.create_task(async move {
                finally(sleep(FAR), async || sibling.say("sibling cancelled")).await;
                Ok(())
            });
            group.create_task(async {
                turn().await;
                Err::<(), _>("KeyError")
            });
            finally(sleep(FAR), async || log.say("body cancelled")).await;
            Ok(())
        });
        let errors = ended.await.unwrap_err();
        assert_eq!(errors, ExceptionGroup { exceptions: vec!["KeyError"] });

        let value = task_group(async |group| {
            Ok::<_, ()>(group.create_task(async { Ok(after(10, "v").await) }))
        });
        let task = value.await.unwrap();
        assert!(task.done(), "nobody leaves before");
        assert_eq!(task.await, Some("v"));
        assert_eq!(current_task().unwrap().cancelling(), 0);
    });
    let mut said = log.take();
    said.sort();
    assert_eq!(said, ["body cancelled", "sibling cancelled"]);
}

/// M6.28
#[test]
fn a_group_collects_all_errors_and_passes_a_cancel_on() {
    story(async {
        let ended = task_group(async |group| {
            for error in ["KeyError", "ValueError"] {
                group.create_task(async move {
                    let slept: Result<(), Cancelled> = catch_cancel(sleep(FAR)).await;
                    slept.map_err(|Cancelled| error)
                });
            }
            turn().await;
            Err::<(), _>("RuntimeError")
        });
        let errors = ended.await.unwrap_err().exceptions;
        assert_eq!(errors, ["RuntimeError", "KeyError", "ValueError"]);

        let (child, seen) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
        let (found, seen_too) = (Rc::clone(&child), Rc::clone(&seen));
        let outer = create_task(async move {
            let ended = task_group(async |group| {
                found.set(Some(group.create_task(after(1000, Ok::<_, ()>(())))));
                Ok(())
            });
            let ended = ended.await;
            seen_too.set(Some(ended.is_ok()));
        });
        turns(3).await;
        outer.cancel();
        assert_eq!(catch_cancel(outer).await, Err(Cancelled));
        assert!(child.take().unwrap().cancelled());
        assert_eq!(seen.get(), None, "the group was no error, it was left");
    });
}

/// What trio's nursery does as well: `g6trio.out`, T5.
#[test]
fn nobody_starts_a_task_in_a_group_that_everybody_has_left() {
    story(async {
        let kept = Rc::new(Cell::new(None));
        let keep = Rc::clone(&kept);
        let ended = task_group(async |group| {
            keep.set(Some(group.clone()));
            Ok::<_, ()>(())
        });
        ended.await.unwrap();
        let group = kept.take().unwrap();
        let panic = common::panic_of(|| group.create_task(async { Ok(()) }));
        assert!(panic.contains("the task group is finished"), "{panic}");
    });
}

#[test]
fn a_group_panics_as_its_child_did_after_everybody_is_done() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let ended = task_group(async |group| {
            let log = said.clone();
            group.create_task(async move {
                finally(sleep(FAR), async || log.say("sibling cancelled")).await;
                Ok::<_, ()>(())
            });
            group.create_task::<()>(async { panic!("child") });
            pending::<()>().await;
            Ok(())
        });
        let panic = caught(ended).await.unwrap_err();
        said.say(panic);
    });
    assert_eq!(log.take(), ["sibling cancelled", "child"]);
}

/// M6.29
#[test]
fn a_cancel_that_was_caught_can_be_taken_back_and_the_count_never_goes_below_none() {
    story(async {
        let task = current_task().unwrap();
        task.cancel();
        task.cancel();
        assert_eq!(task.cancelling(), 2);
        assert_eq!(catch_cancel(sleep(Duration::ZERO)).await, Err(Cancelled));
        assert_eq!([task.uncancel(), task.uncancel(), task.uncancel()], [1, 0, 0]);
        sleep(Duration::ZERO).await;
    });
}

/// Whoever is asked to stop and is not polled (the loser of a `select` that somebody keeps) does
/// not eat the request: the catcher around it takes it.
#[test]
fn a_catcher_that_is_kept_and_not_polled_does_not_eat_a_cancel() {
    story(async {
        let task = create_task(async {
            let mut kept = Box::pin(catch_cancel(pending::<()>()));
            catch_cancel(async {
                assert!(poll_once(kept.as_mut()).await.is_pending());
                sleep(FAR).await;
            })
            .await
        });
        turn().await;
        task.cancel();
        assert_eq!(timeout(MS, task).await, Ok(Err(Cancelled)));
    });
}

/// asyncio's cancel is one edge, where trio's is a level: `g6trio.out`, T2.
#[test]
fn one_cancel_is_caught_once() {
    story(async {
        let task = create_task(async {
            let mut caught = Vec::new();
            for n in 0..3 {
                if catch_cancel(turns(3)).await.is_err() {
                    caught.push(n);
                }
            }
            caught
        });
        turns(2).await;
        task.cancel();
        assert_eq!(task.await, [0]);
    });
}

#[test]
fn tasks_have_names_and_the_loop_knows_them_all() {
    story(async {
        let main = current_task().unwrap();
        assert!(main.get_name().starts_with("Task-"), "{main:?}");
        let (one, two) = (create_task(async {}).named("one"), create_task(async {}));
        two.erased().set_name("two");
        let names: Vec<_> = all_tasks().iter().map(AnyTask::get_name).collect();
        assert_eq!(names, [main.get_name(), "one".to_owned(), "two".to_owned()]);
        assert!(one.erased().created_at().contains("tests/tasks.rs:"));
        one.await;
        two.await;
        assert_eq!(all_tasks(), [main]);
    });
}

/// PEP 567: `test_task_basics`, "context is copied".
#[test]
fn a_task_has_a_copy_of_its_creators_variables() {
    thread_local! {
        static USER: ContextVar<&'static str> = ContextVar::new("user");
    }
    let get = || USER.with(ContextVar::get).map(|it| *it);
    let set = |name| USER.with(|user| user.set(name));
    story(async move {
        assert_eq!(get(), None);
        drop(set("outer"));
        let task = create_task(async move {
            assert_eq!(get(), Some("outer"));
            drop(set("task's own"));
            turn().await;
            get()
        });
        drop(set("changed since"));
        assert_eq!(task.await, Some("task's own"));
        assert_eq!(get(), Some("changed since"));

        let token = set("for a while");
        USER.with(|user| user.reset(token));
        assert_eq!(get(), Some("changed since"));

        let mut context = copy_context();
        context.run(|| drop(set("inside")));
        assert_eq!(get(), Some("changed since"));
        assert_eq!(context.run(get), Some("inside"));

        let seen = get_running_loop().create_future();
        let tell = seen.clone();
        get_running_loop().call_soon(move || tell.set_result(get()).unwrap());
        drop(set("later"));
        assert_eq!(seen.await, Some("changed since"), "a callback has a copy, too");
    });
    assert_eq!(get(), None);
}

/// 3.12, `asyncio.eager_task_factory`.
#[test]
fn an_eager_task_takes_its_first_step_at_once() {
    story(async {
        let ready = eager_task(async { current_task().unwrap().get_name() });
        assert!(ready.done());
        assert_ne!(ready.await, current_task().unwrap().get_name());
        let waits = eager_task(after(1, 2));
        assert!(!waits.done());
        assert_eq!(waits.await, 2);
    });
}

#[test]
fn a_task_cannot_await_itself() {
    story(async {
        let itself = Rc::new(Cell::new(None::<Task<()>>));
        let found = Rc::clone(&itself);
        let task = create_task(async move { found.take().unwrap().await });
        itself.set(Some(task.clone()));
        let panic = caught(task).await.unwrap_err();
        assert!(panic.contains("cannot await itself"), "{panic}");
    });
}

/// A waker may be anywhere, and outlive its task.
#[test]
fn a_task_is_woken_from_another_thread_also_after_its_end() {
    let woken = stage5_asyncio::run(async {
        let mut thread = None;
        let mut polls = 0;
        std::future::poll_fn(|context| {
            polls += 1;
            if polls == 1 {
                let waker = context.waker().clone();
                thread = Some(thread::spawn(move || {
                    waker.wake_by_ref();
                    waker
                }));
                return std::task::Poll::Pending;
            }
            std::task::Poll::Ready(())
        })
        .await;
        thread.unwrap().join().unwrap()
    });
    woken.unwrap().wake();
}

/// Ten thousand tasks that wait for one another, one after the other: flat on the stack.
#[test]
fn a_long_chain_of_tasks_is_cancelled_and_awaited_without_recursion() {
    let (ended, _) = ending(async {
        let mut last = create_task(pending::<()>());
        let first = last.clone();
        for _ in 0..1_000 {
            let before = last;
            last = create_task(async move { before.await });
        }
        turns(3).await;
        last.cancel();
        assert_eq!(catch_cancel(last).await, Err(Cancelled));
        assert!(first.cancelled());
        assert!(reports().take().is_empty());
    });
    ended.unwrap();
}
