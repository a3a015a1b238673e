//! `{{#claims NAME}}`: what was claimed, and the word of each column, from a file of results.

use std::fmt::Write as _;

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
         <thead><tr><th>Claim</th><th>Measured</th><th>Verdict</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n<figcaption>{}</figcaption>\n\
         </figure>\n",
        escape(&results.circumstances())
    ))
}

fn row(claim: &Claimed) -> String {
    let mut columns = String::new();
    for Column { of, word, times } in &claim.columns {
        let times: Vec<_> =
            times.iter().map(|it| format!("{}\u{a0}×", number(*it))).collect();
        let times = match times.as_slice() {
            [] => String::new(),
            times => format!(" ({})", times.join(", ")),
        };
        _ = write!(columns, "{}: <b>{}</b>{times}<br>", escape(of), escape(word));
    }
    format!(
        "<tr><th scope=\"row\">“{}”<br>{}</th><td>{}</td><td>{columns}</td></tr>\n",
        escape(&claim.quote),
        escape(&claim.who),
        escape(&claim.how),
    )
}
