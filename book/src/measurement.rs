//! `book measure NAME`: has `lineage NAME --json` measure, or the bench of that name, and
//! writes down what came out, and under which circumstances.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use lineage::error::Error;
use lineage::machine::{Machine, today};
use lineage::output::Output;
use serde::Deserialize;

use crate::places::Places;
use crate::results::{FOLDER, Results, Row, VERSION};

/// What is taken of a command's answer.
#[derive(Deserialize)]
struct Answer {
    rows: Vec<Row>,
}

/// Measures, and writes `benches/results/NAME.json`.
///
/// # Errors
///
/// Fails when the command does, or when it does not answer with rows.
pub fn measure(book: &Path, name: &str, output: &mut Output) -> Result<(), Error> {
    let places = Places::of(book).map_err(Error::Failure)?;
    let command = Measure::of(&places, name);
    output.line(command.typed())?;
    let printed = command.run(&places)?;
    let answer: Answer = serde_json::from_slice(&printed)
        .map_err(|error| Error::Failure(format!("{}: {error}", command.typed())))?;
    let results = Results {
        version: VERSION,
        name: name.to_owned(),
        command: command.typed(),
        machine: Machine::this(),
        date: today(),
        load: None,
        versions: BTreeMap::new(),
        missing: BTreeMap::new(),
        claims: Vec::new(),
        rows: answer.rows,
    };
    results.make_sense(name).map_err(Error::Failure)?;
    let path = format!("{FOLDER}/{name}.json");
    let file = places.workspace().join(&path);
    let json = serde_json::to_string_pretty(&results).map_err(Error::failure)? + "\n";
    fs::create_dir_all(places.workspace().join(FOLDER))
        .and_then(|()| fs::write(&file, json))
        .map_err(|error| Error::Failure(format!("{path}: {error}")))?;
    output.line(format_args!("measured {path}: {} rows", results.rows.len()))
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

    fn arguments(&self) -> Vec<&'a str> {
        match self {
            Self::Command(name) => {
                let run = ["run", "--quiet", "--release", "--bin", "lineage", "--"];
                [&run[..], &[name, "--json"]].concat()
            }
            Self::Bench(name) => vec!["bench", "--quiet", "--bench", name],
        }
    }

    fn run(&self, places: &Places) -> Result<Vec<u8>, Error> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut process = Command::new(cargo);
        process.args(self.arguments()).current_dir(places.workspace());
        let done = process.output().map_err(Error::failure)?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(Error::Failure(format!("{}: {said}", self.typed())));
        }
        Ok(done.stdout)
    }
}
