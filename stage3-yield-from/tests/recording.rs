//! What a recording says of a task: who it is, what it waits for, in which line, and how it ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use reactor::backend::{self, Clockwork};
use reactor::trace::{self, Event, Id, Kind, Recording, Thing, What};
use stage3_yield_from::sync::Semaphore;
use stage3_yield_from::time::{sleep, timeout};
use stage3_yield_from::{Coroutine, Future, coroutine, run, spawn, yield_from};

const MS: Duration = Duration::from_millis(1);

fn record(main: fn() -> Coroutine<()>) -> Recording {
    let (ended, recording) =
        trace::record(|| backend::scope(Clockwork::new(), || run(main())));
    ended.unwrap().unwrap();
    recording
}

/// The task that runs a function of that name.
fn task(recording: &Recording, name: &str) -> Id {
    let is_it = |it: &&trace::Subject| it.name.as_deref() == Some(name);
    let mut found = recording.subjects.iter().filter(|it| it.kind == Kind::Task);
    found.find(is_it).unwrap().id
}

/// Where a line of this file is that ends with that comment.
fn line(comment: &str) -> u32 {
    let comment = format!("; // {comment}");
    let source = include_str!("recording.rs");
    let line = source.lines().position(|it| it.ends_with(&comment)).unwrap();
    u32::try_from(line).unwrap() + 1
}

/// On what a task waited, how many calls deep, and in which line, each time.
fn waits(recording: &Recording, of: Id) -> Vec<(Option<Thing>, u32, u32)> {
    let wait = |event: &Event| match event.what {
        What::Suspended(id, on, depth) if id == of => {
            let place = event.place.unwrap();
            assert_eq!(place.file(), file!());
            Some((on, depth, place.line()))
        }
        _ => None,
    };
    recording.events.iter().filter_map(wait).collect()
}

/// How a task ended, and how often.
fn ends(recording: &Recording, of: Id) -> Vec<What> {
    let is_end = |what: &What| {
        [What::Finished(of), What::Cancelled(of), What::Panicked(of)].contains(what)
    };
    recording.events.iter().map(|event| event.what).filter(is_end).collect()
}

#[test]
fn a_task_waits_for_something_in_a_line() {
    fn sleeps() -> Coroutine<()> {
        coroutine(async {
            yield_from(sleep(MS)).await?; // sleeps
            let calls = coroutine(async {
                yield_from(sleep(MS)).await?; // sleeps in a call
                Ok(())
            });
            yield_from(calls).await
        })
    }
    fn awaits() -> Coroutine<()> {
        coroutine(async {
            let task = spawn(sleeps());
            yield_from(&task).await?; // awaits the task
            let permits = Semaphore::new(1);
            let held = yield_from(permits.acquire()).await?;
            spawn(coroutine(async move {
                yield_from(sleep(MS)).await?;
                drop(held);
                Ok(())
            }));
            let permit = yield_from(permits.acquire()).await; // queues
            permit.map(drop)
        })
    }
    let recording = record(awaits);
    let (sleeper, main) = (task(&recording, "sleeps"), task(&recording, "awaits"));
    let [first, second] = waits(&recording, sleeper)[..] else {
        panic!("it waits twice")
    };
    assert!(matches!(first, (Some(Thing::Timer(_)), 2, _)), "{first:?}");
    assert_eq!(first.2, line("sleeps"));
    assert!(matches!(second, (Some(Thing::Timer(_)), 3, _)), "{second:?}");
    assert_eq!(second.2, line("sleeps in a call"));
    let waits = waits(&recording, main);
    let on_the_task = (Some(Thing::Subject(sleeper)), 1, line("awaits the task"));
    assert_eq!(waits, [on_the_task, (None, 2, line("queues"))]);
}

/// Ways for a task to end.
mod ways {
    use super::*;

    pub(super) fn finishes() -> Coroutine<()> {
        coroutine(async { yield_from(sleep(MS)).await })
    }

    pub(super) fn is_cancelled() -> Coroutine<()> {
        coroutine(async { yield_from(&Future::new()).await })
    }

    pub(super) fn returns_too_late() -> Coroutine<()> {
        coroutine(async {
            let _ = yield_from(sleep(Duration::from_hours(1))).await;
            Ok(())
        })
    }

    pub(super) fn never_begins() -> Coroutine<()> {
        coroutine(async { Ok(()) })
    }

    pub(super) fn panics() -> Coroutine<()> {
        coroutine(async {
            yield_from(sleep(MS)).await?;
            panic!("in the middle")
        })
    }

    pub(super) fn ends_in_every_way() -> Coroutine<()> {
        coroutine(async {
            let [given_up, late, fresh] =
                [is_cancelled(), returns_too_late(), never_begins()].map(spawn);
            fresh.cancel();
            let panics = spawn(panics());
            yield_from(timeout(2 * MS, finishes())).await?;
            given_up.cancel();
            late.cancel();
            yield_from(sleep(MS)).await?;
            assert!(given_up.cancelled() && !late.cancelled() && fresh.cancelled());
            assert!(panics.result().is_err());
            Ok(())
        })
    }
}

#[test]
fn a_task_ends_once_and_as_it_did() {
    let recording = record(ways::ends_in_every_way);
    let ends = |name| {
        let id = task(&recording, name);
        (id, ends(&recording, id))
    };
    for name in ["finishes", "returns_too_late", "ends_in_every_way"] {
        let (id, ends) = ends(name);
        assert_eq!(ends, [What::Finished(id)], "{name}");
    }
    for name in ["is_cancelled", "never_begins"] {
        let (id, ends) = ends(name);
        assert_eq!(ends, [What::Cancelled(id)], "{name}");
    }
    let (id, ends) = ends("panics");
    assert_eq!(ends, [What::Panicked(id)]);
}

/// The caller's line is that of the `timeout`, not one of ours.
#[test]
fn a_task_under_a_timeout_was_spawned_where_the_timeout_is() {
    fn quick() -> Coroutine<()> {
        coroutine(async { Ok(()) })
    }
    fn main() -> Coroutine<()> {
        coroutine(async {
            let limited = timeout(MS, quick()); // limits
            yield_from(limited).await
        })
    }
    let recording = record(main);
    let quick = task(&recording, "quick");
    let subject = recording.subjects.iter().find(|it| it.id == quick).unwrap();
    let place = subject.place.unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line("limits")));
}
