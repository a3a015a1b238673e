//! One suite: stage 5's own tests, not one line changed, on every loop and every engine.
//!
//! This program holds stage 5's tests. Run as they are, they run on the fast loop. One test more
//! starts the program again for each combination of loop and engine, and says how many behaviours
//! agree: `cargo test -p stage6-uvloop --test suite -- --nocapture agree`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "the figure is for people")]
#![allow(clippy::disallowed_methods, reason = "stage 5's tests may do what they do")]
#![allow(clippy::duplicate_mod, reason = "each of the files was a program of its own")]

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use stage5_asyncio::events::{self, AbstractEventLoop};
use stage5_asyncio::selector_events;
use stage6_uvloop::engine::Engine;

#[path = "../../stage5-asyncio/tests/deadlock.rs"]
mod deadlock;
#[path = "../../stage5-asyncio/tests/files.rs"]
mod files;
#[path = "../../stage5-asyncio/tests/generators.rs"]
mod generators;
#[path = "../../stage5-asyncio/tests/locks.rs"]
mod locks;
#[path = "../../stage5-asyncio/tests/loops.rs"]
mod loops;
#[path = "../../stage5-asyncio/tests/promises.rs"]
mod promises;
#[path = "../../stage5-asyncio/tests/random.rs"]
mod random;
#[path = "../../stage5-asyncio/tests/tasks.rs"]
mod tasks;
#[path = "../../stage5-asyncio/tests/world.rs"]
mod world;

/// Their texts, which say of each test what it shows.
const TEXTS: [(&str, &str); 9] = [
    ("deadlock", include_str!("../../stage5-asyncio/tests/deadlock.rs")),
    ("files", include_str!("../../stage5-asyncio/tests/files.rs")),
    ("generators", include_str!("../../stage5-asyncio/tests/generators.rs")),
    ("locks", include_str!("../../stage5-asyncio/tests/locks.rs")),
    ("loops", include_str!("../../stage5-asyncio/tests/loops.rs")),
    ("promises", include_str!("../../stage5-asyncio/tests/promises.rs")),
    ("random", include_str!("../../stage5-asyncio/tests/random.rs")),
    ("tasks", include_str!("../../stage5-asyncio/tests/tasks.rs")),
    ("world", include_str!("../../stage5-asyncio/tests/world.rs")),
];

/// Set for a process that is to run on one combination: `fast,uring`.
const COMBINATION: &str = "STAGE6_COMBINATION";

/// What runs and what waits.
const COMBINATIONS: [&str; 4] =
    ["asyncio,mio", "asyncio,uring", "fast,mio", "fast,uring"];

/// How many loops were opened so far.
static OPENED: AtomicUsize = AtomicUsize::new(0);

#[ctor::ctor(unsafe)]
fn before_all_tests() {
    let combination = env::var(COMBINATION);
    let (fast, uring) =
        combination.as_deref().unwrap_or("fast,mio").split_once(',').unwrap();
    events::install(if fast == "fast" { open_fast } else { open_usual });
    if uring == "uring" {
        reactor::backend::install(|| {
            Engine::Uring.open(|line| println!("SKIPPED: {line}"))
        });
    }
}

fn open_fast() -> io::Result<Box<dyn AbstractEventLoop>> {
    OPENED.fetch_add(1, Ordering::Relaxed);
    stage6_uvloop::open()
}

fn open_usual() -> io::Result<Box<dyn AbstractEventLoop>> {
    OPENED.fetch_add(1, Ordering::Relaxed);
    selector_events::open()
}

/// Or the suite shows nothing.
#[test]
fn a_loop_that_a_program_opens_is_of_the_kind_that_was_installed() {
    let before = OPENED.load(Ordering::Relaxed);
    stage5_asyncio::run(async {}).unwrap();
    assert!(OPENED.load(Ordering::Relaxed) > before);
}

/// The names of the tests that show a behaviour, by its id.
fn behaviours() -> BTreeMap<&'static str, Vec<String>> {
    let mut found = BTreeMap::<_, Vec<String>>::new();
    for (file, text) in TEXTS {
        let mut ids = BTreeSet::new();
        for line in text.lines() {
            if line.starts_with("///") {
                ids.extend(
                    line.split(|it: char| !it.is_alphanumeric() && it != '.').filter(
                        |it| {
                            it.starts_with(['M'])
                                && it.len() == 5
                                && it.as_bytes()[2] == b'.'
                        },
                    ),
                );
            } else if let Some(name) = line.strip_prefix("fn ") {
                let name = name.split('(').next().unwrap_or_default();
                for id in std::mem::take(&mut ids) {
                    found.entry(id).or_default().push(format!("{file}::{name}"));
                }
            } else if !line.starts_with("#[") {
                ids.clear();
            }
        }
    }
    found
}

/// The figure: uvloop's README says "99.(9)%".
#[test]
fn all_combinations_agree_on_every_behaviour() {
    if env::var_os(COMBINATION).is_some() {
        return;
    }
    let behaviours = behaviours();
    assert!(behaviours.len() > 50, "they are not found: {:?}", behaviours.keys());
    let mut failures = Vec::new();
    for combination in COMBINATIONS {
        let tests = Command::new(env::current_exe().unwrap())
            .args(["--skip", "all_combinations", "--nocapture", "--test-threads=2"])
            .env(COMBINATION, combination)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&tests.stdout);
        let failed: BTreeSet<_> = said.lines().filter_map(failed).collect();
        let disagrees = |(_, names): &(&&str, &Vec<String>)| {
            names.iter().any(|name| failed.contains(name.as_str()))
        };
        let lost: Vec<_> =
            behaviours.iter().filter(disagrees).map(|(id, _)| *id).collect();
        let all = behaviours.len();
        println!(
            "{combination:<14} {} of {all} behaviours agree {lost:?}",
            all - lost.len()
        );
        if !tests.status.success() {
            failures.push(format!("{combination}: {failed:?}\n{said}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// `test tasks::a_task_does ... FAILED`, at the end of the report: `    tasks::a_task_does`.
fn failed(line: &str) -> Option<&str> {
    let name = line.strip_prefix("    ")?;
    (name.contains("::") && !name.contains(' ')).then_some(name)
}
