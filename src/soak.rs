//! `lineage soak`: every program, in every style that has a loop, over as many seeds as one
//! likes.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use site::count;

use crate::error::Error;
use crate::interrupt::end_on_interrupt;
use crate::invocation::to_type;
use crate::output::Output;
use crate::run::Program;
use crate::sim::{Case, Wrong};
use crate::styles::{STYLES, Style};

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(200);

/// How long a run may take by the clock on the wall. One that asks the network for nothing
/// any more cannot be told that it asks too often. Most take some milliseconds.
const ENDLESS: Duration = Duration::from_mins(1);

/// How many failures are enough.
const ENOUGH: usize = 5;

/// Many runs.
#[derive(Clone, Debug)]
pub struct Soak {
    /// After which seeds. There is a last one, and it is one of them.
    pub seeds: RangeInclusive<u64>,
    /// In which styles.
    pub styles: Vec<&'static Style>,
}

/// Runs `seeds` in those of `styles` that have a loop, and shows how it goes.
///
/// # Errors
///
/// A usage error if none of them has one; a failure if a run went wrong.
pub fn soak(
    seeds: RangeInclusive<u64>,
    mut styles: Vec<&'static Style>,
    output: &mut Output,
) -> Result<(), Error> {
    if let [one] = styles[..] {
        one.needs_a_loop("to be simulated")?;
    }
    styles.retain(|style| style.has_loop());
    end_on_interrupt()?;
    Soak { seeds, styles }.show(output)
}

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Which.
    pub case: Case,
    /// How.
    pub wrong: Wrong,
}

impl Soak {
    /// Those seeds in every style that has a loop.
    pub fn of_all_styles(seeds: RangeInclusive<u64>) -> Self {
        let styles = STYLES.iter().filter(|style| style.has_loop()).collect();
        Self { seeds, styles }
    }

    /// How many runs there are.
    pub fn len(&self) -> u128 {
        if self.seeds.is_empty() {
            return 0;
        }
        let seeds = u128::from(self.seeds.end() - self.seeds.start()) + 1;
        seeds * (self.styles.len() * Program::ALL.len()) as u128
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Runs all of them, on as many threads as there are processors, and counts them in
    /// `done`. Gives the first failures.
    pub fn run(&self, done: &AtomicU64) -> Vec<Failed> {
        let next = AtomicU64::new(0);
        let failures = Failures::default();
        let threads = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while !failures.are_enough()
                        && let Some(case) =
                            self.case(next.fetch_add(1, Ordering::Relaxed))
                    {
                        if let Err(wrong) = run_apart(case, ENDLESS) {
                            failures.add(Failed { case, wrong });
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        failures.into_sorted()
    }

    /// Runs all of them, shows how far it is, and says what went wrong and how to see it
    /// again.
    ///
    /// # Errors
    ///
    /// A failure if a run went wrong.
    pub fn show(&self, output: &mut Output) -> Result<(), Error> {
        let (began, done, all) = (Instant::now(), AtomicU64::new(0), self.len());
        // A few runs are over before anybody would look.
        let quick = u64::try_from(all + 1).map_or(TICK, Duration::from_millis);
        let failures = thread::scope(|scope| {
            let running = scope.spawn(|| self.run(&done));
            while !running.is_finished() {
                if output.is_terminal() {
                    let done = done.load(Ordering::Relaxed);
                    let all = count(all, "run");
                    output.overwrite(format_args!("{done} of {all}"))?;
                }
                thread::sleep(TICK.min(quick));
            }
            Ok::<_, Error>(
                running.join().expect("a run that panics is caught by its loop"),
            )
        })?;
        if output.is_terminal() {
            output.overwrite("")?;
        }
        for failed in &failures {
            output.line(failed)?;
        }
        let seconds = began.elapsed().as_secs_f64();
        let done = done.load(Ordering::Relaxed);
        output.line(format_args!(
            "{} in {seconds:.1} s, {} went wrong",
            count(done, "run"),
            failures.len()
        ))?;
        if failures.is_empty() {
            Ok(())
        } else {
            Err(Error::failure("not all runs went well"))
        }
    }

    fn case(&self, number: u64) -> Option<Case> {
        if u128::from(number) >= self.len() {
            return None;
        }
        let styles = self.styles.len() as u64;
        let index = |number: u64| usize::try_from(number).expect("it is a few");
        let programs = Program::ALL.len() as u64;
        let program = Program::ALL[index(number % programs)];
        let style = self.styles[index(number / programs % styles)];
        Some(Case {
            program,
            style,
            seed: self.seeds.start() + number / programs / styles,
        })
    }
}

/// Runs one on a thread of its own, which is left to itself if it does not come back.
fn run_apart(case: Case, patience: Duration) -> Result<(), Wrong> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        keep_reports_quiet();
        tell.send(case.run().map(drop))
    });
    told.recv_timeout(patience).unwrap_or_else(|error| {
        Err(Wrong(match error {
            RecvTimeoutError::Timeout => format!("it has not ended after {patience:?}"),
            RecvTimeoutError::Disconnected => "it panicked outside its loop".to_owned(),
        }))
    })
}

/// Peers break off all the time here, and a stage that reports what nobody handled would say
/// so each time. What must not be left unhandled, such as a panic, is checked after the run.
fn keep_reports_quiet() {
    stage1_callbacks::failure::on_report(|_| {});
    stage2_generators::failure::on_report(|_| {});
    stage3_yield_from::failure::on_report(|_| {});
}

/// What was wrong, and how to see it again.
impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, wrong } = self;
        let (program, style, seed) = (case.program.name(), case.style.name, case.seed);
        write!(
            f,
            "{case}: {wrong}\n  again: {}",
            to_type(&format!("run {program} --style {style} --sim {seed}"))
        )
    }
}

#[derive(Default)]
struct Failures {
    all: Mutex<Vec<Failed>>,
    count: AtomicUsize,
}

impl Failures {
    fn are_enough(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= ENOUGH
    }

    fn add(&self, failed: Failed) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).push(failed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn into_sorted(self) -> Vec<Failed> {
        let mut all = self.all.into_inner().unwrap_or_else(PoisonError::into_inner);
        all.sort_by_key(|failed| failed.case.seed);
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io;

    use super::*;

    fn run(countdown: fn() -> io::Result<Vec<String>>) -> String {
        let style = Box::leak(Box::new(Style { countdown, ..STYLES[STYLES.len() - 1] }));
        let case = Case { program: Program::Countdown, style, seed: 0 };
        let run = run_apart(case, Duration::from_millis(50));
        run.expect_err("it does not count down").to_string()
    }

    #[test]
    fn every_program_runs_in_every_style_after_every_seed_and_no_run_twice() {
        let soak = Soak::of_all_styles(5..=7);
        let cases: Vec<_> = (0..).map_while(|number| soak.case(number)).collect();
        let named = |it: &Case| (it.seed, it.style.name, it.program.name());
        let all: BTreeSet<_> = cases.iter().map(named).collect();
        assert_eq!((cases.len(), all.len() as u128), (all.len(), soak.len()));
        for style in STYLES.iter().filter(|style| style.has_loop()) {
            for (program, seed) in Program::ALL.iter().flat_map(|it| [(it, 5), (it, 7)]) {
                assert!(all.contains(&(seed, style.name, program.name())), "{all:?}");
            }
        }
    }

    #[test]
    fn a_run_that_does_not_even_ask_is_given_up() {
        let wrong = run(|| {
            loop {
                thread::park();
            }
        });
        assert_eq!(wrong, "it has not ended after 50ms");
    }
}
