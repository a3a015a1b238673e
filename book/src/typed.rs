//! A number that was measured is not typed: it comes by `{{#measure KEY}}`, so that it can be
//! measured again. Which numbers are measured, their units tell.

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
    let mut at = 0;
    for (line, text) in source.split_inclusive('\n').enumerate() {
        let is_code = code.iter().any(|range| range.contains(&at));
        at += text.len();
        if is_code {
            continue;
        }
        let found = UNITS.iter().filter_map(|unit| typed(text, unit));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_a_unit_of_measurement_is_found_and_a_sleep_is_none() {
        let found = |text| problems("x.md", text, &[]).len();
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
        let all = std::slice::from_ref(&(0..5));
        assert_eq!(problems("x.md", "2 ns\n", all).len(), 0, "code is code");
        assert_eq!(problems("01-waiting.md", "64 KiB\n", &[]).len(), 0);
    }
}
