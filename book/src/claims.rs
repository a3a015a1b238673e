//! `{{#claims NAME}}`: what was claimed, and the word of each column, from a file of results.

use crate::html::escape;
use crate::places::{Answer, Places};
use crate::results::{Claimed, Column, Results, number};

/// The table.
///
/// # Errors
///
/// Fails when there is no such measurement, or when it judges nothing.
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let results = Results::read(places, name)?;
    if results.claims.is_empty() {
        return Err(format!("{name} says nothing to any claim"));
    }
    let rows: String = results.claims.iter().map(row).collect();
    Ok(format!(
        "<figure class=\"claims\">\n<div class=\"table-wrapper\">\n<table>\n\
         <thead><tr><th>Claim</th><th>Python</th><th>Rust</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n<figcaption>{}</figcaption>\n\
         </figure>\n",
        escape(&results.circumstances())
    ))
}

/// How it is measured, and below that a cell for each language: neither stands for the other.
fn row(claim: &Claimed) -> String {
    let ours = claim.columns.len().saturating_sub(1);
    let (python, ours) = claim.columns.split_at(ours);
    format!(
        "<tr><th scope=\"rowgroup\" rowspan=\"2\">“{}”<br>{}</th>\
         <td colspan=\"2\">{}</td></tr>\n<tr><td>{}</td><td>{}</td></tr>\n",
        escape(&claim.quote),
        escape(&claim.who),
        escape(&claim.how),
        cell(python),
        cell(ours),
    )
}

fn cell(columns: &[Column]) -> String {
    if columns.is_empty() {
        return "not measured".to_owned();
    }
    let lines: Vec<_> = columns.iter().map(line).collect();
    lines.join("<br>")
}

/// Whose it is, the word, and how many times; each of them stays in one piece.
fn line(Column { of, word, times }: &Column) -> String {
    let times: Vec<_> =
        times.iter().map(|it| format!("{}\u{a0}×", number(*it))).collect();
    let times = match times.as_slice() {
        [] => String::new(),
        times => format!(" ({})", times.join(",\u{a0}")),
    };
    // Its column says that it is Python's.
    let of = of.strip_prefix("Python ").unwrap_or(of);
    let of = escape(of).replace(' ', "\u{a0}");
    format!("{of}: <b>{}</b>{times}", escape(word))
}
