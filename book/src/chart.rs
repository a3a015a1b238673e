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
    let results = Results::read(places, name)?;
    let rows = results.asked(question)?;
    let scale = Scale::of(&rows);
    let bars: Vec<_> = rows.into_iter().map(|row| Bar::of(row, &results)).collect();
    let words = format!("{}{}", scale.words(), kernels(&bars));
    let said = results.not_measured(question) + &results.circumstances();
    Ok(format!(
        "<figure class=\"chart\" id=\"chart-{}\">\n{}{}\
         <figcaption>Median and interval{words}. {}</figcaption>\n</figure>\n",
        key.replace('.', "-"),
        drawing(key, &bars, &scale),
        table(&bars),
        escape(&said),
    ))
}

/// What is drawn of a row, and told in a row of the table.
pub(crate) struct Bar<'a> {
    row: &'a Row,
    /// How much of it was the kernel's, where that is known.
    kernels: Option<&'a Row>,
}

impl<'a> Bar<'a> {
    /// `kernel-64-mio` is of `echo-64-mio`, and `python-kernel10k-64-mio` of `python-echo10k-64-mio`.
    fn of(row: &'a Row, results: &'a Results) -> Self {
        let named = row.id.split_once("echo");
        let named = named.map(|(whose, rest)| format!("{whose}kernel{rest}"));
        let kernels = named.and_then(|id| results.rows.iter().find(|it| it.id == id));
        Self { row, kernels }
    }

    /// The figures of a row, and nothing else.
    pub(crate) fn plain(row: &'a Row) -> Self {
        Self { row, kernels: None }
    }
}

/// What is dark. A bar without it is not one that the kernel had no part in.
fn kernels(bars: &[Bar<'_>]) -> &'static str {
    let known = bars.iter().filter(|bar| bar.kernels.is_some()).count();
    match known {
        0 => "",
        known if known < bars.len() => {
            "; dark is the kernel’s share of it, where that is known"
        }
        _ => "; dark is the kernel’s share of it",
    }
}

/// How long the bar of a value is.
enum Scale {
    /// So long for each of its unit.
    Linear(f64),
    /// So long for each power of ten from this value on.
    Logarithmic(f64, f64),
}

impl Scale {
    fn of(rows: &[&Row]) -> Self {
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

fn drawing(key: &str, bars: &[Bar<'_>], scale: &Scale) -> String {
    let mut height = 0.0;
    let mut drawn = String::new();
    for bar in bars {
        drawn.push_str(&draw(bar, height, scale));
        height += ROW;
    }
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}, as bars; \
         the table has the same numbers\">\n{drawn}</svg>\n",
        escape(key)
    )
}

/// A label, a bar to the median, in it the kernel's share, and a line for the interval.
fn draw(Bar { row, kernels }: &Bar<'_>, top: f64, scale: &Scale) -> String {
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
pub(crate) fn table(bars: &[Bar<'_>]) -> String {
    let has_kernels = bars.iter().any(|bar| bar.kernels.is_some());
    let head = if has_kernels { "<th>Of it, the kernel’s</th>" } else { "" };
    let mut table = format!(
        "<div class=\"table-wrapper\">\n<table>\n<thead><tr><th></th><th>Median</th>\
         <th>Interval</th>{head}<th>Samples</th></tr></thead>\n<tbody>\n"
    );
    for Bar { row, kernels } in bars {
        let kernels = kernels.map_or("not known".to_owned(), Row::median);
        let kernels =
            if has_kernels { format!("<td>{kernels}</td>") } else { String::new() };
        _ = writeln!(
            table,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{kernels}<td>{}</td></tr>",
            escape(&row.label),
            row.median(),
            row.interval(),
            row.samples
        );
    }
    table + "</tbody>\n</table>\n</div>\n"
}
