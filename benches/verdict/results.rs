//! `benches/results/MACHINE.json`: the format is in `docs/results.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lineage::cost::Row;
use lineage::error::named;
use lineage::machine::{Machine, today};
use serde::{Deserialize, Serialize};

use crate::stats::Summary;

/// What is missing where not all was measured.
const REST: &str = "the rest";

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Results {
    version: u32,
    pub(crate) name: String,
    pub(crate) command: String,
    pub(crate) machine: Machine,
    pub(crate) date: String,
    #[serde(default)]
    pub(crate) load: Option<f64>,
    #[serde(default)]
    pub(crate) versions: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) missing: BTreeMap<String, String>,
    /// What the rows say to what was claimed: filled by the verdict, shown by the book.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<Claimed>,
    pub(crate) rows: Vec<Row>,
}

/// A claim, and the word of each column.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) quote: String,
    pub(crate) who: String,
    pub(crate) how: String,
    /// Python's first, each by its version; ours last.
    pub(crate) columns: Vec<Column>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) of: String,
    /// `holds`, `does not hold here`, either of them `narrowly`, or `cannot be tested here`.
    pub(crate) word: String,
    /// How many times, for each measurement of it.
    pub(crate) times: Vec<f64>,
}

impl Results {
    /// Of this machine, today; empty.
    pub(crate) fn new(command: &str) -> Self {
        Self::named(&Machine::this().slug(), command)
    }

    /// The same under another name.
    pub(crate) fn named(name: &str, command: &str) -> Self {
        let (machine, name) = (Machine::this(), name.to_owned());
        let (versions, missing, rows) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let (command, date) = (command.to_owned(), today());
        Self {
            version: 1,
            name,
            command,
            machine,
            date,
            load: load(),
            versions,
            missing,
            claims: Vec::new(),
            rows,
        }
    }

    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(path).map_err(|it| io::Error::other(said(&it)))?;
        serde_json::from_str(&text).map_err(|it| io::Error::other(said(&it)))
    }

    /// Says that this is not all that a run measures, and why.
    pub(crate) fn mark_as_a_part(&mut self, why: &str) {
        self.missing.insert(REST.to_owned(), why.to_owned());
    }

    /// Where they are kept: a part is aside, in the place of no whole run, which took its time.
    pub(crate) fn path(&self) -> PathBuf {
        if self.missing.contains_key(REST) {
            Self::path_aside(&self.name)
        } else {
            Self::path_of(&self.name)
        }
    }

    /// Writes the file, and says which it is. Whoever reads it meanwhile reads the old one.
    pub(crate) fn write(&self) -> io::Result<PathBuf> {
        let path = self.path();
        let text = serde_json::to_string_pretty(self)? + "\n";
        let new = path.with_extension("new");
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        written
            .and_then(|()| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &path))
            .map_err(named(&path))?;
        Ok(path)
    }

    /// The last whole run on this machine; or else, what is aside.
    pub(crate) fn path_of_this_machine() -> PathBuf {
        let name = Machine::this().slug();
        let (whole, aside) = (Self::path_of(&name), Self::path_aside(&name));
        if aside.exists() && !whole.exists() { aside } else { whole }
    }

    fn path_aside(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/verdict")
            .join(format!("{name}.json"))
    }

    pub(crate) fn path_of(name: &str) -> PathBuf {
        folder().join(format!("{name}.json"))
    }

    pub(crate) fn add(&mut self, id: String, label: &str, unit: &str, samples: &[f64]) {
        let Summary { median, low, high } = Summary::of(samples);
        let (label, unit, samples) = (label.to_owned(), unit.to_owned(), samples.len());
        self.rows.push(Row { id, label, unit, median, low, high, samples });
    }

    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.id == id)
    }

    /// How many times more one is than the other, and the interval of that.
    pub(crate) fn times(&self, above: &str, below: &str) -> Option<Summary> {
        let (above, below) = (self.row(above)?, self.row(below)?);
        let is_something = below.low > 0.0;
        is_something.then(|| Summary {
            median: above.median / below.median,
            low: above.low / below.high,
            high: above.high / below.low,
        })
    }

    /// `AMD EPYC, Linux …, rustc …, 2026-11-29`.
    pub(crate) fn circumstances(&self) -> String {
        let Self { machine, date, .. } = self;
        let Machine { cpu, os, rustc } = machine;
        let load = self.load.map(|it| format!(", load {it:.1}")).unwrap_or_default();
        format!("{cpu}, {os}, {rustc}, {date}{load}")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results")
}

/// How many processes have wanted a processor in the last minute, on the average.
fn load() -> Option<f64> {
    let loads = fs::read_to_string("/proc/loadavg").ok()?;
    loads.split_whitespace().next()?.parse().ok()
}
