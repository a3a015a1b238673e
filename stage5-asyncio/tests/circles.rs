//! A cancel goes down a line of tasks of any length, and round a circle of them once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use common::{story, turns};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::{Task, create_task};

/// Where a task finds one that is created after it.
type Later = Rc<RefCell<Option<Task<()>>>>;

async fn await_later(other: Later) {
    let other = other.borrow().clone().unwrap();
    (&other).await;
}

async fn await_(other: Task<()>) {
    (&other).await;
}

#[test]
fn whoever_cancels_one_of_a_circle_ends_all_of_it() {
    for cancelled in 0..3 {
        story(async move {
            let last = Later::default();
            let first = create_task(await_later(Rc::clone(&last)));
            let second = create_task(await_(first.clone()));
            let third = create_task(await_(second.clone()));
            last.replace(Some(third.clone()));
            turns(3).await;
            let tasks = [first, second, third];
            assert!(tasks.iter().all(|task| !task.done()));
            assert!(tasks[cancelled].cancel());
            turns(8).await;
            assert!(tasks.iter().all(|task| task.cancelled()), "{tasks:?}");
            assert!(tasks.iter().all(|task| task.cancelling() == 1), "once for each");
            last.take();
        });
    }
}

#[test]
fn a_circle_may_go_through_a_gather() {
    story(async {
        let last = Later::default();
        let first = create_task(await_later(Rc::clone(&last)));
        let both = [first.clone(), create_task(pending())];
        let second = create_task(async move { drop(gather(both).await) });
        last.replace(Some(second.clone()));
        turns(3).await;
        assert!(first.cancel());
        turns(8).await;
        assert!(first.cancelled() && second.cancelled());
        last.take();
    });
}

#[test]
fn a_line_of_tasks_is_cancelled_without_recursion() {
    const TASKS: usize = 100_000;
    story(async {
        let innermost = create_task(pending());
        let mut outermost = innermost.clone();
        for _ in 1..TASKS {
            outermost = create_task(await_(outermost));
        }
        turns(2).await;
        assert!(outermost.cancel());
        while !outermost.done() {
            turns(1).await;
        }
        assert!(innermost.cancelled() && outermost.cancelled());
    });
}
