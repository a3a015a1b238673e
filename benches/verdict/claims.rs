//! What was claimed, and what the figures say to it: two columns, since Rust's figure says
//! nothing about Python's claim.

use std::ops::Range;

use crate::results::{Claimed, Column, Results};
use crate::stats::Beyond;
use crate::table;

/// What somebody said.
pub(crate) struct Claim {
    pub(crate) quote: &'static str,
    pub(crate) who: &'static str,
    /// What is divided by what, and the limit that `holds` has.
    pub(crate) how: &'static str,
    /// Pairs of rows, Python's, without the name of the Python: a ratio each.
    python: &'static [(&'static str, &'static str)],
    /// The same of ours. Empty: there is nothing here to test it with.
    rust: &'static [(&'static str, &'static str)],
    /// Where such a ratio is what was claimed.
    holds: Range<f64>,
}

/// What the figures say.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Holds(Beyond, Vec<f64>),
    DoesNotHold(Beyond, Vec<f64>),
    CannotBeTested,
}

pub(crate) const CLAIMS: [Claim; 5] = [
    Claim {
        quote: "only ~2x slower than a function call",
        who: "the talk, 2016, of await",
        how: "await / function, one call; and in PEP 492's tree: each below 2.5",
        python: &[("call-await", "call-function"), ("binary-await", "binary-function")],
        rust: &[
            ("call-await", "call-function"),
            ("binary-await-boxed", "binary-function"),
        ],
        holds: 0.0..2.5,
    },
    Claim {
        quote: "10-100x faster than yield coroutines",
        who: "the talk, 2016, of await",
        how: "a generator under its framework (Python: Tornado's, Twisted's; Rust: over Deferreds, on a trampoline) / await, one call: each 10 or more",
        python: &[("call-tornado", "call-await"), ("call-twisted", "call-await")],
        rust: &[("call-generator", "call-await"), ("call-trampoline", "call-await")],
        holds: 10.0..f64::INFINITY,
    },
    Claim {
        quote: "no observable performance difference",
        who: "PEP 492, 2015, of await and yield from",
        how: "await / yield from, PEP 492's tree: from 0.9 to 1.1",
        python: &[("binary-await", "binary-yield-from")],
        rust: &[("binary-await-boxed", "binary-yield-from")],
        holds: 0.9..1.1,
    },
    Claim {
        quote: "fast tasks and futures",
        who: "the talk, 2016, of uvloop",
        how: "asyncio / uvloop: start a task and wait; let the others run: each above 1.1",
        python: &[
            ("tasks-spawn-asyncio", "tasks-spawn-uvloop"),
            ("tasks-yield-asyncio", "tasks-yield-uvloop"),
        ],
        rust: &[
            ("tasks-spawn-asyncio", "tasks-spawn-uvloop"),
            ("tasks-yield-asyncio", "tasks-yield-uvloop"),
        ],
        holds: 1.1..f64::INFINITY,
    },
    Claim {
        quote: "super fast IO",
        who: "the talk, 2016, of uvloop",
        how: "asyncio / uvloop: processor time of an echo, 64 connections (Python: protocols; Rust: streams, and on a ring): each 2 or more",
        python: &[("echo-64-asyncio-protocol", "echo-64-uvloop-protocol")],
        rust: &[
            ("echo-64-asyncio", "echo-64-uvloop"),
            ("echo-64-asyncio", "echo-64-uvloop-uring"),
        ],
        holds: 2.0..f64::INFINITY,
    },
];

/// What the results say to all of it.
pub(crate) fn judged(results: &Results) -> Vec<Claimed> {
    let of = |claim: &Claim| {
        let pythons = table::pythons(results).map(|name| {
            let of = format!("Python {}", results.versions[name]);
            claim.python(results, name).column(of)
        });
        let ours = claim.rust(results).column("Rust, here".to_owned());
        Claimed {
            quote: claim.quote.to_owned(),
            who: claim.who.to_owned(),
            how: claim.how.to_owned(),
            columns: pythons.chain([ours]).collect(),
        }
    };
    CLAIMS.iter().map(of).collect()
}

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
        let ratios = pairs
            .iter()
            .map(|(above, below)| results.times(&name(above), &name(below)))
            .collect::<Option<Vec<_>>>();
        let Some(ratios) = ratios.filter(|ratios| !ratios.is_empty()) else {
            return Verdict::CannotBeTested;
        };
        let times: Vec<_> = ratios.iter().map(|ratio| ratio.median).collect();
        let surely = ratios.iter().all(|ratio| ratio.lies_in(&self.holds));
        let perhaps = ratios.iter().all(|ratio| ratio.touches(&self.holds));
        let beyond = Beyond::of(surely != perhaps);
        if times.iter().all(|times| self.holds.contains(times)) {
            Verdict::Holds(beyond, times)
        } else {
            Verdict::DoesNotHold(beyond, times)
        }
    }
}

impl Verdict {
    fn word(&self) -> String {
        match self {
            Self::Holds(beyond, _) => format!("holds{}", beyond.word()),
            Self::DoesNotHold(beyond, _) => {
                format!("does not hold here{}", beyond.word())
            }
            Self::CannotBeTested => "cannot be tested here".to_owned(),
        }
    }

    fn times(&self) -> &[f64] {
        match self {
            Self::Holds(_, times) | Self::DoesNotHold(_, times) => times,
            Self::CannotBeTested => &[],
        }
    }

    fn column(&self, of: String) -> Column {
        Column { of, word: self.word(), times: self.times().to_vec() }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let times: Vec<_> = self.times().iter().map(|it| format!("{it:.1}x")).collect();
        match times.as_slice() {
            [] => f.write_str(&self.word()),
            times => write!(f, "{} ({})", self.word(), times.join(", ")),
        }
    }
}
