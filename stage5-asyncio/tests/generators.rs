//! Asynchronous generators on this loop, against what CPython answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use common::{FAR, Log, MS, caught, story, turn, turns};
use stage5_asyncio::extras::async_generator::AsyncGenerator;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    Task, catch_cancel, create_task, finally, get_running_loop, new_event_loop, timeout,
};

/// Yields 1, 2, .. with a pause before each; its exit waits, too.
fn counter(log: &Log) -> AsyncGenerator<u32> {
    let log = log.clone();
    AsyncGenerator::new(async move |co| {
        let body = async {
            for n in 1.. {
                sleep(MS).await;
                co.yield_(n).await.unwrap();
            }
        };
        finally(body, async || {
            log.say("begins to close");
            sleep(MS).await;
            log.say("closed");
        })
        .await;
        Ok(())
    })
}

/// M5.17, M5.24: only the awaits reach the loop; and to stop asking closes nothing.
#[test]
fn a_generator_yields_and_awaits_and_goes_on_later() {
    let log = Log::default();
    let said = log.clone();
    let ((), took) = story(async move {
        let mut counter = counter(&said);
        assert_eq!(counter.next().await, Ok(Some(1)));
        sleep(10 * MS).await;
        assert!(said.take().is_empty(), "it stands");
        assert_eq!(counter.next().await, Ok(Some(2)));
        counter.close().await;
    });
    assert_eq!(took, 13 * MS);
    assert_eq!(log.take(), ["begins to close", "closed"]);
}

/// M5.18, M5.19
#[test]
fn a_value_is_what_the_yield_gives_and_an_error_too() {
    story(async {
        let mut echo = AsyncGenerator::<String, u32, &str>::new(async |co| {
            let mut answer = co.yield_("ready".to_owned()).await;
            loop {
                turn().await;
                answer = match answer {
                    Ok(n) => co.yield_(format!("got {n}")).await,
                    Err("ignore") => co.yield_("ignored".to_owned()).await,
                    Err(other) => return Err(other),
                };
            }
        });
        assert_eq!(echo.next().await, Ok(Some("ready".to_owned())));
        assert_eq!(echo.send(5).await, Ok(Some("got 5".to_owned())));
        assert_eq!(echo.throw("ignore").await, Ok(Some("ignored".to_owned())));
        assert_eq!(echo.throw("stop").await, Err("stop"));
        assert_eq!(echo.send(6).await, Ok(None));
    });
}

/// M5.20, M5.21
#[test]
fn closing_awaits_what_the_body_has_in_a_finally_once_and_an_unstarted_one_runs_nothing()
{
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let mut started = counter(&said);
        started.next().await.unwrap();
        started.close().await;
        assert_eq!(said.take(), ["begins to close", "closed"]);
        started.close().await;
        assert_eq!(started.next().await, Ok(None));
        counter(&said).close().await;
        drop(counter(&said));
    });
    assert!(log.take().is_empty());
}

/// M5.22
#[test]
fn a_body_that_yields_as_it_is_closed_is_told_that_nobody_asks() {
    story(async {
        let mut stubborn = AsyncGenerator::<u32>::new(async |co| {
            let pauses = async {
                co.yield_(1).await.unwrap();
            };
            finally(pauses, async || co.yield_(2).await.unwrap()).await;
            Ok(())
        });
        assert_eq!(stubborn.next().await, Ok(Some(1)));
        let panic = caught(stubborn.close()).await.unwrap_err();
        assert!(panic.contains("cannot yield any"), "{panic}");
    });
}

/// M5.25
#[test]
fn generators_that_are_left_over_are_closed_at_the_end_of_the_loop_or_by_a_task() {
    let (log, kept) = (Log::default(), Rc::new(RefCell::new(None)));
    let (said, keep) = (log.clone(), Rc::clone(&kept));
    story(async move {
        let mut counter = counter(&said);
        counter.next().await.unwrap();
        keep.replace(Some(counter));
    });
    assert_eq!(log.take(), ["begins to close", "closed"]);
    drop(kept.take());

    let said = log.clone();
    story(async move {
        let mut dropped = counter(&said);
        dropped.next().await.unwrap();
        drop(dropped);
        sleep(10 * MS).await;
        assert_eq!(said.take(), ["begins to close", "closed"], "by a task of its own");
    });
}

/// M5.25: where there is no loop any more, nothing can be awaited.
#[test]
fn a_generator_that_outlives_its_loop_is_dropped_where_it_stands() {
    let (event_loop, log) = (new_event_loop().unwrap(), Log::default());
    let mut counter = counter(&log);
    let first = event_loop.run_until_complete(async move {
        let first = counter.next().await.unwrap();
        (first, counter)
    });
    let (first, counter) = first.unwrap();
    assert_eq!(first, Some(1));
    event_loop.close();
    drop(counter);
    assert!(log.take().is_empty());
}

/// M5.27: a cancel of whoever waits for an item goes through the body.
#[test]
fn a_cancel_of_whoever_waits_for_an_item_ends_the_body_first() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let inner = said.clone();
        let task: Task<()> = create_task(async move {
            let mut slow = AsyncGenerator::<u32>::new(async move |_| {
                finally(sleep(FAR), async || {
                    turn().await;
                    inner.say("body");
                })
                .await;
                Ok(())
            });
            if catch_cancel(slow.next()).await.is_err() {
                assert_eq!(slow.next().await, Ok(None), "it is over");
            }
        });
        turns(3).await;
        task.cancel();
        task.await;
        said.say("task");

        let mut counter = counter(&said);
        assert!(timeout(MS / 2, counter.next()).await.is_err());
        assert_eq!(said.take(), ["body", "task", "begins to close", "closed"]);
        get_running_loop().shutdown_asyncgens().await;
    });
    assert!(log.take().is_empty());
}
