//! `book measure NAME`: has `lineage NAME --json` measure, or the bench of that name, and
//! writes down what came out, and under which circumstances.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering;

use lineage::error::Error;
use lineage::interrupt::note_interrupt;
use lineage::machine::{Machine, today};
use lineage::output::Output;
use serde::Deserialize;
use site::count;

use crate::places::Places;
use crate::results::{FOLDER, Results, Row, VERSION};

/// What is taken of a command's answer.
#[derive(Deserialize)]
struct Answer {
    rows: Vec<Row>,
    /// What it has not come to, and why.
    #[serde(default)]
    missing: BTreeMap<String, String>,
}

/// Measures, and writes `benches/results/NAME.json`. After a Ctrl-C, that is what was measured so far.
///
/// # Errors
///
/// Fails when the command does, or when it does not answer with rows.
pub fn measure(book: &Path, name: &str, output: &mut Output) -> Result<(), Error> {
    let places = Places::of(book).map_err(Error::Failure)?;
    let command = Measure::of(&places, name);
    let path = format!("{FOLDER}/{name}.json");
    let interrupted = note_interrupt()?;
    output.line(command.typed())?;
    let (printed, status) = command.run(&places)?;
    let is_interrupted = interrupted.load(Ordering::Relaxed);
    if !status.success() && !is_interrupted {
        return Err(command.failed(status));
    }
    let answer = match Answer::read(&printed) {
        Err(_) if is_interrupted => {
            let nothing = "interrupted before anything was measured";
            output.line(format_args!("{nothing}: {path} is as it was"))?;
            return Err(Error::INTERRUPTED);
        }
        answer => answer.map_err(|why| command.failed(why))?,
    };
    let rows = count(answer.rows.len(), "row");
    write(&places, &path, &command.results(name, answer))?;
    if is_interrupted {
        output.line(format_args!("interrupted: {path} has what there is, {rows}"))?;
        return Err(Error::INTERRUPTED);
    }
    output.line(format_args!("measured {path}: {rows}"))
}

fn write(places: &Places, path: &str, results: &Results) -> Result<(), Error> {
    results.make_sense(&results.name).map_err(Error::Failure)?;
    let file = places.workspace().join(path);
    let json = serde_json::to_string_pretty(results).map_err(Error::failure)? + "\n";
    fs::create_dir_all(places.workspace().join(FOLDER))
        .and_then(|()| fs::write(&file, json))
        .map_err(|error| Error::Failure(format!("{path}: {error}")))
}

impl Answer {
    fn read(printed: &[u8]) -> Result<Self, String> {
        let answer: Self =
            serde_json::from_slice(printed).map_err(|error| error.to_string())?;
        if answer.rows.is_empty() { Err("no rows".to_owned()) } else { Ok(answer) }
    }
}

/// Who measures, and how it is asked for its rows.
enum Measure<'a> {
    Command(&'a str),
    Bench(&'a str),
}

impl<'a> Measure<'a> {
    fn of(places: &Places, name: &'a str) -> Self {
        let is_bench = places.has(&format!("benches/{name}.rs"));
        if is_bench { Self::Bench(name) } else { Self::Command(name) }
    }

    /// What one would type.
    fn typed(&self) -> String {
        match self {
            Self::Command(name) => format!("cargo run --release -- {name}"),
            Self::Bench(name) => format!("cargo bench --bench {name}"),
        }
    }

    fn failed(&self, why: impl Display) -> Error {
        Error::Failure(format!("{}: {why}", self.typed()))
    }

    fn results(&self, name: &str, answer: Answer) -> Results {
        Results {
            version: VERSION,
            name: name.to_owned(),
            command: self.typed(),
            machine: Machine::this(),
            date: today(),
            load: None,
            versions: BTreeMap::new(),
            missing: answer.missing,
            claims: Vec::new(),
            rows: answer.rows,
        }
    }

    fn arguments(&self) -> Vec<&'a str> {
        match self {
            Self::Command(name) => {
                vec!["run", "--release", "--bin", "lineage", "--", name, "--json"]
            }
            Self::Bench(name) => vec!["bench", "--bench", name],
        }
    }

    /// What it has printed. Its progress, and cargo's, is shown as it comes.
    fn run(&self, places: &Places) -> Result<(Vec<u8>, ExitStatus), Error> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut process = Command::new(cargo);
        process.args(self.arguments()).current_dir(places.workspace());
        process.stdout(Stdio::piped());
        let done = process.spawn().and_then(Child::wait_with_output);
        let done = done.map_err(Error::failure)?;
        Ok((done.stdout, done.status))
    }
}
