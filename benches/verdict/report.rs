//! What a results file says, as one page that needs nothing beside itself.

use std::fmt::Display;

use crate::claims::CLAIMS;
use crate::goals::GOALS;
use crate::results::Results;
use crate::table::{QUESTIONS, number, of_question, pythons};

const STYLE: &str = "
:root { color-scheme: light dark; --bar: #3b6ea5; --python: #b8860b; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
/* On a telephone the table is moved, and not the page. */
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid #8884; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
rect { fill: var(--bar); } .python rect { fill: var(--python); } svg { display: block; }
";

/// The page.
pub(crate) fn of(results: &Results, counts: Option<&Results>) -> String {
    let circumstances = escape(results.circumstances());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Was the talk right?</title>\n<style>{STYLE}</style>\n\
         <h1>Was the talk right?</h1>\n<p>{circumstances}</p>\n"
    );
    page += &claims(results);
    page += &goals(results, counts);
    for &(question, words) in QUESTIONS {
        page += &chart(results, question, words);
    }
    if !results.missing.is_empty() {
        page += "<h2>What could not be measured here</h2>\n<ul>\n";
        for (what, why) in &results.missing {
            page += &format!("<li>{}: {}\n", escape(what), escape(why));
        }
        page += "</ul>\n";
    }
    page
}

fn claims(results: &Results) -> String {
    let mut table = String::from(
        "<div class=\"wide\"><table>\n<tr><th>Claim<th>Measured<th>Python<th>Rust, here\n",
    );
    for claim in &CLAIMS {
        let versions = pythons(results).map(|name| {
            let version = &results.versions[name];
            format!("{version}: {}", claim.python(results, name))
        });
        let python: Vec<_> = versions.map(escape).collect();
        table += &format!(
            "<tr><td>“{}”<br><small>{}</small><td>{}<td>{}<td>{}\n",
            escape(claim.quote),
            escape(claim.who),
            escape(claim.how),
            python.join("<br>"),
            escape(claim.rust(results)),
        );
    }
    table + "</table></div>\n"
}

fn goals(results: &Results, counts: Option<&Results>) -> String {
    let mut table = String::from(
        "<h2>Our goals</h2>\n<div class=\"wide\"><table>\n\
         <tr><th>Goal<th>Measured<th>At most<th>\n",
    );
    for (part, goals) in GOALS {
        table += &format!("<tr><th colspan=\"4\">{}\n", escape(part));
        for goal in *goals {
            let (measured, word) = goal.told(results, counts);
            let (what, at_most) = (escape(goal.what), number(goal.at_most));
            table += &format!(
                "<tr><td>{what}<td class=\"number\">{measured}\
                 <td class=\"number\">{at_most}<td>{word}\n"
            );
        }
    }
    table + "</table></div>\n"
}

/// A table whose bars are as long as the logarithm says: from a tenth of the least on.
fn chart(results: &Results, question: &str, words: &str) -> String {
    let rows: Vec<_> = of_question(results, question).collect();
    let least = rows.iter().map(|row| row.median).fold(f64::INFINITY, f64::min);
    let most = rows.iter().map(|row| row.median).fold(0.0, f64::max);
    if rows.is_empty() || least <= 0.0 {
        return String::new();
    }
    let decades = (most / least).log10() + 1.0;
    let mut table = format!(
        "<h2>{}</h2>\n<div class=\"wide\"><table>\n<tr><th>Way<th>Median<th>95 % interval<th>log scale\n",
        escape(words)
    );
    for row in rows {
        let width = ((row.median / least).log10() + 1.0) / decades * 240.0;
        let class = if row.id.starts_with("python") { " class=\"python\"" } else { "" };
        let (low, high) = (number(row.low), number(row.high));
        table += &format!(
            "<tr><td>{}<td class=\"number\">{} {}<td class=\"number\">{low}–{high}\
             <td{class}><svg width=\"240\" height=\"12\" aria-hidden=\"true\">\
             <rect width=\"{width:.0}\" height=\"12\"/></svg>\n",
            escape(&row.label),
            number(row.median),
            escape(&row.unit),
        );
    }
    table + "</table></div>\n"
}

fn escape(text: impl Display) -> String {
    let text = text.to_string();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
