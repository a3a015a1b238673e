//! The same scripts, told to CPython's asyncio and to this loop, event by event.
//!
//! Each module here is a script of `python/beside/`, line by line the same. What CPython said is
//! kept in `python/beside/recorded/`. Where we say something else, the table below says why.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "to skip is said aloud")]
#![allow(clippy::single_match_else, reason = "it reads as Python's `try` and `except`")]
#![allow(clippy::too_many_lines, reason = "a script is read from top to bottom")]

mod clock;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A script, and where the two loops differ.
struct Script {
    name: &'static str,
    ours: fn() -> Vec<String>,
    differences: &'static [Difference],
}

/// Some events in a row that are others here.
struct Difference {
    theirs: &'static [&'static str],
    ours: &'static [&'static str],
    because: &'static str,
}

macro_rules! scripts {
    (@play) => { clock::events };
    (@play sockets) => { clock::events_of_sockets };
    ($($name:ident $(($play:ident))?: [$($difference:expr),*];)*) => {
        $(mod $name;)*

        const SCRIPTS: &[Script] = &[$(
            Script {
                name: stringify!($name),
                ours: || scripts!(@play $($play)?)($name::main()),
                differences: &[$($difference),*],
            },
        )*];
    };
}

scripts! {
    callbacks: [
        Difference {
            theirs: &[
                "turn 2: from this thread, thread-safely",
                "turn 2: third",
                "turn 2: at a time that is past",
                "turn 2: later, but at once",
            ],
            ours: &[
                "turn 2: third",
                "turn 2: at a time that is past",
                "turn 2: later, but at once",
                "turn 2: from this thread, thread-safely",
            ],
            because: "There is one way in from other threads, and a loop hears what was left \
                there after it has slept, whoever left it. CPython puts it straight into the \
                queue, which its lock of the interpreter protects.",
        },
        Difference {
            theirs: &["turn 7: main ends"],
            ours: &["turn 6: main ends"],
            because: A_TIMER_WAKES_THE_TASK,
        }
    ];
    tasks_begin: [];
    futures_told: [];
    sleeps: [];
    cancels: [];
    cancel_races: [
        Difference {
            theirs: &[" 10 cancelled after was cancelled"],
            ours: &[" 10 cancelled after slept"],
            because: A_TIMER_WAKES_THE_TASK,
        }
    ];
    timeouts: [];
    groups: [
        Difference {
            theirs: &[" 53 raised: e, d, body"],
            ours: &[" 53 raised: body, e, d"],
            because: "A group lists errors in the order in which they came; CPython puts the \
                body's last.",
        }
    ];
    gathers: [];
    waits: [];
    shields: [];
    hand_over: [
        Difference {
            theirs: &[
                "  0 whoever comes later takes mine away",
                "  0 whoever waits got another",
            ],
            ours: &[
                "  0 whoever comes later takes nothing away",
                "  0 whoever waits got mine",
            ],
            because: "Whoever was woken for an item has a claim to it: nobody who comes later \
                takes it away. CPython's has to look again, and wait again.",
        }
    ];
    locks_pass: [];
    variables: [];
    ends: [];
    water_marks (sockets): [];
    streams_wait (sockets): [];
}

/// Why a sleep takes one turn less here.
const A_TIMER_WAKES_THE_TASK: &str = "A timer wakes the task that sleeps, in the turn in which \
    it is over. In CPython it sets a future's result, and that wakes the task: a turn later. So \
    a cancel in that turn still finds the task asleep there, and comes too late here.";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/beside")
}

/// What a CPython of that minor version said: the recording of its own, or of the last one
/// before it that said something new.
fn recorded(name: &str, minor: u32) -> Vec<String> {
    let file = |suffix| folder().join(format!("recorded/{name}{suffix}.txt"));
    let newer = (12..=minor).rev().map(|minor| file(format!(".3.{minor}")));
    let path = newer.chain([file(String::new())]).find(|path| path.exists()).unwrap();
    lines(&fs::read_to_string(path).unwrap())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

/// What CPython said, with everything that the table explains as it is here.
fn expected(script: &Script) -> Vec<String> {
    let mut events = recorded(script.name, 11);
    let mut from = 0;
    for Difference { theirs, ours, because } in script.differences {
        let rest = &events[from..];
        let at = rest.windows(theirs.len()).position(|events| events == *theirs);
        let name = script.name;
        let at = from + at.unwrap_or_else(|| panic!("{name}: no {theirs:?}: {because}"));
        let ours: Vec<_> = ours.iter().map(|event| (*event).to_owned()).collect();
        from = at + ours.len();
        events.splice(at..at + theirs.len(), ours);
    }
    events
}

/// Both, side by side, with a mark where they differ.
fn beside(theirs: &[String], ours: &[String]) -> String {
    let mut text = String::new();
    let line = |events: &[String], n: usize| events.get(n).cloned().unwrap_or_default();
    for n in 0..theirs.len().max(ours.len()) {
        let (theirs, ours) = (line(theirs, n), line(ours, n));
        let mark = if theirs == ours { ' ' } else { '!' };
        writeln!(text, "{mark} {theirs:<58} {ours}").unwrap();
    }
    text
}

/// M6.50
#[test]
fn every_event_is_cpythons_or_the_table_says_why_not() {
    let mut wrong = String::new();
    for script in SCRIPTS {
        let (theirs, ours) = (expected(script), (script.ours)());
        if theirs != ours {
            let beside = beside(&theirs, &ours);
            writeln!(wrong, "\n== {}, expected and ours\n{beside}", script.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn there_is_a_recording_for_every_script_and_a_script_for_every_recording() {
    let names = |folder: PathBuf, extension: &str| {
        let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
        let files =
            files.filter(|path| path.extension().is_some_and(|it| it == extension));
        let name = |path: PathBuf| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            name.split('.').next().unwrap().to_owned()
        };
        let mut names: Vec<_> = files.map(name).collect();
        names.sort();
        names.dedup();
        names.retain(|name| !["clock", "record"].contains(&&**name));
        names
    };
    let mut scripts: Vec<_> = SCRIPTS.iter().map(|script| script.name).collect();
    scripts.sort_unstable();
    assert_eq!(names(folder(), "py"), scripts);
    assert_eq!(names(folder().join("recorded"), "txt"), scripts);
}

/// The minor version of `python3`. `None`: there is none, or it is too old for the scripts.
fn minor() -> Option<u32> {
    let ask = "import sys; print(*sys.version_info[:2])";
    let output = Command::new("python3").args(["-c", ask]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    let minor = minor.parse().ok()?;
    (major == "3" && minor >= 11).then_some(minor)
}

#[test]
fn what_was_recorded_is_what_cpython_says() {
    let Some(minor) = minor() else {
        eprintln!(
            "SKIPPED: what was recorded, for want of a python3 that is 3.11 or newer"
        );
        return;
    };
    for Script { name, .. } in SCRIPTS {
        let script = folder().join(format!("{name}.py"));
        let output = Command::new("python3").arg("-B").arg(script).output().unwrap();
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {complaints}");
        let said = lines(&String::from_utf8(output.stdout).unwrap());
        let recorded = recorded(name, minor);
        let beside = beside(&recorded, &said);
        assert_eq!(recorded, said, "{name}, recorded and now\n{beside}");
    }
}
