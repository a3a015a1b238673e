//! What a results file says, for a terminal.

use lineage::cost::Row;

use crate::claims::CLAIMS;
use crate::goals::GOALS;
use crate::results::Results;

/// The questions, as rows are called by, and in words.
pub(crate) const QUESTIONS: &[(&str, &str)] = &[
    ("binary", "PEP 492's tree: what a call of it costs"),
    ("call", "One call that does not have to wait"),
    ("depth", "One resume of somebody far inside"),
    ("tasks-spawn", "To start a task and wait for its end"),
    ("tasks-many", "The same, a thousand at a time"),
    ("tasks-yield", "To let the others have their turn"),
    ("tasks-call-soon", "To queue a callback and have it run, a thousand at a time"),
    ("tasks-hand-over", "To hand a permit over"),
    ("tasks-shared-ball", "A ball there and back, over tokio's channels"),
    ("tasks-local-ball", "A ball there and back, over each loop's own channels"),
    ("tasks-timer", "To set a timer and be woken by it"),
    ("tasks-called-off", "To set a timer and call it off"),
    ("timers-called-off", "To set a timer and call it off, 100,000 at a time"),
    ("timers-fired", "To set a timer and have it fire, 100,000 at a time"),
    ("tasks-sleeps", "To sleep, many tasks at once"),
    ("tasks-in-time", "A timeout around what is ready"),
    ("tasks-in-a-turn", "A timeout around a yield"),
    ("echo-1", "An echo of 64 bytes, 1 connection: processor time of the server"),
    ("echo-64", "The same, 64 connections"),
    ("echo-1000", "The same, 1,000 connections"),
    ("echo-10000", "The same, 10,000 connections"),
    ("echo10k-1", "An echo of 10 KiB, 1 connection: processor time of the server"),
    ("echo10k-64", "The same, 64 connections"),
    ("echo10k-1000", "The same, 1,000 connections"),
    ("echo10k-10000", "The same, 10,000 connections"),
    ("rate-64", "Requests a second, 64 bytes, 64 connections"),
    ("p50-64", "How long an answer takes at half of that rate: half of them"),
    ("p99-64", "The same: 99 of 100"),
    ("p999-64", "The same: 999 of 1,000"),
    ("files", "To read 10,000 small files: processor time"),
    ("task", "Memory of a parked task"),
    ("connection", "Memory of an idle connection"),
    ("timer", "Memory of a pending timer"),
    ("holding", "Memory of a parked task that holds 64 bytes"),
    ("sleeping", "The same, while it sleeps"),
    ("holding4k", "Memory of a parked task that holds 4 KiB"),
    ("turn", "A turn of asyncio's loop, 99 of 100, while somebody computes"),
];

/// All of it: the claims, our goals, the figures.
pub(crate) fn of(results: &Results, counts: Option<&Results>) -> String {
    let mut text = format!("{}\n\n", results.circumstances());
    text += &claims(results);
    text += &goals(results, counts);
    text += &figures(results);
    for (what, why) in &results.missing {
        text += &format!("not here: {what} ({why})\n");
    }
    text
}

/// Two columns, two verdicts: neither stands for the other.
fn claims(results: &Results) -> String {
    let mut text = String::from("Was the talk right?\n");
    for claim in &CLAIMS {
        let (quote, who, how) = (claim.quote, claim.who, claim.how);
        text += &format!("\n  “{quote}” ({who})\n    measured: {how}\n");
        for name in pythons(results) {
            let version = &results.versions[name];
            let verdict = claim.python(results, name);
            text += &format!("    {:<16} {verdict}\n", format!("Python {version}"));
        }
        text += &format!("    {:<16} {}\n", "Rust, here", claim.rust(results));
    }
    text + "\n"
}

/// By what their rows are called, the first `python3` first.
pub(crate) fn pythons(results: &Results) -> impl Iterator<Item = &str> {
    let names = results.versions.keys().map(String::as_str);
    names.filter(|name| name.starts_with("python"))
}

fn goals(results: &Results, counts: Option<&Results>) -> String {
    let mut text = String::from("Our goals\n");
    for (part, goals) in GOALS {
        text += &format!("\n  {part}\n");
        for goal in *goals {
            let (measured, word) = goal.told(results, counts);
            let (what, at_most) = (goal.what, number(goal.at_most));
            text += &format!("    {what:<58}{measured:>9} of {at_most:<8} {word}\n");
        }
    }
    text + "\n"
}

fn figures(results: &Results) -> String {
    let mut text = String::new();
    for &(question, words) in QUESTIONS {
        let rows: Vec<_> = of_question(results, question).collect();
        let Some(first) = rows.first() else { continue };
        text += &format!("{words}\n\n");
        for row in &rows {
            let times = row.median / first.median;
            let (median, low, high) =
                (number(row.median), number(row.low), number(row.high));
            let (label, unit) = (&row.label, &row.unit);
            let interval = format!("{low} to {high}");
            text += &format!(
                "  {label:<50}{median:>9} {unit:<4}{interval:>20}{times:>9.1}x\n"
            );
        }
        text.push('\n');
    }
    text
}

/// The rows that answer a question: ours, then each Python's.
pub(crate) fn of_question<'a>(
    results: &'a Results,
    question: &'a str,
) -> impl Iterator<Item = &'a Row> {
    results.rows.iter().filter(move |row| {
        let id = match row.id.split_once('-') {
            Some((name, id)) if name.starts_with("python") => id,
            _ => &row.id,
        };
        let rest = id.strip_prefix(question).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some()
    })
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    format!("{value:.digits$}")
}
