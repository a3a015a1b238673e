//! What was claimed, and what the figures say to it: two columns, since Rust's figure says
//! nothing about Python's claim.

use crate::results::Results;

/// What somebody said.
pub(crate) struct Claim {
    pub(crate) quote: &'static str,
    pub(crate) who: &'static str,
    /// What is divided by what.
    pub(crate) how: &'static str,
    /// Pairs of rows, Python's, without the name of the Python: a ratio each.
    python: &'static [(&'static str, &'static str)],
    /// The same of ours. Empty: there is nothing here to test it with.
    rust: &'static [(&'static str, &'static str)],
    /// Whether such a ratio is what was claimed.
    holds: fn(f64) -> bool,
}

/// What the figures say.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Holds(Vec<f64>),
    HoldsNot(Vec<f64>),
    CannotBeTested,
}

pub(crate) const CLAIMS: [Claim; 5] = [
    Claim {
        quote: "only ~2x slower than a function call",
        who: "the talk, 2016, of await",
        how: "await / function, one call; and in PEP 492's tree",
        python: &[("call-await", "call-function"), ("binary-await", "binary-function")],
        rust: &[
            ("call-await", "call-function"),
            ("binary-await-boxed", "binary-function"),
        ],
        holds: |times| times < 2.5,
    },
    Claim {
        quote: "10-100x faster than yield coroutines",
        who: "the talk, 2016, of await",
        how: "a generator under its framework / await, one call",
        python: &[("call-tornado", "call-await"), ("call-twisted", "call-await")],
        rust: &[("call-generator", "call-await"), ("call-trampoline", "call-await")],
        holds: |times| times >= 10.0,
    },
    Claim {
        quote: "no observable performance difference",
        who: "PEP 492, 2015, of await and yield from",
        how: "await / yield from, PEP 492's tree",
        python: &[("binary-await", "binary-yield-from")],
        rust: &[("binary-await-boxed", "binary-yield-from")],
        holds: |times| (0.9..1.1).contains(&times),
    },
    Claim {
        quote: "fast tasks and futures",
        who: "the talk, 2016, of uvloop",
        how: "asyncio / uvloop: start a task and wait; let the others run",
        python: &[
            ("tasks-spawn-asyncio", "tasks-spawn-uvloop"),
            ("tasks-yield-asyncio", "tasks-yield-uvloop"),
        ],
        rust: &[],
        holds: |times| times > 1.1,
    },
    Claim {
        quote: "super fast IO",
        who: "the talk, 2016, of uvloop",
        how: "asyncio / uvloop: processor time of an echo, protocols, 64 connections",
        python: &[("echo-64-asyncio-protocol", "echo-64-uvloop-protocol")],
        rust: &[],
        holds: |times| times >= 2.0,
    },
];

impl Claim {
    /// What a Python of that name says to it.
    pub(crate) fn python(&self, results: &Results, name: &str) -> Verdict {
        self.of(self.python, |id| format!("{name}-{id}"), results)
    }

    pub(crate) fn rust(&self, results: &Results) -> Verdict {
        self.of(self.rust, str::to_owned, results)
    }

    fn of(
        &self,
        pairs: &[(&str, &str)],
        name: impl Fn(&str) -> String,
        results: &Results,
    ) -> Verdict {
        let times = pairs.iter().filter_map(|(above, below)| {
            Some(results.times(&name(above), &name(below))?.median)
        });
        let times: Vec<_> = times.collect();
        match times.iter().all(|times| (self.holds)(*times)) {
            _ if times.is_empty() => Verdict::CannotBeTested,
            true => Verdict::Holds(times),
            false => Verdict::HoldsNot(times),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |times: &[f64]| {
            let times: Vec<_> =
                times.iter().map(|times| format!("{times:.1}x")).collect();
            times.join(", ")
        };
        match self {
            Self::Holds(times) => write!(f, "holds ({})", list(times)),
            Self::HoldsNot(times) => write!(f, "holds not here ({})", list(times)),
            Self::CannotBeTested => f.write_str("cannot be tested here"),
        }
    }
}

/// A figure of our own that is to be reached: this, divided by that, at the most.
pub(crate) struct Goal {
    pub(crate) what: &'static str,
    pub(crate) above: &'static str,
    /// `None`: the figure itself is meant.
    pub(crate) below: Option<&'static str>,
    pub(crate) at_most: f64,
}

const fn ratio(
    what: &'static str,
    above: &'static str,
    below: &'static str,
    at_most: f64,
) -> Goal {
    Goal { what, above, below: Some(below), at_most }
}

const fn figure(what: &'static str, above: &'static str, at_most: f64) -> Goal {
    Goal { what, above, below: None, at_most }
}

pub(crate) const GOALS: [Goal; 16] = [
    ratio("an await that cannot be inlined / a call", "call-await", "call-function", 2.2),
    figure("Deferred: make, callback, fire, drop", "call-deferred", 75.0),
    figure("inline_callbacks, a deferred that has fired", "call-generator", 50.0),
    figure("greenlet: a switch and back", "call-greenlet-switch", 6.0),
    figure("trampoline: a resume, 1 deep", "depth-trampoline-1", 25.0),
    figure("trampoline: a resume, 1,000 deep", "depth-trampoline-1000", 25.0),
    figure("delegation by objects: a resume, 100 deep", "depth-yield-from-100", 3_500.0),
    ratio(
        "spawn and join / tokio's",
        "tasks-spawn-async-await",
        "tasks-spawn-tokio",
        0.6,
    ),
    ratio("yield / tokio's", "tasks-yield-async-await", "tasks-yield-tokio", 0.4),
    ratio(
        "hand a permit over / tokio's",
        "tasks-hand-over-async-await",
        "tasks-hand-over-tokio",
        0.85,
    ),
    ratio("echo at 64, callbacks / mio by hand", "echo-64-callbacks", "echo-64-mio", 1.1),
    ratio("echo at 64, greenlets / mio by hand", "echo-64-greenlets", "echo-64-mio", 1.1),
    ratio(
        "echo at 64, generators / mio by hand",
        "echo-64-generators",
        "echo-64-mio",
        1.1,
    ),
    ratio(
        "echo at 64, yield from / mio by hand",
        "echo-64-yield-from",
        "echo-64-mio",
        1.1,
    ),
    ratio(
        "echo at 64, async/await / mio by hand",
        "echo-64-async-await",
        "echo-64-mio",
        1.05,
    ),
    ratio(
        "echo at 64, async/await / tokio's",
        "echo-64-async-await",
        "echo-64-tokio",
        1.0,
    ),
];

impl Goal {
    /// What was measured. `None`: it was not.
    pub(crate) fn measured(&self, results: &Results) -> Option<f64> {
        match self.below {
            Some(below) => Some(results.times(self.above, below)?.median),
            None => Some(results.row(self.above)?.median),
        }
    }
}
