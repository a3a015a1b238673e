//! `{{#chart NAME}}`: a measurement as bars, in the colours of the page, and as a table.

use std::fmt::Write as _;

use crate::html::escape;
use crate::places::{Answer, Places};
use crate::results::{Results, Row};

/// How wide the drawing is, in its own units: narrow enough for a telephone.
const WIDTH: f64 = 320.0;

/// How high a row is: its label, and its bar below.
const ROW: f64 = 34.0;

/// What is left free to the right of the longest bar, for the end of its interval's line.
const MARGIN: f64 = 4.0;

/// The chart.
///
/// # Errors
///
/// Fails when there is no such measurement, or when its rows are of different units.
pub fn expand(places: &Places, name: &str) -> Answer<String> {
    let results = Results::read(places, name)?;
    let Some(first) = results.rows.first() else {
        return Err(format!("{name} has no rows"));
    };
    if let Some(other) = results.rows.iter().find(|row| row.unit != first.unit) {
        let (one, other) = (&first.unit, &other.unit);
        return Err(format!(
            "{name} has rows in {one} and in {other}: one chart, one unit"
        ));
    }
    let caption = escape(&results.circumstances()).into_owned();
    Ok(format!(
        "<figure class=\"chart\" id=\"chart-{name}\">\n{}{}\
         <figcaption>Median and interval. {caption}</figcaption>\n</figure>\n",
        drawing(&results),
        table(&results),
    ))
}

fn drawing(results: &Results) -> String {
    let rows = &results.rows;
    let most = rows.iter().map(|row| row.high).fold(f64::MIN_POSITIVE, f64::max);
    let mut height = 0.0;
    let mut bars = String::new();
    for row in rows {
        bars.push_str(&bar(row, height, (WIDTH - MARGIN) / most));
        height += ROW;
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}, as bars; \
         the table has the same numbers\">\n{bars}</svg>\n",
        escape(&results.name)
    )
}

/// A label, a bar to the median, and a line for the interval.
fn bar(row: &Row, top: f64, scale: f64) -> String {
    let (label, bar, middle) = (top + 12.0, top + 17.0, top + 22.0);
    let [median, low, high] = [row.median, row.low, row.high].map(|it| it * scale);
    format!(
        "<text x=\"0\" y=\"{label}\">{}: {}</text>\
         <rect class=\"bar\" x=\"0\" y=\"{bar}\" width=\"{median:.1}\" height=\"10\"/>\
         <line class=\"interval\" x1=\"{low:.1}\" y1=\"{middle}\" \
         x2=\"{high:.1}\" y2=\"{middle}\"/>\n",
        escape(&row.label),
        row.median(),
    )
}

fn table(results: &Results) -> String {
    let mut table = String::from(
        "<table>\n<thead><tr><th></th><th>Median</th><th>Interval</th><th>Samples</th>\
         </tr></thead>\n<tbody>\n",
    );
    for row in &results.rows {
        _ = writeln!(
            table,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&row.label),
            row.median(),
            row.interval(),
            row.samples
        );
    }
    table + "</tbody>\n</table>\n"
}
