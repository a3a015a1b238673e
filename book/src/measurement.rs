//! `book measure NAME`: has `lineage NAME --json` measure, or the bench of that name, and
//! writes down what came out, and under which circumstances.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use lineage::error::Error;
use lineage::output::Output;
use serde::Deserialize;

use crate::places::Places;
use crate::results::{FOLDER, Machine, Results, Row, VERSION};

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
        machine: machine(),
        date: today(),
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

fn machine() -> Machine {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map(|it| it.trim_start_matches([' ', '\t', ':']).to_owned());
    let model = model.or_else(|| said_by("sysctl", &["-n", "machdep.cpu.brand_string"]));
    let system = said_by("uname", &["-sr"]).unwrap_or(std::env::consts::OS.to_owned());
    Machine {
        cpu: model.unwrap_or_else(|| "an unknown processor".to_owned()),
        os: format!("{system} {}", std::env::consts::ARCH),
        rustc: said_by("rustc", &["--version"]).unwrap_or("an unknown rustc".to_owned()),
    }
}

/// What a small command says, if it is there.
fn said_by(command: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(command).args(arguments).output().ok()?;
    let said = String::from_utf8(done.stdout).ok()?.trim().to_owned();
    (done.status.success() && !said.is_empty()).then_some(said)
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    date(since.as_secs() / 86_400)
}

/// The date of a day, counted from the first of January 1970. The year begins in March
/// here, so that the leap day is its last, as the Romans had it.
fn date(day: u64) -> String {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        0..10 => (year + 400 * era, month + 3),
        _ => (year + 400 * era + 1, month - 9),
    };
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_have_dates() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(16_564), "2015-05-09");
        assert_eq!(date(20_453), "2025-12-31");
    }
}
