//! What a recording says of a task: what it waits for, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::future::pending;

use common::{FAR, MS, reports, story};
use reactor::trace::{self, Id, Kind, Recording, Thing, What};
use stage4_async_await::spawn;
use stage4_async_await::time::{sleep, timeout};

/// The task that runs a function of that name.
fn task(recording: &Recording, name: &str) -> Id {
    let is_it = |it: &&trace::Subject| it.name.as_deref() == Some(name);
    let mut found = recording.subjects.iter().filter(|it| it.kind == Kind::Task);
    found.find(is_it).unwrap().id
}

/// How a task ended, and how often.
fn ends(recording: &Recording, name: &str) -> Vec<&'static str> {
    let of = task(recording, name);
    let end = |what| match what {
        What::Finished(id) if id == of => Some("finished"),
        What::Cancelled(id) if id == of => Some("cancelled"),
        What::Panicked(id) if id == of => Some("panicked"),
        _ => None,
    };
    recording.events.iter().filter_map(|event| end(event.what)).collect()
}

/// Ways for a task to end.
mod ways {
    use super::*;

    pub(super) async fn finishes() {
        sleep(MS).await;
    }

    pub(super) async fn is_cancelled() {
        pending::<()>().await;
    }

    #[expect(clippy::unused_async, reason = "it is a body like the others")]
    pub(super) async fn never_begins() {}

    pub(super) async fn is_left() {
        sleep(FAR).await;
    }

    pub(super) async fn panics() {
        sleep(MS).await;
        panic!("in the middle");
    }

    pub(super) async fn ends_in_every_way() {
        spawn(never_begins()).cancel().await;
        let (given_up, panics) = (spawn(is_cancelled()), spawn(panics()));
        drop(spawn(is_left()));
        timeout(2 * MS, spawn(finishes())).await.unwrap();
        given_up.cancel().await;
        drop(panics);
    }
}

#[test]
fn a_task_ends_once_and_as_it_did() {
    let reported = reports();
    let (_, recording) = trace::record(|| story(ways::ends_in_every_way()));
    for name in ["finishes", "ends_in_every_way"] {
        assert_eq!(ends(&recording, name), ["finished"], "{name}");
    }
    for name in ["is_cancelled", "never_begins", "is_left"] {
        assert_eq!(ends(&recording, name), ["cancelled"], "{name}");
    }
    assert_eq!(ends(&recording, "panics"), ["panicked"]);
    assert_eq!(reported.borrow().len(), 1);
}

/// Whoever awaits a handle waits for that task, and not for another.
#[test]
fn a_wait_for_a_task_is_for_that_one() {
    async fn awaits() {
        let (first, second) = (spawn(ways::finishes()), spawn(ways::is_left()));
        first.await;
        drop(second);
    }
    let (_, recording) = trace::record(|| story(awaits()));
    let (main, sleeper) = (task(&recording, "awaits"), task(&recording, "finishes"));
    let waits = recording.events.iter().filter_map(|event| match event.what {
        What::Suspended(id, on, _) if id == main => Some(on),
        _ => None,
    });
    assert_eq!(waits.collect::<Vec<_>>(), [Some(Thing::Subject(sleeper))]);
}
