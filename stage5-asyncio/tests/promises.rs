//! Futures that somebody sets, against what CPython's asyncio answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::{Log, caught, reports, story, turn, turns};
use stage5_asyncio::exceptions::{Cancelled, InvalidState};
use stage5_asyncio::futures::NoResult;
use stage5_asyncio::{catch_cancel, create_task, get_running_loop};

/// M6.10
#[test]
fn a_future_is_set_once_and_gives_its_result_when_it_has_one() {
    story(async {
        let set = get_running_loop().create_future();
        assert!(!set.done());
        assert_eq!(set.result(), Err(NoResult::InvalidState));
        assert_eq!(set.set_result(1), Ok(()));
        assert_eq!(set.result(), Ok(1));
        assert_eq!(set.result(), Ok(1), "again");
        assert_eq!(set.set_result(2), Err(InvalidState));
        assert!(!set.cancel());
        assert_eq!((set.done(), set.cancelled()), (true, false));

        let cancelled = get_running_loop().create_future();
        assert!(cancelled.cancel());
        assert!(!cancelled.cancel());
        assert!(cancelled.cancelled() && cancelled.done());
        assert_eq!(cancelled.result(), Err(NoResult::Cancelled));
        assert_eq!(cancelled.set_result(1), Err(InvalidState));

        let failed = get_running_loop().create_future::<Result<i32, &str>>();
        assert_eq!(failed.exception(), Err(NoResult::InvalidState));
        assert_eq!(failed.set_error("no"), Ok(()));
        assert_eq!(failed.exception(), Ok(Some("no")));
        assert_eq!(failed.result(), Ok(Err("no")));
    });
}

/// M6.11
#[test]
fn callbacks_are_called_in_order_and_never_inline() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let future = get_running_loop().create_future();
        for n in [1, 2] {
            let log = said.clone();
            future.add_done_callback(move |future| {
                log.say(format_args!("{n}: {:?}", future.result()));
            });
        }
        future.set_result(0).unwrap();
        said.say("after set");
        turn().await;
        let log = said.clone();
        future.add_done_callback(move |_| log.say("3"));
        said.say("after add");
        turn().await;
    });
    assert_eq!(log.take(), ["after set", "1: Ok(0)", "2: Ok(0)", "after add", "3"]);
}

/// M6.11: those who await and the callbacks stand in one line.
#[test]
fn a_task_that_waits_and_a_callback_are_told_in_the_order_in_which_they_asked() {
    let log = Log::default();
    let said = log.clone();
    story(async move {
        let future = get_running_loop().create_future();
        let (log, waited) = (said.clone(), future.clone());
        let task = create_task(async move {
            (&waited).await;
            log.say("task");
        });
        turn().await;
        let log = said.clone();
        future.add_done_callback(move |_| log.say("callback"));
        future.set_result(()).unwrap();
        task.await;
    });
    assert_eq!(log.take(), ["task", "callback"]);
}

/// M6.12: a token, since functions cannot be compared.
#[test]
fn a_callback_that_is_removed_is_not_called() {
    story(async {
        let (future, called) =
            (get_running_loop().create_future(), Rc::new(Cell::new(0)));
        let count = |called: &Rc<Cell<i32>>| {
            let called = Rc::clone(called);
            move |_: &_| called.set(called.get() + 1)
        };
        let first = future.add_done_callback(count(&called));
        future.add_done_callback(count(&called));
        assert!(future.remove_done_callback(first));
        assert!(!future.remove_done_callback(first));
        future.set_result(()).unwrap();
        turn().await;
        assert_eq!(called.get(), 1);
    });
}

/// M6.13
#[test]
fn an_error_that_nobody_hears_of_is_reported_and_one_that_somebody_heard_of_is_not() {
    story(async {
        let reports = reports();
        let event_loop = get_running_loop();
        event_loop.create_future::<Result<(), _>>().set_error("lost").unwrap();
        assert_eq!(
            reports.take(),
            [r#"An exception was never retrieved: Future: "lost""#]
        );

        let read = event_loop.create_future::<Result<(), _>>();
        read.set_error("read").unwrap();
        assert_eq!(read.exception(), Ok(Some("read")));
        drop(read);
        let awaited = event_loop.create_future::<Result<(), _>>();
        awaited.set_error("awaited").unwrap();
        assert_eq!(awaited.await, Err("awaited"));

        drop(create_task(async { panic!("a task's") }).named("t"));
        turns(2).await;
        let said = reports.take();
        assert!(said[0].starts_with("An exception was never retrieved: t "), "{said:?}");
        assert_eq!(said.len(), 1);

        let heard = create_task(async { panic!("heard") });
        assert_eq!(caught(heard).await, Err::<(), _>("heard".to_owned()));
        assert!(reports.take().is_empty());
    });
}

#[test]
fn a_result_is_taken_by_value_and_cloned_by_reference() {
    story(async {
        let future = get_running_loop().create_future();
        future.set_result("text".to_owned()).unwrap();
        assert_eq!((&future).await, "text");
        assert_eq!((&future).await, "text");
        assert_eq!(future.clone().await, "text");
        assert_eq!(future.result(), Err(NoResult::InvalidState), "it was taken");
        let again = caught(future).await.unwrap_err();
        assert!(again.contains("taken already"), "{again}");
    });
}

/// No value of the user's is cloned while anything is borrowed.
#[test]
fn a_clone_may_use_the_future_that_is_cloned() {
    #[derive(Debug)]
    struct Nosy(Rc<RefCell<Option<stage5_asyncio::futures::Future<Nosy>>>>);
    impl Clone for Nosy {
        fn clone(&self) -> Self {
            let future = self.0.borrow().clone().unwrap();
            assert!(future.done());
            assert!(!future.cancel());
            Self(Rc::clone(&self.0))
        }
    }
    story(async {
        let future = get_running_loop().create_future();
        let itself = Rc::new(RefCell::new(Some(future.clone())));
        future.set_result(Nosy(itself)).unwrap();
        let copy = (&future).await;
        copy.0.take();
    });
}

#[test]
fn a_task_sets_its_result_itself() {
    story(async {
        let task = create_task(async { 1 });
        let panic = common::panic_of(|| task.set_result(2));
        assert!(panic.contains("does not support set_result"), "{panic}");
        assert_eq!(task.await, 1);
    });
}

/// M6.19: who awaits a future that is cancelled is cancelled.
#[test]
fn a_cancelled_future_cancels_who_awaits_it() {
    story(async {
        let future = get_running_loop().create_future::<()>();
        future.cancel();
        assert_eq!(catch_cancel(&future).await, Err(Cancelled));
        assert_eq!(catch_cancel(future).await, Err(Cancelled));
    });
}
