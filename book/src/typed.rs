//! A number that was measured is not typed: it comes by `{{#measure KEY}}`, so that it can be
//! measured again. Which numbers are measured, their units tell, wherever these stand: behind the
//! number, or for a whole table in its header or in the sentence that leads to it.

use std::ops::Range;

use crate::problem::Problem;

/// What is measured here, and never said of a program's own doing: its sleeps and its deadlines
/// are in milliseconds and seconds.
const UNITS: [&str; 12] = [
    "ns",
    "µs",
    "nanoseconds",
    "microseconds",
    "KiB",
    "MiB",
    "instructions",
    "allocations",
    "system calls",
    "requests a second",
    "ms of processor time",
    "times as fast",
];

/// What has such a unit, and was decided and not measured.
const DECIDED: [(&str, &str); 1] = [
    // How much a thread's stack is given.
    ("01-waiting.md", "64 KiB"),
];

/// Numbers in a chapter's text that would have to come from a file of results.
pub fn problems(name: &str, source: &str, code: &[Range<usize>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (mut at, mut table) = (0, Table::default());
    for (line, text) in source.split_inclusive('\n').enumerate() {
        let is_code = code.iter().any(|range| range.contains(&at));
        at += text.len();
        if is_code {
            continue;
        }
        let found = UNITS.iter().filter_map(|unit| typed(text, unit));
        let found = found.chain(table.next(text));
        let is_decided = |it: &String| DECIDED.contains(&(name, it.as_str()));
        problems.extend(found.filter(|it| !is_decided(it)).map(|it| {
            let message =
                format!("{it} was measured? Then it comes by {{{{#measure KEY}}}}");
            Problem::at(name, line + 1, message)
        }));
    }
    problems
}

/// `4,799 instructions`: a number and, after a blank, the unit as a word of its own.
fn typed(line: &str, unit: &str) -> Option<String> {
    line.match_indices(unit).find_map(|(at, _)| {
        let ends = !line[at + unit.len()..].starts_with(char::is_alphanumeric);
        let before = line[..at].strip_suffix([' ', '\u{a0}'])?;
        let number: String = before
            .chars()
            .rev()
            .take_while(|it| it.is_ascii_digit() || matches!(it, '.' | ','))
            .collect();
        let number: String = number.chars().rev().collect();
        let is_number = number.starts_with(|it: char| it.is_ascii_digit());
        (ends && is_number).then(|| format!("{number} {unit}"))
    })
}

/// The table that a line may be in, and the text before it.
#[derive(Default)]
struct Table {
    /// The last paragraph.
    lead: String,
    /// Whether the line before was a row, or nothing at all.
    was_row: bool,
    was_blank: bool,
    /// What all its bare numbers are in.
    unit: Option<&'static str>,
}

impl Table {
    /// What is typed in the cells of the next line, if they have no unit of their own.
    fn next(&mut self, line: &str) -> Vec<String> {
        let line = line.trim();
        let Some(row) = line.strip_prefix('|') else {
            if self.was_row || (self.was_blank && !line.is_empty()) {
                self.lead.clear();
            }
            (self.was_row, self.was_blank) = (false, line.is_empty());
            self.lead += line;
            self.lead.push(' ');
            return Vec::new();
        };
        if !std::mem::replace(&mut self.was_row, true) {
            let sentence = self.lead.trim_end().rsplit(". ").next().unwrap_or_default();
            let leads = sentence.ends_with(':').then_some(sentence);
            let is_named = |unit: &&str| {
                has_word(row, unit) || leads.is_some_and(|it| has_word(it, unit))
            };
            self.unit = UNITS.into_iter().find(|unit| is_named(unit));
            return Vec::new();
        }
        let Some(unit) = self.unit else { return Vec::new() };
        let cells = row.split('|').map(str::trim);
        cells
            .filter(|cell| is_number(cell))
            .map(|cell| format!("{cell} {unit}"))
            .collect()
    }
}

/// `4,799`, `2.2`, and nothing else.
fn is_number(cell: &str) -> bool {
    let digits = |it: char| it.is_ascii_digit() || matches!(it, '.' | ',');
    cell.starts_with(|it: char| it.is_ascii_digit()) && cell.chars().all(digits)
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].ends_with(char::is_alphanumeric);
        let after = text[at + word.len()..].starts_with(char::is_alphanumeric);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_of_measurement_is_found_and_a_sleep_is_none() {
        let found = |text: &str| problems("x.md", text, &[]).len();
        for text in [
            "It took 4,799 instructions.\n",
            "| asyncio | 2.2 µs | 6.9 |\n",
            "a thread takes 107 ms of processor time\n",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
        for text in [
            "it sleeps for 40 ms, some instructions later\n",
            "{{#measure counts.call-instructions}}\n",
            "12 answers\n",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
        let table = |lead: &str, head: &str| {
            found(&format!("{lead}\n\n| | {head} |\n|---|---|\n| a yield | 4,351 |\n"))
        };
        assert_eq!(table("Dear. In instructions:", "tokio"), 1, "the lead-in has it");
        assert_eq!(table("See:", "tokio, ns"), 1, "the header has it");
        assert_eq!(table("These took instructions. In order:", "tokio"), 0);
        assert_eq!(table("In steps:", "constructions"), 0, "a part of a word");
        let all = std::slice::from_ref(&(0..5));
        assert_eq!(problems("x.md", "2 ns\n", all).len(), 0, "code is code");
        assert_eq!(problems("01-waiting.md", "64 KiB\n", &[]).len(), 0);
    }
}
