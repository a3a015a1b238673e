//! Everything takes its turn, round by round, so that a noisy moment hits all of it, and what
//! was measured so far is worth something whenever it ends.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process};

use crate::cases::{self, Case};
use crate::claims;
use crate::echo::{self, Cost};
use crate::files;
use crate::load::Plan;
use crate::memory;
use crate::python::{Python, SCRIPTS};
use crate::results::Results;
#[cfg(unix)]
use crate::turns;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    rounds: usize,
    /// How often a case runs in a round.
    stretches: usize,
    /// How long a script of Python's measures in a round.
    python: Duration,
    /// What is asked of each server.
    echoes: &'static [Plan],
    /// Scripts, servers and memory have their turn in one round of so many: they take longest.
    one_round_in: usize,
    /// How many of Python's versions.
    pythons: usize,
    /// Why it is not the whole, if so.
    why_a_part: Option<&'static str>,
}

/// In less than a minute.
pub(crate) const QUICK: Scale = Scale {
    rounds: 1,
    stretches: 5,
    python: Duration::from_millis(300),
    echoes: &[MAIN],
    one_round_in: 1,
    pythons: 1,
    why_a_part: Some("left out of a quick run"),
};

/// In less than twenty minutes, by far.
pub(crate) const WHOLE: Scale = Scale {
    rounds: 10,
    stretches: 3,
    python: Duration::from_millis(500),
    echoes: &[
        Plan { connections: 1, ..MAIN },
        MAIN,
        Plan { connections: 1_000, ..MAIN },
        Plan { connections: 10_000, ..MAIN },
        Plan { connections: 1, ..LARGE },
        LARGE,
        Plan { connections: 1_000, ..LARGE },
        Plan { connections: 10_000, ..LARGE },
    ],
    one_round_in: 2,
    pythons: usize::MAX,
    why_a_part: None,
};

/// What is asked of Python's servers, too.
const MAIN: Plan = Plan { connections: 64, size: 64, time: Duration::from_millis(200) };
const LARGE: Plan =
    Plan { connections: 64, size: 10 * 1_024, time: Duration::from_millis(100) };

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

/// Measures; a Ctrl-C ends it early, and what was measured is marked as a part.
pub(crate) fn measure(scale: Scale, command: &str) -> io::Result<Results> {
    let interrupted = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    {
        use signal_hook::consts::SIGINT;
        use signal_hook::flag::{register, register_conditional_shutdown};
        // Whoever does not want to wait for the end of what is measured says so again.
        register_conditional_shutdown(SIGINT, 130, Arc::clone(&interrupted))?;
        register(SIGINT, Arc::clone(&interrupted))?;
    }
    let mut rounds = Rounds::new(scale, command, interrupted);
    for round in 0..scale.rounds {
        rounds.progress(&format!("round {} of {}", round + 1, scale.rounds));
        rounds.one(round);
        if rounds.is_interrupted() {
            rounds.progress("interrupted");
            break;
        }
    }
    Ok(rounds.end())
}

impl Rounds {
    fn new(scale: Scale, command: &str, interrupted: Arc<AtomicBool>) -> Self {
        let mut results = Results::new(command);
        if let Some(why) = scale.why_a_part {
            results.mark_as_a_part(why);
        }
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
        let goes_on = |_: &Case| !interrupted.load(Ordering::Relaxed);
        let cases = cases::all().into_iter().take_while(goes_on).map(|case| {
            let times = case.calibrate();
            (case, times)
        });
        let cases = cases.collect();
        let (order, samples, began) = (Vec::new(), BTreeMap::new(), Instant::now());
        Self { scale, cases, pythons, order, samples, results, interrupted, began }
    }

    fn one(&mut self, round: usize) {
        self.ours();
        if round.is_multiple_of(self.scale.one_round_in) {
            self.pythons();
            self.echoes();
            self.memory();
            self.files();
            #[cfg(unix)]
            self.turns();
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
        for &plan in self.scale.echoes {
            if let Some(why) = echo::cannot_be(plan) {
                let size = if plan.size == MAIN.size { "" } else { "10k" };
                self.missing(format!("echo{size}-{}", plan.connections), &why);
                continue;
            }
            for (name, label) in echo::servers() {
                if self.is_interrupted() || (name == "blocking" && plan.connections > 1) {
                    continue; // it serves one connection after the other
                }
                self.echo("", name, label, plan, || echo::measure(name, plan));
            }
            if plan == MAIN {
                self.echoes_of_pythons(plan);
            }
        }
    }

    fn echoes_of_pythons(&mut self, plan: Plan) {
        let pythons = std::mem::take(&mut self.pythons);
        for python in &pythons {
            for (name, label) in echo::pythons() {
                if self.is_interrupted() {
                    break;
                }
                let label = format!("Python {}: {label}", python.version);
                let whose = format!("{}-", python.name);
                let measure = || echo::measure_python(python, name, plan);
                self.echo(&whose, name, &label, plan, measure);
            }
        }
        self.pythons = pythons;
    }

    fn echo(
        &mut self,
        whose: &str,
        name: &str,
        label: &str,
        plan: Plan,
        measure: impl Fn() -> io::Result<Cost>,
    ) {
        let large = if plan.size == MAIN.size { "" } else { "10k" };
        let id = |what: &str| format!("{whose}{what}{large}-{}-{name}", plan.connections);
        self.progress(&id("echo"));
        let Cost { processor, kernel, answered } = match measure() {
            Ok(cost) => cost,
            Err(error) => return self.missing(id("echo"), &error.to_string()),
        };
        self.add(id("echo"), label, "ns", &[processor]);
        kernel.into_iter().for_each(|it| self.add(id("kernel"), label, "ns", &[it]));
        self.add(id("rate"), label, "/s", &[answered.rate]);
        self.add(id("p50"), label, "µs", &[answered.p50]);
        self.add(id("p99"), label, "µs", &[answered.p99]);
        answered.p999.into_iter().for_each(|it| self.add(id("p999"), label, "µs", &[it]));
    }

    fn memory(&mut self) {
        for what in memory::everything() {
            if self.is_interrupted() {
                break;
            }
            self.progress(&what.label);
            match what.measure() {
                Ok(sample) => self.add(what.id, &what.label, what.unit, &[sample]),
                Err(error) => self.missing(what.id, &error.to_string()),
            }
        }
    }

    /// Chapter 17's question: ten thousand small files.
    fn files(&mut self) {
        let folder = env::temp_dir().join(format!("verdict-files-{}", process::id()));
        let went = files::fill(&folder).and_then(|paths| {
            for (name, way) in files::WAYS {
                if self.is_interrupted() {
                    break;
                }
                self.progress(&format!("files: {name}"));
                let began = files::processor_time();
                way(&paths)?;
                let spent = files::processor_time().saturating_sub(began).as_secs_f64();
                self.add(format!("files-{name}"), name, "ms", &[1_000.0 * spent]);
            }
            Ok(())
        });
        if let Err(error) = went {
            self.missing("files".to_owned(), &error.to_string());
        }
        let _it_is_in_the_way_of_nobody = fs::remove_dir_all(folder);
    }

    /// Chapter 15's question: the loop beside whoever computes.
    #[cfg(unix)]
    fn turns(&mut self) {
        if self.is_interrupted() {
            return;
        }
        self.progress("turns");
        match turns::measure() {
            Ok(measured) => {
                for ((place, label), micros) in turns::PLACES.into_iter().zip(measured) {
                    self.add(format!("turn-{place}"), label, "µs", &[micros]);
                }
            }
            Err(error) => self.missing("turn".to_owned(), &error.to_string()),
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

    /// A Ctrl-C reaches whoever is measured as well: that is no fault of theirs.
    fn missing(&mut self, id: String, why: &str) {
        if self.is_interrupted() {
            return;
        }
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
        if self.is_interrupted() {
            self.results.mark_as_a_part("interrupted");
        }
        for id in self.order {
            let Samples { label, unit, values } = &self.samples[&id];
            self.results.add(id, label, unit, values);
        }
        self.results.claims = claims::judged(&self.results);
        self.results
    }
}
