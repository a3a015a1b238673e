//! What the chapters show and nobody typed: runs in `traces/`, outputs in `snapshots/`. Both
//! are kept in the repository, made again by `record`, and compared by `check`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use clap::ValueEnum;
use lineage::error::Error;
use lineage::invocation::to_type;
use lineage::output::Output;
use lineage::run::Program;
use lineage::styles::Style;
use lineage::trace::{self, Trace, json::Clock};

use crate::asked::{self, Asked, blame};
use crate::directive::Directive;
use crate::places::{Answer, Places, names_in};
use crate::problem::Problem;
use crate::snapshot::{self, Snapshot};
use crate::{rosetta, story};

/// Records everything that is missing or has changed.
///
/// # Errors
///
/// Fails when something cannot be recorded.
pub fn all(book: &Path, output: &mut Output) -> Result<(), Error> {
    let wrong = check(book, true, output)?;
    if wrong.is_empty() {
        return Ok(());
    }
    let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    Err(Error::Failure(wrong.join("\n")))
}

/// Records one run, also by a real clock.
///
/// # Errors
///
/// Fails as the program does.
pub fn one(
    book: &Path,
    program: Program,
    style: &'static Style,
    output: &mut Output,
) -> Result<(), Error> {
    let places = Places::of(book).map_err(Error::Failure)?;
    let trace = run(program, style).map_err(Error::Failure)?;
    write_trace(&places, &trace, output)
}

/// Records again what comes out the same each time, and what has never been recorded. What
/// differs is a problem, or replaced.
///
/// # Errors
///
/// Fails when a file cannot be written.
pub fn check(
    book: &Path,
    accept: bool,
    output: &mut Output,
) -> Result<Vec<Problem>, Error> {
    let places = Places::of(book).map_err(Error::Failure)?;
    let mut problems = Vec::new();
    let asked = asked::everything(&places);
    for (program, style) in wanted(&places, &asked) {
        let wrong = check_trace(&places, &program, &style, accept, output)?;
        let path = story::path(&program, &style);
        let shows = |it: &Directive<'_>| is_trace(it, &program, &style);
        problems.extend(wrong.iter().flat_map(|it| blame(&asked, shows, &path, it)));
    }
    for name in names_in(&places.book().join(snapshot::FOLDER)) {
        let Some(name) = name.strip_suffix(".txt") else { continue };
        let wrong = check_snapshot(&places, name, accept, output)?;
        let path = snapshot::path(name);
        let shows = |it: &Directive<'_>| *it == Directive::Run(name);
        problems.extend(wrong.iter().flat_map(|it| blame(&asked, shows, &path, it)));
    }
    Ok(problems)
}

fn is_trace(directive: &Directive<'_>, program: &str, style: &str) -> bool {
    match directive {
        Directive::Trace(of, styles) => *of == program && styles.contains(&style),
        _ => false,
    }
}

/// The runs that are recorded, or that a chapter asks for.
fn wanted(places: &Places, asked: &[Asked]) -> BTreeSet<(String, String)> {
    let mut wanted = BTreeSet::new();
    for name in names_in(&places.book().join(story::FOLDER)) {
        let name = name.strip_suffix(".json").and_then(|name| name.split_once('.'));
        wanted.extend(name.map(|(program, style)| (program.into(), style.into())));
    }
    for directive in asked.iter().filter_map(Asked::directive) {
        let Directive::Trace(program, styles) = directive else { continue };
        wanted.extend(styles.iter().map(|style| (program.into(), (*style).into())));
    }
    wanted
}

fn check_trace(
    places: &Places,
    program: &str,
    style: &str,
    accept: bool,
    output: &mut Output,
) -> Result<Option<String>, Error> {
    let kept = story::read(places, program, style);
    // By a real clock no two recordings are the same: the one that is there may stay.
    if kept.as_ref().is_ok_and(|trace| trace.clock == Clock::Real) {
        return Ok(None);
    }
    let recorded = Program::from_str(program, false)
        .map_err(|_| format!("there is no program {program}"))
        .and_then(|program| run(program, rosetta::named(style)?));
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(error) => return Ok(Some(error)),
    };
    if kept.as_ref() == Ok(&recorded) {
        return Ok(None);
    }
    if accept {
        return write_trace(places, &recorded, output).map(|()| None);
    }
    let message = kept.map_or_else(|error| error, |kept| difference(&kept, &recorded));
    Ok(Some(message))
}

/// How what came out differently is kept.
fn how_to_accept() -> String {
    format!("accept it with: {}", to_type("book check --accept"))
}

/// Where two recordings part.
fn difference(kept: &Trace, recorded: &Trace) -> String {
    let how = how_to_accept();
    let events = kept.events.iter().zip(&recorded.events);
    let same = events.take_while(|(kept, recorded)| kept == recorded).count();
    let words = |trace: &Trace| match trace.events.get(same) {
        Some(event) => story::words(trace, event, event.turn.unwrap_or_default()),
        None => "nothing".to_owned(),
    };
    let path = story::path(&kept.program, &kept.style);
    let (step, kept, recorded) = (same + 1, words(kept), words(recorded));
    format!(
        "{path}: the program runs differently now: at step {step} {kept:?} was recorded, \
         and {recorded:?} happens; {how}"
    )
}

fn run(program: Program, style: &'static Style) -> Answer<Trace> {
    apart(style, move |style| trace::record(program, style))
}

/// A run, on a thread of its own: what a loop leaves behind there is gone with it.
pub(crate) fn apart(
    style: &'static Style,
    record: impl FnOnce(&'static Style) -> Result<Trace, Error> + Send + 'static,
) -> Answer<Trace> {
    let recorded = thread::spawn(move || record(style)).join();
    let recorded =
        recorded.map_err(|_| format!("{}: the program panicked", style.name))?;
    recorded.map_err(|error| error.to_string())
}

fn write_trace(places: &Places, trace: &Trace, output: &mut Output) -> Result<(), Error> {
    let json = serde_json::to_string(trace).map_err(Error::failure)?;
    write(places, &story::path(&trace.program, &trace.style), &(json + "\n"), output)
}

fn write(
    places: &Places,
    path: &str,
    text: &str,
    output: &mut Output,
) -> Result<(), Error> {
    let file = places.book().join(path);
    let folder = file.parent().unwrap_or(places.book());
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| Error::Failure(format!("{path}: {error}")))?;
    output.line(format_args!("recorded {path}"))
}

fn check_snapshot(
    places: &Places,
    name: &str,
    accept: bool,
    output: &mut Output,
) -> Result<Option<String>, Error> {
    let path = snapshot::path(name);
    let snapshot = match Snapshot::read(places, name) {
        Ok(snapshot) => snapshot,
        Err(error) => return Ok(Some(error)),
    };
    let printed = match printed(places, &snapshot.command) {
        Ok(Some(printed)) => printed,
        Ok(None) => {
            output.line(format_args!("skipped {path}: there is no python3 here"))?;
            return Ok(None);
        }
        Err(error) => return Ok(Some(error)),
    };
    if snapshot.agrees_with(&printed) {
        return Ok(None);
    }
    if accept {
        let text = snapshot.with_output(&printed);
        return write(places, &path, &text, output).map(|()| None);
    }
    Ok(Some(format!(
        "{path}: `{}` prints something else now; {}",
        snapshot.command,
        how_to_accept()
    )))
}

/// What a command prints, or `None` if it is Python's and there is no Python.
fn printed(places: &Places, command: &str) -> Answer<Option<String>> {
    let mut words = command.split_whitespace();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut process = match words.next() {
        Some("lineage") => {
            let mut process = Command::new(cargo);
            process.args(["run", "--quiet", "--bin", "lineage", "--"]);
            process
        }
        Some("cargo") => Command::new(cargo),
        Some("python3") => Command::new("python3"),
        _ => return Err(format!("`{command}`: only lineage, cargo and python3 are run")),
    };
    process.args(words).current_dir(places.workspace()).env("NO_COLOR", "1");
    match process.output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Ok(Some(String::from_utf8_lossy(&text).replace("\r\n", "\n")))
        }
        Err(_) if command.starts_with("python3") => Ok(None),
        Err(error) => Err(format!("`{command}`: {error}")),
    }
}
