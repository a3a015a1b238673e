//! Many at once: all of them, the first of them, those of a set or of a group; and what becomes
//! of the others.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::{pending, ready};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use common::{
    FAR, Finally, Log, MS, caught, ending, never, poll_once, reports, say, scope, story,
    turn,
};
use stage4_async_await::cancel::{Manager, with};
use stage4_async_await::extras::cancel_token::CancelToken;
use stage4_async_await::extras::interval::{Interval, Missed};
use stage4_async_await::extras::join_set::JoinSet;
use stage4_async_await::extras::outcome::JoinError;
use stage4_async_await::extras::race::{Either, race, select};
use stage4_async_await::extras::shield::shield;
use stage4_async_await::extras::task_group::TaskGroup;
use stage4_async_await::extras::together::{gather, join, try_gather};
use stage4_async_await::spawn;
use stage4_async_await::time::{Elapsed, sleep, timeout};

/// Ends after `millis`, with that.
async fn nap(millis: u32) -> u32 {
    sleep(millis * MS).await;
    millis
}

/// The same, and says so.
async fn says(log: Log, millis: u32) -> Result<u32, u32> {
    nap(millis).await;
    say(&log, &millis.to_string());
    Ok(millis)
}

type Part<'a> = Pin<Box<dyn Future<Output = Result<(), &'static str>> + 'a>>;

/// Leaves for a millisecond, however it ends; never ends by itself.
async fn leaves(log: &Log, name: &'static str) -> Result<(), &'static str> {
    with(scope(log, name), async |_| never().await).await
}

fn left(name: &str) -> String {
    format!("{name} left, its body ended not at all")
}

// Together

/// M6.23, M6.24: all at once, the outputs in the order of the arguments.
#[test]
fn all_are_gathered_in_the_order_of_the_arguments() {
    let (outputs, took) = story(async {
        let all = gather([3, 1, 2].map(nap)).await;
        let none = gather(Vec::<std::future::Ready<u8>>::new()).await;
        (all, none, join(nap(5), async { "now" }).await)
    });
    assert_eq!(outputs, (vec![3, 1, 2], vec![], (5, "now")));
    assert_eq!(took, 8 * MS);
}

/// M6.24: errors in their places, like any output.
#[test]
fn errors_are_gathered_in_their_places() {
    let fails = async |millis| {
        nap(millis).await;
        if millis == 1 { Err("one") } else { Ok(millis) }
    };
    let (all, took) = story(gather([2, 1, 3].map(fails)));
    assert_eq!(all, [Ok(2), Err("one"), Ok(3)]);
    assert_eq!(took, 3 * MS);
}

/// M6.23, where to end is to drop: the first error ends the others, and waits for their exits.
#[test]
fn the_first_error_ends_those_that_are_gathered() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = story(async move {
        let parts: [Part<'_>; 3] = [
            Box::pin(leaves(&said, "one")),
            Box::pin(async {
                nap(2).await;
                Err("two")
            }),
            Box::pin(leaves(&said, "three")),
        ];
        let ended = try_gather(parts).await;
        say(&said, "it is over");
        ended
    });
    assert_eq!(ended, Err("two"));
    let log = log.take();
    assert_eq!((&*log[1], &*log[3]), (&*left("one"), &*left("three")));
    assert_eq!(log[4], "it is over");
    assert_eq!(took, 4 * MS);
}

/// M6.23 as asyncio has it: the others are tasks, and go on.
#[test]
fn tasks_that_are_gathered_go_on_after_an_error() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = story(async move {
        let tasks = [3, 1, 2].map(|millis| {
            let said = Rc::clone(&said);
            spawn(async move {
                let ended = says(said, millis).await;
                if millis == 1 { Err(1) } else { ended }
            })
        });
        let ended = try_gather(tasks).await;
        say(&said, "it failed");
        nap(3).await;
        ended
    });
    assert_eq!(ended, Err(1));
    assert_eq!(log.take(), ["1", "it failed", "2", "3"]);
    assert_eq!(took, 4 * MS);
}

/// M6.24: a cancel reaches each of them.
#[test]
fn a_cancel_of_what_gathers_reaches_all() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(async move {
            gather(["one", "two"].map(|name| leaves(&inside, name))).await
        });
        turn().await;
        assert!(task.cancel().await.is_none());
        say(&said, "it is over");
    });
    let log = log.take();
    assert_eq!(log[1], left("one"));
    assert_eq!(log[3..], [left("two"), "it is over".to_owned()]);
}

/// Nobody is polled again that is done, and nobody that is not is forgotten.
#[test]
fn whoever_is_done_is_not_polled_again() {
    let polls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&polls);
    story(async move {
        let one = async move {
            counted.set(counted.get() + 1);
        };
        join(one, gather([1, 2, 3].map(nap))).await;
    });
    assert_eq!(polls.get(), 1);
}

// Apart

/// The loser is dropped, and its exit awaited, before the winner counts.
#[test]
fn the_exits_of_the_losers_come_before_the_winner() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (won, took) = story(async move {
        let won = select(leaves(&said, "left"), nap(2)).await;
        say(&said, "won");
        let also = race(["one", "two", "three"].map(|name| {
            timeout(if name == "two" { MS } else { FAR }, leaves(&said, name))
        }))
        .await;
        (won, also)
    });
    assert_eq!(won, (Either::Right(2), (1, Err(Elapsed))));
    let log = log.take();
    assert_eq!(log[1..3], [left("left"), "won".to_owned()]);
    let after: Vec<_> = log.iter().skip(3).filter(|it| it.contains("left,")).collect();
    assert_eq!(after, [&left("two"), &left("one"), &left("three")]);
    // Each exit takes one, and each waits for the one before.
    assert_eq!(took, 2 * MS + MS + MS + 3 * MS);
}

#[test]
fn of_those_that_are_ready_the_first_has_won() {
    story(async {
        assert_eq!(select(ready(1), ready(2)).await, Either::Left(1));
        assert_eq!(race([ready(1), ready(2)]).await, (0, 1));
        assert_eq!(race([1, 1, 1].map(nap)).await, (0, 1));
    });
}

/// M6.25: whoever is raced by reference is not cancelled, if it loses.
#[test]
fn a_loser_by_reference_goes_on() {
    let (slow, took) = story(async {
        let mut slow = spawn(nap(3));
        assert_eq!(select(&mut slow, nap(1)).await, Either::Right(1));
        assert!(matches!(race([&mut slow, &mut spawn(nap(1))]).await, (1, 1)));
        slow.await
    });
    assert_eq!((slow, took), (3, 3 * MS));
}

#[test]
fn a_race_of_nobody_is_refused() {
    let (told, _) = story(caught(race(Vec::<std::future::Ready<()>>::new())));
    assert!(told.unwrap_err().contains("nobody"));
}

/// Cancelled while it awaits the losers' exits: they are the task's to await.
#[test]
fn the_exits_of_the_losers_go_on_after_a_cancel() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(async move { select(leaves(&inside, "it"), nap(1)).await });
        sleep(MS + MS / 2).await;
        assert_eq!(task.cancel().await, None);
        say(&said, "it is over");
    });
    assert_eq!(log.take()[1..], [left("it"), "it is over".to_owned()]);
    assert_eq!(took, 2 * MS);
}

/// M6.20: whoever awaits it is cancelled, and it runs to its end.
#[test]
fn what_is_shielded_runs_to_its_end() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = story(async move {
        let ended = timeout(MS, shield(says(Rc::clone(&said), 2))).await;
        say(&said, "the time was up");
        nap(2).await;
        ended
    });
    assert_eq!(ended, Err(Elapsed));
    assert_eq!(log.take(), ["the time was up", "2"]);
    assert_eq!(took, 3 * MS);
}

// Handles

#[test]
fn an_abort_handle_cancels_while_somebody_else_awaits() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (outcome, took) = story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(async move { leaves(&inside, "it").await });
        let remote = task.abort_handle();
        drop(spawn(async move {
            nap(1).await;
            remote.abort();
            remote.abort();
        }));
        let outcome = task.outcome().await;
        say(&said, "it is over");
        outcome
    });
    assert!(matches!(outcome, Err(JoinError::Cancelled)));
    assert_eq!(log.take()[1..], [left("it"), "it is over".to_owned()]);
    assert_eq!(took, 2 * MS);
}

/// M6.16: cancelled before its first step, a body never runs. M6.10: of one that has ended,
/// nothing comes of it.
#[test]
fn an_abort_before_the_first_step_or_after_the_last() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let task = spawn(says(said, 0));
        task.abort_handle().abort();
        assert!(matches!(task.outcome().await, Err(JoinError::Cancelled)));
        let task = spawn(nap(0));
        let remote = task.abort_handle();
        nap(1).await;
        remote.abort();
        assert!(matches!(task.outcome().await, Ok(0)));
        remote.abort();
    });
    assert!(log.borrow().is_empty());
}

/// An abort handle keeps no output, and hides no panic.
#[test]
fn an_abort_handle_does_not_keep_what_a_task_leaves() {
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    story(async move {
        let guard = Finally(Rc::clone(&said), "dropped");
        let task = spawn(async move { guard });
        let bad = spawn(async { panic!("in the task") as () });
        let remotes = (task.abort_handle(), bad.abort_handle());
        drop((task, bad));
        nap(1).await;
        say(&said, "later");
        drop(remotes);
    });
    assert_eq!(log.take(), ["dropped", "later"]);
    assert_eq!(reported.take().len(), 1);
}

#[test]
fn an_outcome_tells_how_a_task_ended() {
    story(async {
        assert!(matches!(spawn(nap(1)).outcome().await, Ok(1)));
        let panics = spawn(async { panic!("no {}", 7) as () }).outcome().await;
        let panics = panics.unwrap_err();
        assert_eq!(panics.message(), Some("no 7"));
        assert_eq!(panics.to_string(), "the task panicked: no 7");
        let odd = spawn(async { std::panic::panic_any(7) as () }).outcome().await;
        assert_eq!(odd.unwrap_err().message(), None);
        let aborted = spawn(pending::<()>());
        aborted.abort_handle().abort();
        let told = caught(aborted).await.unwrap_err();
        assert!(told.contains("aborted"), "{told}");
    });
}

// Sets

/// M6.26: as they end, and not as they were started.
#[test]
fn a_set_gives_its_tasks_as_they_end() {
    let (order, took) = story(async {
        let mut set = JoinSet::new();
        for millis in [3, 1, 2] {
            set.spawn(nap(millis));
        }
        let mut order = Vec::new();
        while let Some(ended) = set.join_next().await {
            order.push(ended.unwrap());
            // More may come at any time.
            if order.len() == 1 {
                set.spawn(nap(4));
            }
        }
        assert!(set.is_empty());
        order
    });
    assert_eq!(order, [1, 2, 3, 4]);
    assert_eq!(took, 5 * MS);
}

/// Those that fail are told like the others, and those that panic harm nobody.
#[test]
fn a_set_tells_every_kind_of_end() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut set = JoinSet::new();
        let (one, two) = (Rc::clone(&said), Rc::clone(&said));
        let remote = set.spawn(async move { leaves(&one, "one").await });
        set.spawn(async { panic!("two") });
        set.spawn(async move { leaves(&two, "three").await });
        turn().await;
        remote.abort();
        let panicked = set.join_next().await.unwrap().unwrap_err();
        assert_eq!(panicked.message(), Some("two"));
        let aborted = set.join_next().await.unwrap().unwrap_err();
        assert!(matches!(aborted, JoinError::Cancelled));
        assert_eq!(said.borrow().last(), Some(&left("one")));
        assert_eq!(set.len(), 1);
        set.abort_all();
        let aborted = set.join_next().await.unwrap().unwrap_err();
        assert!(matches!(aborted, JoinError::Cancelled));
        assert_eq!(said.borrow().last(), Some(&left("three")));
        assert!(set.join_next().await.is_none());
    });
    assert_eq!(log.take().len(), 4);
}

#[test]
fn a_set_that_is_dropped_cancels_its_tasks() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let set = JoinSet::new();
        for name in ["one", "two"] {
            let said = Rc::clone(&said);
            set.spawn(async move { leaves(&said, name).await });
        }
        turn().await;
        drop(set);
        say(&said, "dropped");
        nap(2).await;
    });
    let log = log.take();
    assert_eq!(log[0], "dropped");
    assert_eq!(log[3..], [left("one"), left("two")]);
    assert_eq!(took, 2 * MS);
}

/// A wait for the next that is dropped, even when it was woken, has taken nothing.
#[test]
fn a_wait_for_the_next_of_a_set_loses_nothing() {
    let (order, _) = story(async {
        let mut set = JoinSet::new();
        set.spawn(nap(0));
        set.spawn(nap(1));
        {
            let mut next = pin!(set.join_next());
            assert!(poll_once(next.as_mut()).await.is_pending());
            assert!(poll_once(next.as_mut()).await.is_pending());
            turn().await;
            turn().await;
        }
        let moved = spawn(async move {
            let mut order = Vec::new();
            while let Some(ended) = set.join_next().await {
                order.push(ended.unwrap());
            }
            order
        });
        moved.await
    });
    assert_eq!(order, [0, 1]);
}

/// Each end costs the same: this many, asked one by one, would take hours.
#[test]
fn a_set_of_a_hundred_thousand_is_awaited_task_by_task() {
    const COUNT: u32 = 100_000;
    let polls = common::in_time(|| {
        let (polls, _) = story(async {
            let mut set = JoinSet::new();
            for number in 0..COUNT {
                set.spawn(nap(COUNT - number));
            }
            let polls = Cell::new(0);
            let mut ended = 0;
            loop {
                let mut next = pin!(set.join_next());
                let next = std::future::poll_fn(|context| {
                    polls.set(polls.get() + 1);
                    next.as_mut().poll(context)
                });
                let Some(output) = next.await else { break };
                ended += 1;
                assert_eq!(output.unwrap(), ended);
            }
            assert_eq!(ended, COUNT);
            polls.get()
        });
        polls
    });
    assert!(polls <= 2 * COUNT + 1, "{polls}");
}

// Groups

/// M6.27, T1: the group ends after its children, even those it does not await.
#[test]
fn children_do_not_outlive_their_group() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (value, took) = story(async move {
        let value = TaskGroup::run(async |group| {
            drop(group.spawn(says(Rc::clone(&said), 3)));
            let value = group.spawn(says(Rc::clone(&said), 1)).await;
            say(&said, "the body ends");
            Ok(value)
        });
        let value = value.await;
        say(&said, "the group ends");
        value
    });
    assert_eq!(value, Ok(Some(1)));
    assert_eq!(log.take(), ["1", "the body ends", "3", "the group ends"]);
    assert_eq!(took, 3 * MS);
}

/// A child may start others, also after the body has ended.
#[test]
fn a_child_may_start_others() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (value, took) = story(TaskGroup::run(async move |group| {
        let inside = group.clone();
        drop(group.spawn(async move {
            nap(1).await;
            drop(inside.spawn(says(said, 1)));
            Ok(())
        }));
        Ok("first")
    }));
    assert_eq!(value, Ok("first"));
    assert_eq!(log.take(), ["1"]);
    assert_eq!(took, 2 * MS);
}

/// M6.27: the first error cancels the others and the body, and waits for their exits. M6.28:
/// errors of the exits are told as well.
#[test]
fn the_first_error_of_a_child_cancels_the_rest() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = story(async move {
        let ended = TaskGroup::run(async |group| {
            let inside = Rc::clone(&said);
            drop(group.spawn(async move { leaves(&inside, "child").await }));
            let inside = Rc::clone(&said);
            drop(group.spawn(async move {
                nap(2).await;
                say(&inside, "fails");
                Err::<(), _>("two")
            }));
            leaves(&said, "body").await
        });
        let ended = ended.await;
        say(&said, "the group ends");
        ended
    });
    assert_eq!(ended.unwrap_err().into_vec(), ["two"]);
    let log = log.take();
    assert_eq!(log[0], "fails");
    assert!(log.contains(&left("child")) && log.contains(&left("body")), "{log:?}");
    assert_eq!(log.last().unwrap(), "the group ends");
    assert_eq!(took, 3 * MS);
}

/// M6.28: all errors, the body's with them, in the order in which they were made.
#[test]
fn the_errors_of_a_group_are_told_together() {
    let (ended, _) = story(TaskGroup::run(async |group| {
        for name in ["one", "two"] {
            drop(group.spawn::<()>(async move {
                turn().await;
                Err(name)
            }));
        }
        // Both have failed before the group looks.
        turn().await;
        turn().await;
        Err::<(), _>("body")
    }));
    let ended = ended.unwrap_err();
    assert_eq!(
        ended.to_string(),
        format!("{} failed in a task group: {}", ended.len(), ended.join("; "))
    );
    assert_eq!(ended.into_vec(), ["one", "two"]);

    let (ended, _) = story(TaskGroup::run(async |_| Err::<(), _>("body")));
    assert_eq!(*ended.unwrap_err(), ["body"]);
}

/// M6.28: whoever runs the group is cancelled, so the children are, and then it is over.
#[test]
fn the_children_of_a_group_that_is_cancelled_end_first() {
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    story(async move {
        let inside = Rc::clone(&said);
        let task = spawn(TaskGroup::run(async move |group| {
            let child = Rc::clone(&inside);
            drop(group.spawn(async move { leaves(&child, "child").await }));
            leaves(&inside, "body").await
        }));
        turn().await;
        turn().await;
        assert!(task.cancel().await.is_none());
        say(&said, "it is over");
    });
    let log = log.take();
    assert!(log.contains(&left("child")) && log.contains(&left("body")), "{log:?}");
    assert_eq!(log.last().unwrap(), "it is over");
    assert!(reported.borrow().is_empty(), "{reported:?}");
}

/// T1, and M6.48: the end of the loop waits for a group, and the group for its children.
#[test]
fn the_end_of_the_loop_ends_a_group_and_its_children() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        drop(spawn(TaskGroup::run(async move |group| {
            let child = Rc::clone(&said);
            drop(group.spawn(async move { leaves(&child, "child").await }));
            leaves(&said, "body").await
        })));
        turn().await;
        turn().await;
    });
    let log = log.take();
    assert!(log.contains(&left("child")) && log.contains(&left("body")), "{log:?}");
}

/// Starts a child when the group fails.
struct Late(TaskGroup<&'static str>, Log);

impl Drop for Late {
    fn drop(&mut self) {
        say(&self.1, "starts another");
        let said = Rc::clone(&self.1);
        let guard = self.0.clone();
        drop(self.0.spawn(async move {
            // One step it may take, since the group has not looked yet.
            let _guard = guard;
            turn().await;
            turn().await;
            say(&said, "and it ran");
            Ok(())
        }));
    }
}

/// As soon as something has failed, nobody new begins; and once it is over, nobody is taken.
#[test]
fn a_group_that_ends_starts_nobody() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let slot = Rc::new(Cell::new(None));
        let keep = Rc::clone(&slot);
        let ended = TaskGroup::run(async move |group: TaskGroup<&str>| {
            keep.set(Some(group.clone()));
            let late = Late(group.clone(), said);
            drop(group.spawn::<()>(async move {
                let _late = late;
                Err("it fails")
            }));
            never().await
        });
        assert_eq!(*ended.await.unwrap_err(), ["it fails"]);
        let group = slot.take().unwrap();
        let told = caught(async move { drop(group.spawn(async { Ok(()) })) }).await;
        assert!(told.unwrap_err().contains("over"));
    });
    assert_eq!(log.take(), ["starts another"]);
}

/// Starts a child that never ends, as it leaves.
struct Starts(TaskGroup<&'static str>);

impl Manager for Starts {
    type Error = &'static str;

    async fn enter(&mut self) -> Result<(), &'static str> {
        Ok(())
    }

    async fn exit(
        self,
        _: Option<Result<(), &&'static str>>,
    ) -> Result<(), &'static str> {
        let late = self.0.spawn(async { never().await });
        assert!(late.await.is_none());
        Ok(())
    }
}

/// In the middle of its end, by an exit of another child.
#[test]
fn a_child_that_comes_when_its_group_ends_is_cancelled() {
    let (ended, _) = story(TaskGroup::run(async |group| {
        let starts = Starts(group.clone());
        drop(group.spawn(async move { with(starts, async |_| never().await).await }));
        turn().await;
        Err::<(), _>("it fails")
    }));
    assert_eq!(*ended.unwrap_err(), ["it fails"]);
}

/// A panic of a child ends the group like an error, and is heard when the others have ended.
#[test]
fn a_group_panics_as_its_child_did() {
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    story(async move {
        let inside = Rc::clone(&said);
        let group = TaskGroup::run(async move |group| {
            drop(group.spawn(async move { leaves(&inside, "child").await }));
            for name in ["one", "two"] {
                drop(group.spawn::<()>(async move {
                    turn().await;
                    panic!("{name}")
                }));
            }
            never().await
        });
        assert_eq!(caught(group).await.unwrap_err(), "one");
        say(&said, "it is over");
    });
    assert_eq!(log.take()[1..], [left("child"), "it is over".to_owned()]);
    let told = reported.take();
    assert!(told.len() == 1 && told[0].ends_with(": two"), "{told:?}");
}

/// One child alone: no error, and no value.
#[test]
fn a_child_that_is_aborted_is_no_error() {
    let (ended, _) = story(TaskGroup::run(async |group| {
        let child = group.spawn(pending::<Result<u8, ()>>());
        child.abort();
        assert_eq!(child.await, None);
        drop(group.spawn(pending::<Result<u8, ()>>()));
        group.abort_all();
        Ok("fine")
    }));
    assert_eq!(ended, Ok("fine"));
}

/// A group in a group: the inner one's errors are an error of the outer one.
#[test]
fn groups_nest() {
    let (ended, took) = story(TaskGroup::run(async |outer| {
        drop(outer.spawn(TaskGroup::run(async |inner: TaskGroup<&str>| {
            drop(inner.spawn(pending::<Result<(), _>>()));
            nap(1).await;
            Err::<(), _>("inside")
        })));
        pending::<()>().await;
        Ok(())
    }));
    let ended = ended.unwrap_err().into_vec();
    assert_eq!(ended.len(), 1);
    assert_eq!(*ended[0], ["inside"]);
    assert_eq!(took, MS);
}

// Tokens

#[test]
fn a_token_cancels_what_comes_of_it_and_nothing_else() {
    let root = CancelToken::new();
    let (one, two) = (root.child(), root.child());
    let below = one.child();
    assert!(!below.is_cancelled());
    one.cancel();
    assert!(one.is_cancelled() && below.is_cancelled());
    assert!(!root.is_cancelled() && !two.is_cancelled());
    assert!(one.child().is_cancelled());
    // One whose middle nobody keeps is still reached.
    let deep = two.child().child().child();
    root.cancel();
    root.clone().cancel();
    assert!(two.is_cancelled() && deep.is_cancelled());
}

#[test]
fn what_runs_until_it_is_cancelled_leaves_first() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (ended, took) = story(async move {
        let token = CancelToken::new();
        let remote = token.clone();
        drop(spawn(async move {
            nap(1).await;
            remote.cancel();
        }));
        let ended = token.run_until_cancelled(leaves(&said, "it")).await;
        assert_eq!(token.child().run_until_cancelled(nap(1)).await, None);
        ended
    });
    assert_eq!(ended, None);
    assert_eq!(log.take()[1..], [left("it")]);
    assert_eq!(took, 2 * MS);
}

/// A hundred thousand deep, it does not recurse: cancelled from the top, or dropped from the
/// bottom. As wide, each leaves in one step.
#[test]
fn a_tree_of_tokens_may_be_deep_and_wide() {
    const COUNT: usize = 100_000;
    common::in_time(|| {
        for cancels in [true, false] {
            let root = CancelToken::new();
            let mut deep = root.clone();
            for _ in 0..COUNT {
                deep = deep.child();
            }
            let wide: Vec<_> = (0..COUNT).map(|_| root.child()).collect();
            if cancels {
                root.cancel();
                assert!(
                    deep.is_cancelled() && wide.iter().all(CancelToken::is_cancelled)
                );
            }
            drop(wide);
            drop(root);
            drop(deep);
        }
    });
}

// Intervals

/// The ticks of an interval whose first one is followed by a long pause: when they come, and
/// what each tells.
fn ticks(missed: Missed) -> Vec<(Duration, u32)> {
    let clock = reactor::backend::Clockwork::new();
    let time = Rc::clone(&clock);
    let body = async move {
        let mut interval = Interval::new(20 * MS).on_missed(missed);
        let mut ticks = Vec::new();
        for number in 0..5 {
            let left_out = interval.tick().await;
            ticks.push((time.elapsed(), left_out));
            if number == 0 {
                nap(50).await;
            }
        }
        ticks
    };
    reactor::backend::scope(clock, || stage4_async_await::run(body)).unwrap()
}

#[test]
fn an_interval_says_what_becomes_of_missed_ticks() {
    let at = |ticks: [(u32, u32); 5]| ticks.map(|(at, missed)| (at * MS, missed));
    let skip = at([(0, 0), (60, 2), (80, 0), (100, 0), (120, 0)]);
    assert_eq!(ticks(Missed::Skip), skip);
    let burst = at([(0, 0), (50, 0), (50, 0), (60, 0), (80, 0)]);
    assert_eq!(ticks(Missed::Burst), burst);
    let delay = at([(0, 0), (50, 0), (70, 0), (90, 0), (110, 0)]);
    assert_eq!(ticks(Missed::Delay), delay);
}

/// A wait for a tick that is dropped has taken none, and makes nothing later.
#[test]
fn a_tick_that_is_cancelled_is_still_to_come() {
    let ((), took) = story(async {
        let mut interval = Interval::new(20 * MS);
        interval.tick().await;
        for _ in 0..3 {
            assert_eq!(timeout(5 * MS, interval.tick()).await, Err(Elapsed));
        }
        assert_eq!(interval.tick().await, 0);
    });
    assert_eq!(took, 20 * MS);
}

/// The second tick of the longest of all intervals is not at once, but never.
#[test]
fn an_interval_may_be_longer_than_time() {
    let ((), took) = story(async {
        let mut interval = Interval::new(Duration::MAX);
        interval.tick().await;
        assert_eq!(timeout(FAR, interval.tick()).await, Err(Elapsed));
    });
    assert_eq!(took, FAR);
}

// What a deadlock says

/// Whoever waits for something of these is named with it.
#[test]
fn a_deadlock_names_what_each_waits_for() {
    use stage4_async_await::extras::channel::{mpsc, oneshot};
    use stage4_async_await::extras::sync::{Barrier, Mutex};
    let (ended, _) = ending(async {
        let mutex: &Mutex<()> = Box::leak(Box::new(Mutex::new(())));
        let _held = mutex.lock().await;
        let (_sender, mut receiver) = mpsc::channel::<()>(1);
        let (_answer, waits) = oneshot::channel::<()>();
        let set = JoinSet::new();
        set.spawn(async move { drop(mutex.lock().await) });
        set.spawn(async move { assert!(receiver.recv().await.is_none()) });
        set.spawn(async { assert!(waits.await.is_ok()) });
        set.spawn(async { assert!(Barrier::new(2).wait().await.is_ok()) });
        join(pending::<()>(), async {
            let mut set = set;
            set.join_next().await;
        })
        .await;
    });
    let told = ended.unwrap_err().to_string();
    assert!(told.contains("5 tasks pending, 0 wakers outside"), "{told}");
    let names = [
        "a mutex",
        "a value from a channel",
        "an answer",
        "a barrier",
        "a task of a set",
    ];
    for name in names {
        assert!(told.contains(&format!("waits for {name}")), "{name}: {told}");
    }
}
