//! The semaphore: first come, first served, and nothing is lost when somebody gives up.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::future::Cancelled;
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::time::sleep;
use stage3_yield_from::{Coroutine, Failure, Task, coroutine, run, spawn, yield_from};

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

type Log = Rc<RefCell<Vec<&'static str>>>;

/// A task that wants a permit, writes down when it has one, and keeps it for a millisecond.
fn wants(permits: &Semaphore, log: &Log, name: &'static str) -> Task<()> {
    let (permits, log) = (permits.clone(), Rc::clone(log));
    spawn(coroutine(async move {
        let _permit = yield_from(permits.acquire()).await?;
        log.borrow_mut().push(name);
        yield_from(sleep(Duration::from_millis(1))).await
    }))
}

#[test]
fn no_more_are_inside_than_there_are_permits() {
    let most = Rc::new(Cell::new(0));
    let peak = Rc::clone(&most);
    play(async move {
        let permits = Semaphore::new(3);
        let inside = Rc::new(Cell::new(0));
        let visit = |n: u64| -> Coroutine<()> {
            let (permits, inside, peak) =
                (permits.clone(), Rc::clone(&inside), Rc::clone(&peak));
            coroutine(async move {
                let _permit = yield_from(permits.acquire()).await?;
                inside.set(inside.get() + 1);
                peak.set(peak.get().max(inside.get()));
                yield_from(sleep(Duration::from_millis(n % 4))).await?;
                inside.set(inside.get() - 1);
                Ok(())
            })
        };
        let visits: Vec<_> = (0..20).map(|n| spawn(visit(n))).collect();
        for visit in visits {
            yield_from(&visit).await?;
        }
        Ok(())
    });
    assert_eq!(most.get(), 3);
}

/// M6.41, for a semaphore of one.
#[test]
fn who_waited_longest_is_served_first_and_who_gave_up_is_passed_over() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let permits = Semaphore::new(1);
        let held = yield_from(permits.acquire()).await?;
        let [a, b, c] = ["a", "b", "c"].map(|name| wants(&permits, &said, name));
        turn().await?;
        a.cancel();
        drop(held);
        assert!(yield_from(&a).await.unwrap_err().is::<Cancelled>());
        yield_from(&b).await?;
        yield_from(&c).await
    });
    assert_eq!(*log.borrow(), ["b", "c"]);
}

#[test]
fn a_permit_that_was_handed_over_too_late_goes_to_the_next() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let permits = Semaphore::new(1);
        let held = yield_from(permits.acquire()).await?;
        let [a, b] = ["a", "b"].map(|name| wants(&permits, &said, name));
        turn().await?;
        drop(held);
        a.cancel();
        assert!(yield_from(&a).await.unwrap_err().is::<Cancelled>());
        yield_from(&b).await
    });
    assert_eq!(*log.borrow(), ["b"]);
}

#[test]
fn nobody_overtakes_those_who_wait() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let permits = Semaphore::new(1);
        let held = yield_from(permits.acquire()).await?;
        let first = wants(&permits, &said, "first");
        turn().await?;
        drop(held);
        let late = wants(&permits, &said, "late");
        yield_from(&late).await?;
        yield_from(&first).await
    });
    assert_eq!(*log.borrow(), ["first", "late"]);
}

/// With more than two: those who leave, from anywhere, leave the others in order.
#[test]
fn whoever_gives_up_in_the_middle_is_passed_over_and_the_others_keep_their_order() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let permits = Semaphore::new(1);
        let held = yield_from(permits.acquire()).await?;
        let tasks =
            ["a", "b", "c", "d", "e", "f"].map(|name| wants(&permits, &said, name));
        turn().await?;
        for index in [3, 1, 2] {
            tasks[index].cancel();
        }
        turn().await?;
        let late = wants(&permits, &said, "late");
        turn().await?;
        drop(held);
        yield_from(&late).await?;
        assert!([1, 2, 3].iter().all(|index| tasks[*index].cancelled()));
        Ok(())
    });
    assert_eq!(*log.borrow(), ["a", "e", "f", "late"]);
}

/// Two permits are two: each is handed on once.
#[test]
fn permits_that_come_back_at_once_go_to_one_waiter_each() {
    let log = Log::default();
    let said = Rc::clone(&log);
    play(async move {
        let permits = Semaphore::new(2);
        let held =
            [yield_from(permits.acquire()).await?, yield_from(permits.acquire()).await?];
        let tasks = ["a", "b", "c"].map(|name| wants(&permits, &said, name));
        turn().await?;
        drop(held);
        turn().await?;
        assert_eq!(*said.borrow(), ["a", "b"]);
        for task in tasks {
            yield_from(&task).await?;
        }
        Ok(())
    });
    assert_eq!(*log.borrow(), ["a", "b", "c"]);
}

#[test]
fn a_permit_comes_back_when_its_task_fails() {
    play(async {
        let permits = Semaphore::new(1);
        let inner = permits.clone();
        let fails = spawn(coroutine::<()>(async move {
            let _permit = yield_from(inner.acquire()).await?;
            Err(Cancelled.into())
        }));
        assert!(yield_from(&fails).await.is_err());
        drop(yield_from(permits.acquire()).await?);
        Ok(())
    });
}
