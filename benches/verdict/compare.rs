//! What changed between two results files, beyond what is noise.

use crate::results::Results;
use crate::table::number;

/// Of two medians whose intervals do not touch, so many percent apart is a change.
const NOTICEABLE: f64 = 5.0;

/// What there is to say.
pub(crate) fn of(before: &Results, after: &Results) -> String {
    let mut text = format!("{}\n{}\n\n", before.circumstances(), after.circumstances());
    if before.machine != after.machine {
        text += "These are not the same machine, system and compiler.\n\n";
    }
    let (mut same, mut changed) = (0, 0);
    for row in &after.rows {
        let Some(old) = before.row(&row.id) else {
            text += &format!("  {:<46}new\n", row.id);
            continue;
        };
        let percent = (row.median / old.median - 1.0) * 100.0;
        let overlap = row.low <= old.high && old.low <= row.high;
        if overlap || percent.abs() < NOTICEABLE {
            same += 1;
            continue;
        }
        changed += 1;
        let (old, new, unit) = (number(old.median), number(row.median), &row.unit);
        let times = format!("{old} -> {new} {unit}");
        text += &format!("  {:<46}{times:>24}  {percent:+.0} %\n", row.id);
    }
    for gone in before.rows.iter().filter(|row| after.row(&row.id).is_none()) {
        text += &format!("  {:<46}not measured any more\n", gone.id);
    }
    text + &format!(
        "{same} figures are the same within their intervals, {changed} are not\n"
    )
}
