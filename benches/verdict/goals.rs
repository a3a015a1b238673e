//! What the stages were to reach when they were planned, and whether they do. Who misses a goal
//! has had two attempts at it; the decision record says what stands in the way.

use crate::results::Results;
use crate::stats::{Beyond, Summary};
use crate::table::number;

/// A figure of our own that is to be reached: this, divided by that, at the most.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) above: &'static str,
    /// Empty: the figure itself is meant.
    pub(crate) below: &'static str,
    pub(crate) at_most: f64,
    /// The record that tells of it, in `docs/adr`.
    pub(crate) adr: u8,
}

/// What became of it.
enum Outcome {
    Met(Beyond, f64),
    Missed(Beyond, f64),
    /// In a quick run, in one that was interrupted, or not on this system.
    NotMeasured,
}

/// A part of the work, and what it was to reach.
pub(crate) type Part = (&'static str, &'static [Goal]);

const fn ratio(
    what: &'static str,
    above: &'static str,
    below: &'static str,
    at_most: f64,
    adr: u8,
) -> Goal {
    Goal { what, above, below, at_most, adr }
}

const fn figure(what: &'static str, above: &'static str, at_most: f64, adr: u8) -> Goal {
    Goal { what, above, below: "", at_most, adr }
}

pub(crate) const GOALS: &[Part] = &[
    ("Callbacks, greenlets, generators", OLDER),
    ("async/await, against tokio", LANGUAGE),
    ("asyncio", TOOLBOX),
    ("uvloop", ENGINE),
];

const OLDER: &[Goal] = &[
    figure("Deferred: make, callback, fire, drop: ns", "call-deferred", 75.0, 22),
    figure("its allocations", "call-deferred-allocations", 5.0, 20),
    figure("each further link of it: ns", "call-deferred-link", 40.0, 20),
    figure("its allocations", "call-deferred-link-allocations", 2.5, 20),
    ratio(
        "call_soon and its turn / a plain queue of closures",
        "tasks-call-soon-callbacks",
        "tasks-call-soon-queue",
        1.5,
        21,
    ),
    ratio(
        "100,000 timers, set and cancel / tokio's",
        "timers-called-off-reactor",
        "timers-called-off-tokio",
        0.25,
        22,
    ),
    ratio(
        "100,000 timers, set and fire / tokio's",
        "timers-fired-reactor",
        "timers-fired-tokio",
        0.7,
        22,
    ),
    figure("inline_callbacks, a deferred that has fired: ns", "call-generator", 50.0, 22),
    figure("its allocations", "call-generator-allocations", 2.0, 22),
    figure("resume of a trampoline, 1 deep: ns", "depth-trampoline-1", 25.0, 22),
    figure("the same, 1,000 deep: ns", "depth-trampoline-1000", 25.0, 22),
    figure("its allocations", "depth-trampoline-1-allocations", 0.0, 22),
    figure(
        "delegation by objects, 1,000 levels: ns",
        "depth-yield-from-1000",
        35_000.0,
        22,
    ),
    figure(
        "delegation through the door, 1,000 levels: ns",
        "depth-yield-from-door-1000",
        5_000.0,
        22,
    ),
    figure("greenlet: a switch and back, 1 deep: ns", "depth-greenlet-1", 6.0, 22),
    figure("the same, 1,000 deep: ns", "depth-greenlet-1000", 6.0, 22),
    figure("a parked greenlet: KiB", "task-greenlets", 8.0, 22),
    ratio(
        "echo at 64, instructions, callbacks / tokio's",
        "echo-64-callbacks-instructions",
        "echo-64-tokio-instructions",
        1.6,
        21,
    ),
    ratio(
        "the same, generators",
        "echo-64-generators-instructions",
        "echo-64-tokio-instructions",
        2.5,
        22,
    ),
    ratio(
        "the same, yield from",
        "echo-64-yield-from-instructions",
        "echo-64-tokio-instructions",
        2.0,
        22,
    ),
    ratio(
        "echo at 64, processor time, callbacks / mio by hand",
        "echo-64-callbacks",
        "echo-64-mio",
        1.1,
        21,
    ),
    ratio("the same, Deferreds", "echo-64-deferreds", "echo-64-mio", 1.1, 21),
    ratio("the same, greenlets", "echo-64-greenlets", "echo-64-mio", 1.1, 21),
    ratio("the same, generators", "echo-64-generators", "echo-64-mio", 1.1, 21),
    ratio("the same, yield from", "echo-64-yield-from", "echo-64-mio", 1.1, 21),
];

const LANGUAGE: &[Goal] = &[
    ratio(
        "an await that cannot be inlined / a call",
        "call-await",
        "call-function",
        2.2,
        40,
    ),
    ratio(
        "spawn and join, one",
        "tasks-spawn-async-await",
        "tasks-spawn-tokio-local-set",
        0.6,
        40,
    ),
    ratio(
        "spawn and join, of a thousand",
        "tasks-many-async-await",
        "tasks-many-tokio",
        0.65,
        40,
    ),
    ratio("yield", "tasks-yield-async-await", "tasks-yield-tokio", 0.4, 40),
    ratio(
        "a ball over tokio's channels",
        "tasks-shared-ball-async-await",
        "tasks-shared-ball-tokio",
        0.85,
        40,
    ),
    ratio(
        "a ball over channels of the loop",
        "tasks-local-ball-async-await",
        "tasks-local-ball-tokio",
        0.25,
        40,
    ),
    ratio(
        "set a timer and call it off",
        "tasks-called-off-async-await",
        "tasks-called-off-tokio",
        0.2,
        40,
    ),
    ratio(
        "sleeps, many at once",
        "tasks-sleeps-async-await",
        "tasks-sleeps-tokio",
        0.6,
        40,
    ),
    ratio(
        "a timeout around what is ready",
        "tasks-in-time-async-await",
        "tasks-in-time-tokio",
        0.25,
        40,
    ),
    ratio(
        "a timeout around a yield",
        "tasks-in-a-turn-async-await",
        "tasks-in-a-turn-tokio",
        0.6,
        40,
    ),
    ratio(
        "echo at 64, instructions",
        "echo-64-async-await-instructions",
        "echo-64-tokio-instructions",
        0.5,
        41,
    ),
    ratio("echo at 1, processor time", "echo-1-async-await", "echo-1-tokio", 1.0, 41),
    ratio("echo at 64, processor time", "echo-64-async-await", "echo-64-tokio", 1.0, 41),
    ratio(
        "echo at 1,000, processor time",
        "echo-1000-async-await",
        "echo-1000-tokio",
        1.0,
        41,
    ),
    ratio(
        "echo at 1, processor time, / mio by hand",
        "echo-1-async-await",
        "echo-1-mio",
        1.05,
        41,
    ),
    ratio(
        "echo at 64, processor time, / mio by hand",
        "echo-64-async-await",
        "echo-64-mio",
        1.05,
        41,
    ),
    ratio(
        "echo at 1,000, processor time, / mio by hand",
        "echo-1000-async-await",
        "echo-1000-mio",
        1.05,
        41,
    ),
    figure("system calls a request, 1 connection", "echo-1-async-await-calls", 3.0, 41),
    figure(
        "system calls a request, 64 connections",
        "echo-64-async-await-calls",
        2.04,
        41,
    ),
    ratio(
        "a parked task that holds 64 bytes",
        "holding-async-await",
        "holding-tokio",
        1.0,
        41,
    ),
    ratio("the same beside a sleep", "sleeping-async-await", "sleeping-tokio", 1.2, 41),
    ratio("one that holds 4 KiB", "holding4k-async-await", "holding4k-tokio", 1.05, 41),
    ratio(
        "an idle connection with a buffer of 4 KiB",
        "connection-async-await",
        "connection-tokio",
        1.1,
        41,
    ),
];

const TOOLBOX: &[Goal] = &[
    ratio(
        "echo at 64, instructions, streams / stage 4's",
        "echo-64-asyncio-instructions",
        "echo-64-async-await-instructions",
        3.0,
        46,
    ),
    ratio(
        "the same, protocols",
        "echo-64-asyncio-protocols-instructions",
        "echo-64-async-await-instructions",
        1.5,
        46,
    ),
    ratio(
        "echo at 64, processor time, streams / Python's on uvloop",
        "echo-64-asyncio",
        "python-echo-64-uvloop-streams",
        1.0,
        46,
    ),
    ratio(
        "the same, / Python's on asyncio",
        "echo-64-asyncio",
        "python-echo-64-asyncio-streams",
        0.3,
        46,
    ),
    ratio(
        "create_task and await / CPython's",
        "tasks-spawn-asyncio",
        "python-tasks-spawn-asyncio",
        0.15,
        46,
    ),
    figure("an idle connection: KiB", "connection-asyncio", 4.0, 46),
    figure("a turn beside a thread that computes, p99: µs", "turn-thread", 2_000.0, 46),
    figure("beside a process that computes", "turn-process", 2_000.0, 46),
    ratio(
        "debug mode, instructions of a task / without it",
        "tasks-spawn-asyncio-debug-instructions",
        "tasks-spawn-asyncio-instructions",
        2.0,
        46,
    ),
];

const ENGINE: &[Goal] = &[
    ratio(
        "spawn and join, one, light tasks / tokio's",
        "tasks-spawn-light",
        "tasks-spawn-tokio-local-set",
        0.15,
        58,
    ),
    ratio(
        "spawn and join, of a thousand, light tasks / tokio's",
        "tasks-many-light",
        "tasks-many-tokio",
        0.25,
        58,
    ),
    ratio(
        "yield, light tasks / tokio's",
        "tasks-yield-light",
        "tasks-yield-tokio",
        0.25,
        58,
    ),
    ratio(
        "a ball over channels of light tasks / tokio's",
        "tasks-local-ball-light",
        "tasks-local-ball-tokio",
        0.2,
        58,
    ),
    ratio(
        "a ball over tokio's channels, light tasks",
        "tasks-shared-ball-light",
        "tasks-shared-ball-tokio",
        0.7,
        58,
    ),
    ratio(
        "set a timer and call it off, light / tokio's",
        "tasks-called-off-light",
        "tasks-called-off-tokio",
        0.15,
        58,
    ),
    ratio(
        "sleeps, many at once, light tasks / tokio's",
        "tasks-sleeps-light",
        "tasks-sleeps-tokio",
        0.55,
        58,
    ),
    ratio(
        "a parked light task that holds 64 bytes / tokio's",
        "holding-light",
        "holding-tokio",
        0.6,
        58,
    ),
    ratio(
        "spawn and join, one, asyncio's tasks / tokio's",
        "tasks-spawn-uvloop",
        "tasks-spawn-tokio-local-set",
        0.15,
        43,
    ),
    ratio(
        "spawn and join, of a thousand, asyncio's tasks / tokio's",
        "tasks-many-uvloop",
        "tasks-many-tokio",
        0.25,
        43,
    ),
    ratio(
        "yield, asyncio's tasks / tokio's",
        "tasks-yield-uvloop",
        "tasks-yield-tokio",
        0.25,
        43,
    ),
    ratio(
        "a ball over channels of the loop, asyncio's tasks / tokio's",
        "tasks-local-ball-uvloop",
        "tasks-local-ball-tokio",
        0.2,
        43,
    ),
    ratio(
        "a ball over tokio's channels, asyncio's tasks",
        "tasks-shared-ball-uvloop",
        "tasks-shared-ball-tokio",
        0.7,
        43,
    ),
    ratio(
        "set a timer and call it off, asyncio's tasks / tokio's",
        "tasks-called-off-uvloop",
        "tasks-called-off-tokio",
        0.15,
        43,
    ),
    ratio(
        "sleeps, many at once, asyncio's tasks / tokio's",
        "tasks-sleeps-uvloop",
        "tasks-sleeps-tokio",
        0.55,
        43,
    ),
    figure(
        "system calls a request, 64 connections, on a ring",
        "echo-64-uvloop-uring-calls",
        0.05,
        48,
    ),
    ratio(
        "echo at 64, instructions, on a ring / tokio's",
        "echo-64-uvloop-uring-instructions",
        "echo-64-tokio-instructions",
        0.35,
        48,
    ),
    ratio(
        "echo at 1, processor time, on a ring / mio by hand",
        "echo-1-uvloop-uring",
        "echo-1-mio",
        1.0,
        48,
    ),
    ratio("the same, / a ring by hand", "echo-1-uvloop-uring", "echo-1-uring", 1.0, 48),
    ratio(
        "echo at 64, processor time, on a ring / mio by hand",
        "echo-64-uvloop-uring",
        "echo-64-mio",
        1.0,
        48,
    ),
    ratio("the same, / a ring by hand", "echo-64-uvloop-uring", "echo-64-uring", 1.0, 48),
    ratio(
        "echo at 1,000, processor time, on a ring / mio by hand",
        "echo-1000-uvloop-uring",
        "echo-1000-mio",
        1.0,
        48,
    ),
    ratio(
        "the same, / a ring by hand",
        "echo-1000-uvloop-uring",
        "echo-1000-uring",
        1.0,
        48,
    ),
    ratio(
        "10,000 small files, a ring / a pool of threads",
        "files-ring",
        "files-threads",
        0.5,
        47,
    ),
    ratio(
        "a parked task that holds 64 bytes, asyncio's tasks / tokio's",
        "holding-uvloop",
        "holding-tokio",
        0.6,
        43,
    ),
];

impl Goal {
    /// What became of it, and what to read where it was not met: two cells of a table.
    pub(crate) fn told(
        &self,
        results: &Results,
        counts: Option<&Results>,
    ) -> (String, String) {
        let adr = self.adr;
        match self.outcome(results, counts) {
            Outcome::Met(beyond, measured) => {
                (number(measured), format!("met{}", beyond.word()))
            }
            Outcome::Missed(beyond, measured) => {
                (number(measured), format!("missed{}: ADR {adr}", beyond.word()))
            }
            Outcome::NotMeasured => ("–".to_owned(), "not measured".to_owned()),
        }
    }

    /// What was measured says, or else what was counted.
    fn outcome(&self, results: &Results, counts: Option<&Results>) -> Outcome {
        let of = |results: &Results| match self.below {
            "" => results.row(self.above).map(|row| Summary {
                median: row.median,
                low: row.low,
                high: row.high,
            }),
            below => results.times(self.above, below),
        };
        let Some(measured) = of(results).or_else(|| of(counts?)) else {
            return Outcome::NotMeasured;
        };
        // To one percent: so finely nothing is known that is timed.
        let is_met = |figure| figure <= self.at_most * 1.01;
        let beyond = Beyond::of(is_met(measured.low) != is_met(measured.high));
        if is_met(measured.median) {
            Outcome::Met(beyond, measured.median)
        } else {
            Outcome::Missed(beyond, measured.median)
        }
    }
}
