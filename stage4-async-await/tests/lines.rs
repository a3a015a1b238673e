//! A recording says at which line of the program a task waits: at the `.await`, not where
//! the future was made.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use reactor::trace::{self, What};
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

/// The lines at which somebody waits for something else than the clock.
fn waits(main: impl Future<Output = ()> + 'static) -> Vec<u32> {
    let record = || backend::scope(Clockwork::new(), || run(main));
    let (ran, recording) = trace::record(record);
    ran.unwrap();
    let main = recording.subjects[0].id;
    let waits = recording.events.iter().filter_map(|event| match event.what {
        What::Suspended(id, ..) if id == main => event.place,
        _ => None,
    });
    waits
        .map(|place| {
            assert_eq!(place.file(), file!());
            place.line()
        })
        .collect()
}

async fn nap() {
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn a_wait_for_a_task_is_at_the_line_that_awaits_it() {
    let lines = waits(async {
        let task = spawn(nap());
        let other = spawn(nap());
        task.await; // line 42
        other.cancel().await;
        spawn(nap()).cancel().await; // line 44
    });
    assert_eq!(lines, [42, 44]);
}

#[test]
fn a_wait_for_a_permit_is_at_the_line_that_asks_for_it() {
    let lines = waits(async {
        let one = Rc::new(Semaphore::new(1));
        let (other, permit) = (Rc::clone(&one), one.acquire().await);
        let task = spawn(async move {
            let _permit = other.acquire().await;
            nap().await;
        });
        drop(permit);
        nap().await; // it is the other's now
        let _permit = one.acquire().await; // line 60
        task.await;
    });
    assert!(lines.contains(&60), "{lines:?}");
}
