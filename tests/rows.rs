//! What the verdict measures, by the names of its rows: each goal has its figures, and each figure
//! is in the table. A name that is mistyped would be a goal that is never measured.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "a part of the bench is left out here")]
#![allow(clippy::format_push_string, reason = "as in the bench")]

#[path = "../stage5-asyncio/steps/busy.rs"]
#[allow(unreachable_pub, reason = "an example: its `main` is for running it")]
mod busy;
#[path = "../benches/verdict/cases.rs"]
mod cases;
#[path = "../benches/verdict/claims.rs"]
mod claims;
#[path = "../benches/verdict/clock.rs"]
mod clock;
#[path = "../benches/verdict/echo.rs"]
mod echo;
#[path = "../stage6-uvloop/examples/files.rs"]
#[allow(unreachable_pub, reason = "an example: its `main` is for running it")]
mod files;
#[path = "../benches/verdict/goals.rs"]
mod goals;
#[path = "../benches/verdict/load.rs"]
mod load;
#[path = "../benches/peers/loops.rs"]
mod loops;
#[path = "../benches/memory.rs"]
mod memory;
#[path = "../benches/peers/mio_echo.rs"]
mod mio_echo;
#[path = "../benches/peers/tasks.rs"]
mod peers;
#[path = "../benches/peers/protocol_echo.rs"]
mod protocol_echo;
#[path = "../benches/verdict/python.rs"]
mod python;
#[path = "../reactor/examples/echo.rs"]
#[allow(unreachable_pub, reason = "an example: its `main` is for running it")]
mod reactor_echo;
#[path = "../benches/verdict/results.rs"]
mod results;
#[path = "../benches/verdict/say.rs"]
mod say;
#[path = "../benches/peers/smol_echo.rs"]
mod smol_echo;
#[path = "../benches/verdict/stats.rs"]
mod stats;
#[path = "../benches/verdict/table.rs"]
mod table;
#[path = "../benches/peers/timers.rs"]
mod timers;
#[path = "../benches/verdict/turns.rs"]
mod turns;
#[path = "../benches/peers/uring_echo.rs"]
mod uring_echo;

use calls::Body;
use cases::Case;
use echo::Ticks;
use memory::tokio_echo;

/// How many connections the servers have, in the verdict and where it counts.
const CROWDS: [u64; 4] = [1, 64, 1_000, 10_000];

/// The rows that the verdict has wherever it can have all of them: but Python's, which say
/// themselves what they are.
fn measured() -> Vec<String> {
    let cases = cases::all().into_iter().map(|case| case.id);
    let echoes = CROWDS.into_iter().flat_map(|crowd| {
        echo::servers().map(move |(server, _)| format!("echo-{crowd}-{server}"))
    });
    let memory = memory::everything().into_iter().map(|kept| kept.id);
    let files = files::WAYS.iter().map(|(way, _)| format!("files-{way}"));
    let turns = turns::PLACES.into_iter().map(|(place, _)| format!("turn-{place}"));
    cases.chain(echoes).chain(memory).chain(files).chain(turns).collect()
}

/// Those of the counts.
fn counted() -> Vec<String> {
    let whats = ["instructions", "allocations", "atomics"];
    let each = move |id: String| whats.map(move |what| format!("{id}-{what}"));
    let cases = cases::counted().flat_map(|case| each(case.id));
    let servers = || echo::servers().map(|(server, _)| server);
    let echoes = CROWDS.into_iter().take(2).flat_map(move |crowd| {
        servers().flat_map(move |server| {
            let id = format!("echo-{crowd}-{server}");
            let calls = format!("{id}-calls");
            each(id).into_iter().chain([calls])
        })
    });
    cases.chain(echoes).collect()
}

#[test]
fn every_goal_is_of_figures_that_are_measured_or_counted() {
    let (measured, counted) = (measured(), counted());
    for (part, goals) in goals::GOALS {
        for goal in *goals {
            let ids = [goal.above, goal.below].into_iter().filter(|id| !id.is_empty());
            let ids: Vec<_> = ids.filter(|id| !id.starts_with("python-")).collect();
            let are_of =
                |rows: &[String]| ids.iter().all(|id| rows.iter().any(|row| row == id));
            // A ratio of a time and a count would be of two files.
            let is_there = are_of(&measured) || are_of(&counted);
            assert!(is_there, "{part}: {}: {ids:?}", goal.what);
        }
    }
}

#[test]
fn whatever_is_measured_is_in_the_table() {
    for id in measured() {
        let of = |question: &str| id.strip_prefix(question)?.strip_prefix('-');
        let is_shown =
            table::QUESTIONS.iter().any(|(question, _)| of(question).is_some());
        assert!(is_shown, "no question has the row {id}");
    }
}

#[test]
fn a_name_is_used_once() {
    let mut rows = measured();
    rows.extend(counted());
    rows.sort_unstable();
    let twice = rows.windows(2).find(|two| two[0] == two[1]);
    assert!(twice.is_none(), "{twice:?}");
}

/// Nothing is optimised away, and nothing left out.
#[test]
#[should_panic(expected = "q-lazy does other work")]
fn who_does_other_work_is_not_measured() {
    let lazy = Body { id: "lazy", label: "", run: |n| n - 1 };
    Case::of("q", &lazy, |n| n).sample(4);
}

/// A process may be called anything. Of its time, the kernel's share is known when the kernel has
/// found it at work often enough.
#[test]
fn the_kernels_share_is_told_when_it_is_no_guess() {
    let stat = |program: u32, kernel: u32| {
        format!("7 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 {program} {kernel} 13 14 15")
    };
    let before = Ticks::of(&stat(100, 50)).unwrap();
    let enough = Ticks::of(&stat(104, 52)).unwrap().since(before);
    assert_eq!(enough.kernels().map(|it| format!("{it:.3}")).as_deref(), Some("0.333"));
    let few = Ticks::of(&stat(104, 51)).unwrap().since(before);
    assert!(few.kernels().is_none());
    assert!(Ticks::of("7 (a) S 1 2").is_err());
}
