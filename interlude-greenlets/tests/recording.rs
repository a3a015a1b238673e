//! What a recording tells of greenlets: how each ended, and what it waited for, where.

mod common;

use std::cell::RefCell;
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use common::{Log, in_time, ms, timed};
use interlude_greenlets::sync::Semaphore;
use interlude_greenlets::time::{sleep, timeout};
use interlude_greenlets::{Failure, GreenletExit, run, spawn};
use reactor::trace::{self, Id, Recording, Thing, What};

fn recorded<T: 'static>(main: impl FnOnce() -> T + 'static) -> Recording {
    trace::record(|| timed(main)).1
}

/// How the greenlet of that number ended, in a word.
fn end(recording: &Recording, number: u32) -> &'static str {
    let ends = recording.events.iter().filter_map(|event| match event.what {
        What::Finished(id) if id.number() == number => Some("finished"),
        What::Cancelled(id) if id.number() == number => Some("cancelled"),
        What::Panicked(id) if id.number() == number => Some("panicked"),
        _ => None,
    });
    let ends: Vec<_> = ends.collect();
    assert!(ends.len() <= 1, "greenlet {number} ended more than once: {ends:?}");
    ends.first().copied().unwrap_or("never")
}

/// What is told of one greenlet, and at which line of this file.
fn told(
    recording: &Recording,
    wanted: fn(What) -> Option<Id>,
    number: u32,
) -> Vec<(What, u32)> {
    let told = recording.events.iter().filter_map(|event| {
        let id = wanted(event.what)?;
        let here = event.place.filter(|place| place.file().ends_with("recording.rs"));
        (id.number() == number).then(|| (event.what, here.map_or(0, trace::Place::line)))
    });
    told.collect()
}

fn suspended(what: What) -> Option<Id> {
    if let What::Suspended(id, ..) = what { Some(id) } else { None }
}

fn woken(what: What) -> Option<Id> {
    if let What::Woken(id, _) = what { Some(id) } else { None }
}

#[test]
fn it_tells_who_finished_was_killed_and_panicked() {
    in_time(|| {
        Log::of_reports();
        let recording = recorded(|| {
            let killed = spawn(|| sleep(Duration::MAX)); // 2
            let unborn = spawn(|| ()); // 3
            unborn.kill();
            let panics = spawn(|| -> () { resume_unwind(Box::new("planted")) }); // 4
            let raises = spawn(|| -> () {
                resume_unwind(Box::new(Failure::from(std::fmt::Error)))
            }); // 5
            let exits =
                spawn(|| -> () { resume_unwind(Box::new(Failure::from(GreenletExit))) }); // 6
            let returns = spawn(|| timeout(ms(1), || sleep(ms(5)))); // 7
            let swallows = spawn(|| catch_unwind(|| sleep(ms(50))).is_err()); // 8
            drop(spawn(|| sleep(Duration::MAX))); // 9: left
            sleep(ms(2));
            killed.kill();
            swallows.kill();
            assert!(swallows.join().unwrap());
            drop((killed.join(), unborn.join(), panics.join(), raises.join()));
            drop((exits.join(), returns.join()));
            drop(spawn(|| ())); // 10: it never began
        });
        let ends: Vec<_> = (1..=10).map(|number| end(&recording, number)).collect();
        assert_eq!(
            ends,
            [
                "finished",
                "cancelled",
                "cancelled",
                "panicked",
                "panicked",
                "cancelled",
                "finished",
                "finished",
                "cancelled",
                "cancelled",
            ]
        );
    });
}

#[test]
fn it_tells_what_a_greenlet_waits_for_and_in_which_line() {
    let recording = recorded(|| {
        let child = spawn(|| sleep(ms(2)));
        child.join().unwrap(); // the join
        sleep(ms(1)); // the sleep
        let none = Rc::new(Semaphore::new(0));
        let _ = timeout(ms(1), || drop(none.acquire())); // the permit
    });
    let line = |mark: &str| {
        let mark = format!("// {mark}");
        let found =
            include_str!("recording.rs").lines().position(|it| it.ends_with(&mark));
        u32::try_from(found.expect("it is there") + 1).unwrap()
    };
    let waits = told(&recording, suspended, 1);
    let lines: Vec<_> = waits.iter().map(|(_, line)| *line).collect();
    assert_eq!(lines, ["the join", "the sleep", "the permit"].map(line));
    let on: Vec<_> = waits
        .iter()
        .map(|(what, _)| match what {
            What::Suspended(_, Some(Thing::Subject(id)), _) => {
                format!("greenlet {}", id.number())
            }
            What::Suspended(_, Some(Thing::Timer(_)), _) => "a timer".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(&on[..2], ["greenlet 2", "a timer"]);
}

#[test]
fn it_tells_who_woke_whom() {
    let recording = recorded(|| {
        let slots = Rc::new(Semaphore::new(1));
        let permit = slots.acquire();
        let theirs = Rc::clone(&slots);
        let waits = spawn(move || drop(theirs.acquire()));
        sleep(ms(1));
        drop(permit);
        waits.join().unwrap();
    });
    let by: Vec<_> = told(&recording, woken, 2)
        .into_iter()
        .filter_map(|(what, _)| match what {
            What::Woken(_, Thing::Subject(id)) => Some(id.number()),
            _ => None,
        })
        .collect();
    assert_eq!(by, [1, 1], "when it was spawned, and when it got its permit");
    let joined = told(&recording, woken, 1);
    assert!(
        matches!(joined.last(), Some((What::Woken(_, Thing::Subject(id)), _)) if id.number() == 2)
    );
}

#[test]
fn a_kill_of_one_that_never_began_does_not_tell_of_an_end_of_the_killer() {
    let recording = recorded(|| {
        let log = Rc::new(RefCell::new(0));
        let unborn = spawn(|| ());
        unborn.kill();
        *log.borrow_mut() += 1;
        sleep(ms(1));
    });
    assert_eq!(end(&recording, 1), "finished");
    assert_eq!(end(&recording, 2), "cancelled");
    assert!(run(|| ()).is_ok());
}
