//! What futures, tasks, generators and sockets say of themselves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use stage3_yield_from::coroutine::{Generator, Step};
use stage3_yield_from::extras::completed::as_completed;
use stage3_yield_from::extras::condition::Condition;
use stage3_yield_from::extras::lock::Lock;
use stage3_yield_from::extras::queue::Queue;
use stage3_yield_from::extras::tasks::current_task;
use stage3_yield_from::future::Cancelled;
use stage3_yield_from::time::{Elapsed, sleep};
use stage3_yield_from::{
    Failure, Future, call_later, coroutine, remote, run, spawn, yield_from,
};

#[test]
fn futures_and_tasks_say_whether_they_are_done() {
    run(coroutine(async {
        let future = Future::new();
        assert_eq!(format!("{future:?}"), "Future { done: false }");
        assert_eq!(format!("{:?}", future.erased()), "AnyFuture { done: false }");
        future.set_result(()).unwrap();
        assert_eq!(format!("{future:?}"), "Future { done: true }");
        assert_eq!(format!("{:?}", future.erased()), "AnyFuture { done: true }");
        let task = spawn(sleep(Duration::ZERO));
        assert_eq!(format!("{task:?}"), "Task { done: false }");
        yield_from(task.clone()).await?;
        assert_eq!(format!("{task:?}"), "Task { done: true }");
        let own = current_task().unwrap();
        assert_eq!(format!("{own:?}"), format!("AnyTask({:?})", own.name()));
        assert_eq!(format!("{:?}", remote()), "Remote { .. }");
        let call = call_later(Duration::from_hours(1), || ());
        assert!(!call.cancelled());
        call.cancel();
        assert!(call.cancelled());
        Ok(())
    }))
    .unwrap()
    .unwrap();
}

#[test]
fn what_is_there_and_what_is_still_to_come_is_counted() {
    let queue = Queue::new(2);
    queue.put_nowait('a').unwrap();
    assert_eq!(format!("{queue:?}"), "Queue { len: 1, .. }");
    run(coroutine(async {
        let mut all = as_completed([sleep(Duration::ZERO)], None);
        assert_eq!(format!("{all:?}"), "AsCompleted { left: 1, .. }");
        assert_eq!(all.len(), 1);
        yield_from(all.next().unwrap()).await?;
        assert_eq!(format!("{all:?}"), "AsCompleted { left: 0, .. }");
        assert_eq!((all.len(), all.size_hint()), (0, (0, Some(0))));
        Ok(())
    }))
    .unwrap()
    .unwrap();
}

/// It is the lock's: whoever has taken it there has it here.
#[test]
fn a_condition_is_locked_as_its_lock_is() {
    run(coroutine(async {
        let lock = Lock::new();
        let condition = Condition::new(lock.clone());
        assert!(!condition.locked());
        let guard = yield_from(lock.acquire()).await?;
        assert!(condition.locked());
        drop(guard);
        assert!(!condition.locked());
        Ok(())
    }))
    .unwrap()
    .unwrap();
}

/// Of what has no name, that is what there is to say.
#[test]
fn a_generator_says_in_a_message_where_it_stands() {
    let generator = Generator::<i32, (), String>::new(|co| async move {
        let standing = co.yield_(1);
        let told = format!("{co:?} {standing:?}");
        standing.await?;
        Ok(told)
    });
    assert_eq!(format!("{generator:?}"), "Generator { state: Created }");
    generator.start().unwrap();
    let told = "Iter(Generator { state: Suspended })";
    assert_eq!(format!("{:?}", generator.yields()), told);
    let Ok(Step::Return(said)) = generator.next() else { panic!("it goes on") };
    assert_eq!(said, "Co { .. } Yield { .. }");
}

#[test]
fn errors_say_what_went_wrong() {
    assert_eq!(Failure::from(Cancelled).to_string(), "cancelled");
    assert_eq!(format!("{:?}", Failure::from(Cancelled)), "Cancelled");
    assert_eq!(Elapsed.to_string(), "the time was up");
}
