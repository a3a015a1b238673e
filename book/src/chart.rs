//! `{{#chart NAME}}`: a measurement as bars, in the colours of the page, and as a table;
//! `{{#chart NAME.QUESTION}}` shows the rows of one question.

use std::fmt::Write as _;

use crate::html::escape;
use crate::places::{Answer, Places};
use crate::results::{Results, Row};

/// How wide the drawing is, in its own units: narrow enough for a telephone.
const WIDTH: f64 = 320.0;

/// How high a row is: its label, and its bar below.
const ROW: f64 = 34.0;

/// From so many times the least on, a bar grows with the logarithm: or the short ones would
/// be nothing.
const WIDE: f64 = 50.0;

/// What is left free to the right of the longest bar, for the end of its interval's line.
const MARGIN: f64 = 4.0;

/// The chart.
///
/// # Errors
///
/// Fails when there is no such measurement, or when its rows are of different units.
pub fn expand(places: &Places, key: &str) -> Answer<String> {
    let (name, question) = key.split_once('.').unwrap_or((key, ""));
    let mut results = Results::read(places, name)?;
    let kernels: Vec<_> =
        results.rows.iter().filter(|row| row.id.starts_with(KERNEL)).cloned().collect();
    results.rows.retain(|row| answers(row, question));
    let Some(first) = results.rows.first() else {
        return Err(format!("{key} has no rows"));
    };
    if let Some(other) = results.rows.iter().find(|row| row.unit != first.unit) {
        let (one, other) = (&first.unit, &other.unit);
        return Err(format!(
            "{name} has rows in {one} and in {other}: one chart, one unit"
        ));
    }
    let caption = escape(&results.circumstances()).into_owned();
    let (id, scale) = (key.replace('.', "-"), Scale::of(&results.rows));
    let of_kernel =
        if results.rows.iter().any(|row| kernels_share(row, &kernels).is_some()) {
            "; dark is the kernel's share"
        } else {
            ""
        };
    let of_bars = format!("{}{of_kernel}", scale.words());
    Ok(format!(
        "<figure class=\"chart\" id=\"chart-{id}\">\n{}{}\
         <figcaption>Median and interval{of_bars}. {caption}</figcaption>\n</figure>\n",
        drawing(&results, &kernels, &scale),
        table(&results),
    ))
}

/// What a row begins with that tells how much of another one was the kernel's.
const KERNEL: &str = "kernel-";

/// `kernel-64-mio` is of `echo-64-mio`.
fn kernels_share<'a>(row: &Row, kernels: &'a [Row]) -> Option<&'a Row> {
    let rest = row.id.strip_prefix("echo-")?;
    kernels.iter().find(|it| it.id.strip_prefix(KERNEL) == Some(rest))
}

/// `QUESTION-WAY`, or `python-QUESTION-WAY`: of several Pythons, the first.
fn answers(row: &Row, question: &str) -> bool {
    let id = row.id.strip_prefix("python-").unwrap_or(&row.id);
    let rest = id.strip_prefix(question);
    question.is_empty() || rest.is_some_and(|rest| rest.starts_with('-'))
}

/// How long the bar of a value is.
enum Scale {
    /// So long for each of its unit.
    Linear(f64),
    /// So long for each power of ten from this value on.
    Logarithmic(f64, f64),
}

impl Scale {
    fn of(rows: &[Row]) -> Self {
        let most = rows.iter().map(|row| row.high).fold(f64::MIN_POSITIVE, f64::max);
        let least = rows.iter().map(|row| row.low).fold(f64::INFINITY, f64::min);
        if least > 0.0 && most / least > WIDE {
            let origin = least / 10.0;
            return Self::Logarithmic((WIDTH - MARGIN) / (most / origin).log10(), origin);
        }
        Self::Linear((WIDTH - MARGIN) / most)
    }

    fn length(&self, value: f64) -> f64 {
        match self {
            Self::Linear(each) => value * each,
            Self::Logarithmic(each, origin) => (value / origin).log10() * each,
        }
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Linear(_) => "",
            Self::Logarithmic(..) => "; bars grow with the logarithm",
        }
    }
}

fn drawing(results: &Results, kernels: &[Row], scale: &Scale) -> String {
    let mut height = 0.0;
    let mut bars = String::new();
    for row in &results.rows {
        bars.push_str(&bar(row, kernels_share(row, kernels), height, scale));
        height += ROW;
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}, as bars; \
         the table has the same numbers\">\n{bars}</svg>\n",
        escape(&results.name)
    )
}

/// A label, a bar to the median, in it the kernel's share, and a line for the interval.
fn bar(row: &Row, kernels: Option<&Row>, top: f64, scale: &Scale) -> String {
    let (label, bar, middle) = (top + 12.0, top + 17.0, top + 22.0);
    let [median, low, high] = [row.median, row.low, row.high].map(|it| scale.length(it));
    // A share of the bar, whatever the bar's scale is.
    let kernels = kernels.map_or(String::new(), |it| {
        let width = median * (it.median / row.median).min(1.0);
        format!(
            "<rect class=\"kernel\" x=\"0\" y=\"{bar}\" width=\"{width:.1}\" height=\"10\"/>"
        )
    });
    format!(
        "<text x=\"0\" y=\"{label}\">{}: {}</text>\
         <rect class=\"bar\" x=\"0\" y=\"{bar}\" width=\"{median:.1}\" height=\"10\"/>\
         {kernels}<line class=\"interval\" x1=\"{low:.1}\" y1=\"{middle}\" \
         x2=\"{high:.1}\" y2=\"{middle}\"/>\n",
        escape(&row.label),
        row.median(),
    )
}

/// The same figures, for whoever does not see the drawing.
pub fn table(results: &Results) -> String {
    let mut table = String::from(
        "<div class=\"table-wrapper\">\n<table>\n<thead><tr><th></th><th>Median</th><th>Interval</th><th>Samples</th>\
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
    table + "</tbody>\n</table>\n</div>\n"
}
