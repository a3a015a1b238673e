//! `benches/results/*.json`, version 1: what was measured, where and how. And
//! `{{#measure KEY}}`: a number of it in prose.
//!
//! The format is in `docs/results.md`. A key is `NAME.ROW`; `NAME.ROW / NAME.ROW` is how many
//! times more the first is.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use lineage::machine::Machine;
use serde::{Deserialize, Serialize};

use crate::html::escape;
use crate::places::{Answer, Places};

/// The version of the format.
pub const VERSION: u32 = 1;

/// The folder, from the workspace's root.
pub const FOLDER: &str = "benches/results";

/// One measurement, with its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// [`VERSION`].
    pub version: u32,
    /// What it is called; the file's name without `.json`.
    pub name: String,
    /// What to type to measure it again.
    pub command: String,
    /// Where it was measured.
    pub machine: Machine,
    /// When, as `2015-05-09`.
    pub date: String,
    /// How many processes wanted a processor in the minute before, on the average: more than there
    /// are processors, and it was no quiet machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
    /// What was compared with, and its version.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// What could not be measured there, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
    /// What the rows say to what was claimed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Claimed>,
    /// What came out.
    pub rows: Vec<Row>,
}

/// What somebody claimed, and what each column of figures says to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claimed {
    /// In their words.
    pub quote: String,
    /// Who, when, and of what.
    pub who: String,
    /// What is divided by what.
    pub how: String,
    /// Each Python, then ours.
    pub columns: Vec<Column>,
}

/// What one column says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Whose figures these are.
    pub of: String,
    /// `holds`, `does not hold here`, either of them `narrowly`, or `cannot be tested here`.
    pub word: String,
    /// How many times, for each way to measure it.
    pub times: Vec<f64>,
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its name in keys.
    pub id: String,
    /// Its name for readers.
    pub label: String,
    /// What it counts: `ns`, `KiB`, `allocations`.
    pub unit: String,
    /// The median of all samples.
    pub median: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
    /// How many samples.
    pub samples: u64,
}

impl Results {
    /// Reads `benches/results/NAME.json`.
    ///
    /// # Errors
    ///
    /// Fails when it is not there, or makes no sense.
    pub fn read(places: &Places, name: &str) -> Answer<Rc<Self>> {
        if let Some(results) = places.results.borrow().get(name) {
            return Ok(Rc::clone(results));
        }
        let path = format!("{FOLDER}/{name}.json");
        let text = places.read(&path)?;
        let results: Self =
            serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))?;
        results.make_sense(name).map_err(|error| format!("{path}: {error}"))?;
        let results = Rc::new(results);
        places.results.borrow_mut().insert(name.to_owned(), Rc::clone(&results));
        Ok(results)
    }

    /// Whether these can be the results of that name.
    ///
    /// # Errors
    ///
    /// Says what cannot be.
    pub fn make_sense(&self, name: &str) -> Answer<()> {
        if self.version != VERSION {
            return Err(format!("version {}, and this reads {VERSION}", self.version));
        }
        if self.name != name {
            return Err(format!("its name is {}", self.name));
        }
        let mut ids = BTreeSet::new();
        for row in &self.rows {
            if !ids.insert(&row.id) {
                return Err(format!("two rows have the id {}", row.id));
            }
            let is_ordered = row.low <= row.median && row.median <= row.high;
            if !is_ordered || row.low < 0.0 || row.samples == 0 {
                return Err(format!("row {}: 0 ≤ low ≤ median ≤ high, please", row.id));
            }
        }
        Ok(())
    }

    fn row(&self, id: &str) -> Answer<&Row> {
        self.rows.iter().find(|row| row.id == id).ok_or_else(|| {
            let near = self.near(id).join(", ");
            format!("{} has no row {id}; nearest to it are: {near}", self.name)
        })
    }

    /// The rows of a question, all of one unit: those that are called `QUESTION-…`, the first Python's
    /// among them; of no question, all.
    ///
    /// # Errors
    ///
    /// Says which questions there are, or which units.
    pub fn asked(&self, question: &str) -> Answer<Vec<&Row>> {
        let rows: Vec<_> =
            self.rows.iter().filter(|row| answers(&row.id, question)).collect();
        let Some(first) = rows.first() else { return Err(self.answers_only(question)) };
        match rows.iter().find(|row| row.unit != first.unit) {
            None => Ok(rows),
            Some(Row { unit, .. }) => Err(format!(
                "{} has rows in {} and in {unit}: one chart, one unit",
                self.name, first.unit
            )),
        }
    }

    /// What could not be measured of a question, and why, in a sentence, if there is such a thing.
    pub fn not_measured(&self, question: &str) -> String {
        let missing = self.missing.iter();
        let missing = missing.filter(|(id, _)| *id == "python" || answers(id, question));
        let missing: Vec<_> = missing.map(|(id, why)| format!("{id} ({why})")).collect();
        match missing.as_slice() {
            [] => String::new(),
            missing => format!("Not measured: {}. ", missing.join(", ")),
        }
    }

    fn answers_only(&self, question: &str) -> String {
        let name = &self.name;
        let mut questions: Vec<&str> = Vec::new();
        for row in &self.rows {
            let question = row.id.split('-').next().unwrap_or_default();
            if !question.starts_with("python") && !questions.contains(&question) {
                questions.push(question);
            }
        }
        match questions.join(", ").as_str() {
            "" => format!("{name} has no rows"),
            there => {
                format!("{name} has no rows of {question}; there are those of: {there}")
            }
        }
    }

    /// The rows whose ids begin as `id` does, for as long as any does.
    fn near(&self, id: &str) -> Vec<&str> {
        let alike = |row: &Row| {
            row.id.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count()
        };
        let most = self.rows.iter().map(alike).max();
        let rows = self.rows.iter().filter(|row| Some(alike(row)) == most);
        rows.map(|row| row.id.as_str()).collect()
    }

    /// Where, when and how it was measured, in a line.
    pub fn circumstances(&self) -> String {
        let Self { command, machine: Machine { cpu, os, rustc }, date, load, .. } = self;
        let load = load.map(|it| format!(", load {} before", number(it)));
        let load = load.unwrap_or_default();
        format!("{command}, {date}, {cpu}, {os}, {rustc}{load}")
    }
}

/// Whether what is called so is of that question.
fn answers(id: &str, question: &str) -> bool {
    let id = id.strip_prefix("python-").unwrap_or(id);
    let rest = id.strip_prefix(question);
    question.is_empty()
        || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The number with its interval.
///
/// # Errors
///
/// Names the rows there are.
pub fn expand(places: &Places, key: &str) -> Answer<String> {
    let Some((above, below)) = key.split_once('/') else {
        let (results, row) = look_up(places, key)?;
        return Ok(span(&results, &row, &row.spread()));
    };
    let (results, above) = look_up(places, above)?;
    let (_, below) = look_up(places, below)?;
    if above.unit != below.unit {
        return Err(format!("{key}: {} and {} do not compare", above.unit, below.unit));
    }
    if below.low <= 0.0 {
        return Err(format!("{key}: nothing is so many times nothing"));
    }
    let times = Row {
        unit: "×".to_owned(),
        median: above.median / below.median,
        low: above.low / below.high,
        high: above.high / below.low,
        samples: above.samples.min(below.samples),
        ..above.clone()
    };
    // Of one sample each, as far as is known.
    let spread =
        if above.samples > times.samples { below.spread() } else { above.spread() };
    Ok(span(&results, &times, &spread))
}

fn look_up(places: &Places, key: &str) -> Answer<(Rc<Results>, Row)> {
    let key = key.trim();
    let (name, id) = key
        .split_once('.')
        .ok_or_else(|| format!("the key {key} is not of the form NAME.ROW"))?;
    let results = Results::read(places, name)?;
    let row = results.row(id)?.clone();
    Ok((results, row))
}

fn span(results: &Results, row: &Row, spread: &Spread) -> String {
    let title = format!("{} samples; {}", row.samples, results.circumstances());
    let (title, median) = (escape(&title), row.median());
    let interval = match spread {
        Spread::Counted => String::new(),
        Spread::Unknown => " (one sample)".to_owned(),
        Spread::Interval => format!(" ({})", row.interval()),
    };
    format!("<span class=\"measure\" title=\"{title}\">{median}{interval}</span>")
}

/// What is known of how far a number may be off.
enum Spread {
    /// What was counted is its own interval.
    Counted,
    /// What was measured once may be anywhere.
    Unknown,
    Interval,
}

/// The units of what comes out the same each time.
const COUNTED: [&str; 5] =
    ["instructions", "allocations", "atomics", "system calls", "figures"];

impl Row {
    fn spread(&self) -> Spread {
        match self.samples {
            _ if COUNTED.contains(&&*self.unit) => Spread::Counted,
            1 => Spread::Unknown,
            _ => Spread::Interval,
        }
    }

    /// `14.2 ns`, in HTML.
    pub fn median(&self) -> String {
        format!("{}\u{a0}{}", number(self.median), escape(&self.unit))
    }

    /// `13.9–14.6`.
    pub fn interval(&self) -> String {
        format!("{}–{}", number(self.low), number(self.high))
    }
}

/// Three digits that count, and no zeros behind them.
pub fn number(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        value if value >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    thousands(&text)
}

/// `12,345`.
fn thousands(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Row, Spread, number};

    /// An interval of one sample would be none, and look like certainty.
    #[test]
    fn what_was_measured_once_is_told_from_what_was_counted() {
        let row = |unit: &str, samples| Row {
            id: String::new(),
            label: String::new(),
            unit: unit.to_owned(),
            median: 1.0,
            low: 1.0,
            high: 1.0,
            samples,
        };
        assert!(matches!(row("ns", 1).spread(), Spread::Unknown));
        assert!(matches!(row("KiB", 1).spread(), Spread::Unknown));
        assert!(matches!(row("ns", 2).spread(), Spread::Interval));
        assert!(matches!(row("instructions", 1).spread(), Spread::Counted));
        assert!(matches!(row("system calls", 1).spread(), Spread::Counted));
    }

    #[test]
    fn a_number_has_three_digits_that_count() {
        let numbers = [0.5126, 1.0, 1.234, 14.25, 14.0, 999.6, 12_345.0, 0.0];
        let texts = numbers.map(number);
        assert_eq!(texts, ["0.513", "1", "1.23", "14.2", "14", "1,000", "12,345", "0"]);
    }
}
