//! `lineage cost`: what a call costs, in each style, as multiples of a function call.
//!
//! The bodies take turns, round by round, so that a noisy moment hits all of them; shown are
//! medians, and the interval that four fifths of the rounds lie in.

mod python;

use std::hint::black_box;
use std::time::{Duration, Instant};

use calls::{BODIES, Body};
use serde::{Deserialize, Serialize};

use self::python::Python;
use crate::error::Error;
use crate::interrupt::end_on_interrupt;
use crate::output::Output;

/// What the talk says of `await`, as multiples of a function call.
const THE_TALK_SAYS: f64 = 2.0;

/// How long to measure, if nobody says otherwise.
pub const LONG_ENOUGH: Duration = Duration::from_secs(3);

/// How long a body runs at a stretch, roughly.
const STRETCH: Duration = Duration::from_millis(4);

/// How often the progress is shown, in rounds.
const ROUNDS_SHOWN: usize = 4;

/// A measured row, as `docs/results.md` has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What it is called in the book.
    pub id: String,
    /// What it is called for readers.
    pub label: String,
    /// `ns`: nanoseconds a call.
    pub unit: String,
    /// The median of the rounds.
    pub median: f64,
    /// A tenth of the rounds is below.
    pub low: f64,
    /// A tenth of the rounds is above.
    pub high: f64,
    /// How many rounds there were.
    pub samples: usize,
}

#[derive(Serialize)]
struct Answer<'a> {
    rows: &'a [Row],
    python: Option<&'a Python>,
    /// Without optimisation, the figures say nothing.
    optimised: bool,
}

/// The same as a command of its own: a Ctrl-C ends it with a word.
///
/// # Errors
///
/// Fails when nobody reads any more.
pub fn command(seconds: Duration, json: bool, output: &mut Output) -> Result<(), Error> {
    end_on_interrupt()?;
    cost(seconds, json, output)
}

/// Measures for about `seconds`, and shows what came out.
///
/// # Errors
///
/// Fails when nobody reads any more.
pub fn cost(seconds: Duration, json: bool, output: &mut Output) -> Result<(), Error> {
    let shows_progress = output.is_terminal() && !json;
    let rows = measure(seconds, |share| {
        if shows_progress {
            output.overwrite(format_args!("measuring … {:3.0} %", share * 100.0))?;
        }
        Ok(())
    })?;
    if shows_progress {
        output.overwrite("")?;
    }
    let python = python::measure(seconds / 3);
    let optimised = !cfg!(debug_assertions);
    if json {
        return output.json(&Answer { rows: &rows, python: python.as_ref(), optimised });
    }
    table(&rows, python.as_ref(), output)
}

/// Runs every body in turn until the time is up; tells `progress` which share of it is over.
fn measure(
    seconds: Duration,
    mut progress: impl FnMut(f64) -> Result<(), Error>,
) -> Result<Vec<Row>, Error> {
    let calls: Vec<_> = BODIES.iter().map(calls_in_a_stretch).collect();
    let mut samples = vec![Vec::new(); BODIES.len()];
    let began = Instant::now();
    for round in 0.. {
        let elapsed = began.elapsed();
        if elapsed >= seconds && round >= 3 {
            break;
        }
        if round % ROUNDS_SHOWN == 0 {
            progress((elapsed.as_secs_f64() / seconds.as_secs_f64()).min(1.0))?;
        }
        for ((body, &calls), samples) in BODIES.iter().zip(&calls).zip(&mut samples) {
            samples.push(nanoseconds_a_call(body, calls));
        }
    }
    Ok(BODIES
        .iter()
        .zip(samples)
        .map(|(body, samples)| Row::of(body.id, body.label, "ns", samples))
        .collect())
}

/// As many calls as fill a stretch; found by doubling.
fn calls_in_a_stretch(body: &Body) -> u64 {
    let mut calls = 64;
    loop {
        let began = Instant::now();
        black_box((body.run)(black_box(calls)));
        if began.elapsed() * 2 >= STRETCH {
            return calls;
        }
        calls *= 2;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time of some digits, and a count")]
fn nanoseconds_a_call(body: &Body, calls: u64) -> f64 {
    let began = Instant::now();
    black_box((body.run)(black_box(calls)));
    began.elapsed().as_nanos() as f64 / calls as f64
}

impl Row {
    /// The median of samples, and the interval that four fifths of them lie in.
    ///
    /// # Panics
    ///
    /// Panics when there are none.
    pub fn of(id: &str, label: &str, unit: &str, mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let (all, tenth) = (samples.len(), samples.len() / 10);
        Self {
            id: id.to_owned(),
            label: label.to_owned(),
            unit: unit.to_owned(),
            median: samples[all / 2],
            low: samples[tenth],
            high: samples[all - 1 - tenth],
            samples: all,
        }
    }
}

fn table(
    rows: &[Row],
    python: Option<&Python>,
    output: &mut Output,
) -> Result<(), Error> {
    let function = rows[0].median;
    output.line(format_args!(
        "{:<34}{:>10}   {:>18}  {:>7}",
        "a call by", "ns", "80 % within", ""
    ))?;
    for Row { label, median, low, high, .. } in rows {
        let (interval, times) = (format!("{low:.1} to {high:.1}"), median / function);
        output.line(format_args!(
            "{label:<34}{median:>10.1}   {interval:>18}  {times:>6.1}x"
        ))?;
    }
    output.line("")?;
    if cfg!(debug_assertions) {
        return output
            .line("Built without optimisation: cargo run --release -- cost says more.");
    }
    for line in sentences(rows, python) {
        output.line(line)?;
    }
    Ok(())
}

/// What the numbers say to the talk's claim. Two columns, two verdicts: the word is the same,
/// the thing is not.
fn sentences(rows: &[Row], python: Option<&Python>) -> Vec<String> {
    let times = |id: &str, rows: &[Row]| {
        let median =
            |id: &str| rows.iter().find(|row| row.id == id).map(|row| row.median);
        Some(median(id)? / median("function")?)
    };
    let mut lines = vec![format!(
        "The talk says of Python's await: ~{THE_TALK_SAYS:.0}x a function call."
    )];
    if let (Some(call), Some(inlined)) =
        (times("await", rows), times("await-inlined", rows))
    {
        lines.push(format!(
            "Rust's here: {call:.1}x where neither can be inlined, {inlined:.1}x where both can."
        ));
        lines.push("It is a state machine that the compiler writes.".to_owned());
    }
    match python {
        Some(python) => {
            if let Some(awaited) = times("await", &python.rows) {
                let verdict = if awaited < THE_TALK_SAYS * 1.25 {
                    "holds"
                } else {
                    "does not hold"
                };
                let name = &python.python;
                lines.push(format!(
                    "{name} here: {awaited:.1}x. The claim {verdict} on this machine."
                ));
            }
        }
        None => lines.push("Python's could not be measured: no python3 here.".to_owned()),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_eighty_columns() {
        let row = |id: &str, median| Row {
            id: id.to_owned(),
            label: String::new(),
            unit: "ns".to_owned(),
            median,
            low: median,
            high: median,
            samples: 1,
        };
        let rows =
            || vec![row("function", 1.0), row("await", 99.9), row("await-inlined", 9.9)];
        let python = Python { python: "CPython 3.11.10".to_owned(), rows: rows() };
        for line in sentences(&rows(), Some(&python)) {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert_eq!(sentences(&rows(), None).len(), 4);
    }
}
