//! Everything takes its turn, round by round, so that a noisy moment hits all of it, and what
//! was measured so far is worth something whenever it ends.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cases::{self, Case};
use crate::echo::{self, Cost};
use crate::load::Plan;
use crate::python::{Python, SCRIPTS};
use crate::results::Results;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    rounds: usize,
    /// How often a case runs in a round.
    stretches: usize,
    /// How long a script of Python's measures in a round.
    python: Duration,
    /// Connections and bytes of a message, and how long the load asks.
    echoes: &'static [(usize, usize)],
    load: Duration,
    /// They are asked in one round of so many: they take longest.
    one_round_in: usize,
    /// How many of Python's versions.
    pythons: usize,
}

/// In less than a minute.
pub(crate) const QUICK: Scale = Scale {
    rounds: 3,
    stretches: 2,
    python: Duration::from_millis(300),
    echoes: &[(64, SMALL)],
    load: Duration::from_millis(60),
    one_round_in: 1,
    pythons: 1,
};

/// In less than twenty.
pub(crate) const WHOLE: Scale = Scale {
    rounds: 9,
    stretches: 4,
    python: Duration::from_millis(1_200),
    echoes: &[(1, SMALL), (64, SMALL), (1_000, SMALL), (10_000, SMALL), (64, LARGE)],
    load: Duration::from_millis(200),
    one_round_in: 3,
    pythons: usize::MAX,
};

const SMALL: usize = 64;
const LARGE: usize = 10 * 1_024;

/// A row, as its samples come in.
#[derive(Default)]
struct Samples {
    label: String,
    unit: String,
    values: Vec<f64>,
}

/// What is measured, and what came of it so far.
struct Rounds {
    scale: Scale,
    cases: Vec<(Case, u64)>,
    pythons: Vec<Python>,
    /// In the order in which they came first.
    order: Vec<String>,
    samples: BTreeMap<String, Samples>,
    results: Results,
    interrupted: Arc<AtomicBool>,
    began: Instant,
}

/// Measures; a Ctrl-C ends it early.
pub(crate) fn measure(scale: Scale, command: &str) -> io::Result<Results> {
    let interrupted = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&interrupted))?;
    let mut rounds = Rounds::new(scale, command, interrupted);
    for round in 0..scale.rounds {
        rounds.progress(&format!("round {} of {}", round + 1, scale.rounds));
        rounds.one(round);
        if rounds.is_interrupted() {
            rounds.progress("interrupted: what was measured so far is kept");
            break;
        }
    }
    Ok(rounds.end())
}

impl Rounds {
    fn new(scale: Scale, command: &str, interrupted: Arc<AtomicBool>) -> Self {
        let mut results = Results::new(command);
        let mut pythons = Python::all();
        for left_out in pythons.drain(scale.pythons.min(pythons.len())..) {
            results.missing.insert(left_out.name, "left out of a quick run".to_owned());
        }
        if pythons.is_empty() {
            results.missing.insert("python".to_owned(), "there is no python3".to_owned());
        }
        for python in &pythons {
            results.versions.insert(python.name.clone(), python.version.clone());
        }
        let cases = cases::all().into_iter().map(|case| {
            let times = case.calibrate();
            (case, times)
        });
        let (order, samples, began) = (Vec::new(), BTreeMap::new(), Instant::now());
        let cases = cases.collect();
        Self { scale, cases, pythons, order, samples, results, interrupted, began }
    }

    fn one(&mut self, round: usize) {
        self.ours();
        self.pythons();
        if round.is_multiple_of(self.scale.one_round_in) {
            self.echoes();
        }
    }

    fn ours(&mut self) {
        let cases = std::mem::take(&mut self.cases);
        for _ in 0..self.scale.stretches {
            for (case, times) in &cases {
                if !self.is_interrupted() {
                    let sample = case.sample(*times);
                    self.add(case.id.clone(), &case.label, "ns", &[sample]);
                }
            }
        }
        self.cases = cases;
    }

    fn pythons(&mut self) {
        let pythons = std::mem::take(&mut self.pythons);
        for python in &pythons {
            for question in SCRIPTS {
                if self.is_interrupted() {
                    break;
                }
                self.progress(&format!("Python {}: {question}", python.version));
                let name = &python.name;
                let Some(said) = python.measure(question, self.scale.python) else {
                    self.missing(format!("{name}-{question}"), "its script failed");
                    continue;
                };
                for row in said.rows {
                    let id = format!("{name}-{question}-{}", row.id);
                    let label = format!("Python {}: {}", python.version, row.label);
                    self.add(id, &label, &row.unit, &row.values);
                }
                for missing in said.missing {
                    self.missing(
                        format!("{name}-{question}-{}", missing.id),
                        &missing.why,
                    );
                }
            }
        }
        self.pythons = pythons;
    }

    fn echoes(&mut self) {
        for &(connections, size) in self.scale.echoes {
            let plan = Plan { connections, size, time: self.scale.load };
            let large = if size == SMALL { "" } else { "10k" };
            let question = format!("echo{large}-{connections}");
            for (name, label) in echo::servers() {
                if self.is_interrupted() || (name == "blocking" && connections > 1) {
                    continue; // it serves one connection after the other
                }
                self.progress(&format!("{question}: {name}"));
                self.echo(format!("{question}-{name}"), label, echo::measure(name, plan));
            }
            if (connections, size) != (64, SMALL) {
                continue;
            }
            let pythons = std::mem::take(&mut self.pythons);
            for python in &pythons {
                for (name, label) in echo::pythons() {
                    if self.is_interrupted() {
                        break;
                    }
                    self.progress(&format!(
                        "{question}: Python {}, {name}",
                        python.version
                    ));
                    let id = format!("{}-{question}-{name}", python.name);
                    let label = format!("Python {}: {label}", python.version);
                    self.echo(id, &label, echo::measure_python(python, name, plan));
                }
            }
            self.pythons = pythons;
        }
    }

    fn echo(&mut self, id: String, label: &str, went: io::Result<Cost>) {
        match went {
            Ok(Cost { processor, answered }) => {
                let more = |what| format!("{}-{what}", id.replacen("echo", "answer", 1));
                let (p50, p99, p999) = (more("p50"), more("p99"), more("p999"));
                self.add(more("rate"), label, "/s", &[answered.rate]);
                self.add(p50, &format!("{label}, p50"), "µs", &[answered.p50]);
                self.add(p99, &format!("{label}, p99"), "µs", &[answered.p99]);
                self.add(p999, &format!("{label}, p99.9"), "µs", &[answered.p999]);
                self.add(id, label, "ns", &[processor]);
            }
            Err(error) => self.missing(id, &error.to_string()),
        }
    }

    fn add(&mut self, id: String, label: &str, unit: &str, values: &[f64]) {
        let samples = self.samples.entry(id.clone()).or_insert_with(|| {
            self.order.push(id);
            let (label, unit) = (label.to_owned(), unit.to_owned());
            Samples { label, unit, values: Vec::new() }
        });
        samples.values.extend(values);
    }

    fn missing(&mut self, id: String, why: &str) {
        self.results.missing.insert(id, why.to_owned());
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn progress(&self, what: &str) {
        let seconds = self.began.elapsed().as_secs();
        let _nobody_may_look = writeln!(io::stderr(), "{seconds:>5} s  {what}");
    }

    fn end(mut self) -> Results {
        for id in self.order {
            let Samples { label, unit, values } = &self.samples[&id];
            self.results.add(id, label, unit, values);
        }
        self.results
    }
}
