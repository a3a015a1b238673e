//! What changed between two results files, beyond what is noise.

use std::io;

use lineage::cost::Row;

use crate::results::Results;
use crate::table::number;

/// Of two medians whose intervals do not touch, so many percent apart is a change.
const NOTICEABLE: f64 = 5.0;

/// So much more is a change for the worse; equal counts differ by less.
const MORE: f64 = 1.01;

/// And so much is nothing, whatever it is of: a count that is divided has parts.
const NOTHING: f64 = 0.5;

/// What is counted needs no second sample.
const COUNTED: [&str; 4] = ["instructions", "allocations", "atomics", "system calls"];

/// The file that keeps how many agree, for the book.
const NAME: &str = "repeated";

/// What there is to say of two files, and how many of their figures agree.
pub(crate) struct Compared {
    pub(crate) text: String,
    same: usize,
    changed: usize,
}

/// Compares them, row by row.
pub(crate) fn of(before: &Results, after: &Results) -> Compared {
    let mut text = format!("{}\n{}\n\n", before.circumstances(), after.circumstances());
    if before.machine != after.machine {
        text += "These are not the same machine, system and compiler.\n\n";
    }
    let (mut same, mut changed, mut unknown) = (0, 0, 0);
    for row in &after.rows {
        let Some(old) = before.row(&row.id) else {
            text += &format!("  {:<46}new\n", row.id);
            continue;
        };
        if (row.samples == 1 || old.samples == 1) && !COUNTED.contains(&&*row.unit) {
            unknown += 1;
            continue;
        }
        match change(old, row) {
            None => same += 1,
            Some(line) => {
                changed += 1;
                text += &line;
            }
        }
    }
    for gone in before.rows.iter().filter(|row| after.row(&row.id).is_none()) {
        text += &format!("  {:<46}not measured any more\n", gone.id);
    }
    text += &format!(
        "{same} figures agree, {changed} do not: neither do their intervals touch, nor are \
         their medians less than {NOTICEABLE} % apart\n"
    );
    if unknown > 0 {
        text += &format!(
            "{unknown} more have one sample only, which does not say what is noise\n"
        );
    }
    Compared { text, same, changed }
}

impl Compared {
    /// As results of their own, of the machine and the day of `after`.
    #[expect(clippy::cast_precision_loss, reason = "a count of some digits")]
    pub(crate) fn kept(&self, before: &Results, after: &Results) -> io::Result<Results> {
        let why_not =
            if before.machine != after.machine || before.command != after.command {
                Some("these are not two runs of the same on one machine")
            } else if figures(before).eq(figures(after)) {
                Some("this is one run, and not two")
            } else if self.same + self.changed == 0 {
                Some("they have nothing in common")
            } else {
                None
            };
        if let Some(why) = why_not {
            return Err(io::Error::other(format!("nothing is kept for the book: {why}")));
        }
        let command = "cargo bench --bench verdict -- compare A B --write";
        let mut results = Results::named(NAME, command);
        results.machine = after.machine.clone();
        results.date.clone_from(&after.date);
        results.load = after.load;
        let rows = [
            ("figures", "measured in both runs", self.same + self.changed),
            ("same", "that agree", self.same),
        ];
        for (id, label, count) in rows {
            results.add(id.to_owned(), label, "figures", &[count as f64]);
        }
        Ok(results)
    }
}

/// What is worse than it was, a line each; and what is not compared.
pub(crate) fn counts(before: &Results, now: &Results) -> (Vec<String>, Vec<String>) {
    let (mut worse, mut not_compared) = (Vec::new(), Vec::new());
    let is_same = before.machine.executes_the_same_as(&now.machine);
    if !is_same {
        let line =
            "instructions: another compiler or architecture than those of the base line";
        not_compared.push(line.to_owned());
    }
    for row in &now.rows {
        let Some(old) = before.row(&row.id) else {
            not_compared.push(format!("{}: not in the base line", row.id));
            continue;
        };
        if row.unit == "instructions" && !is_same {
            continue;
        }
        if row.median > old.median * MORE + NOTHING {
            let (old, new, unit) = (number(old.median), number(row.median), &row.unit);
            worse.push(format!("{}: {old} -> {new} {unit}", row.id));
        }
    }
    let gone = before.rows.iter().filter(|row| now.row(&row.id).is_none());
    worse.extend(gone.map(|row| format!("{}: not counted any more", row.id)));
    (worse, not_compared)
}

/// What is beyond noise.
fn change(old: &Row, new: &Row) -> Option<String> {
    let percent = (new.median / old.median - 1.0) * 100.0;
    let overlap = new.low <= old.high && old.low <= new.high;
    if overlap || percent.abs() < NOTICEABLE {
        return None;
    }
    let much = match percent {
        percent if percent.is_finite() => format!("{percent:+.0} %"),
        _ => "from nothing".to_owned(),
    };
    let (before, after) = (number(old.median), number(new.median));
    let times = format!("{before} -> {after} {}", new.unit);
    Some(format!("  {:<46}{times:>24}  {much}\n", new.id))
}

fn figures(results: &Results) -> impl Iterator<Item = (&str, f64)> {
    results.rows.iter().map(|row| (&*row.id, row.median))
}
