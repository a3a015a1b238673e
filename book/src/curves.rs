//! `{{#curves NAME.QUESTION}}`: what grows and what does not: a line for each way, over the number
//! that its rows end with (`QUESTION-WAY-100`), both on logarithmic scales; and a table.

use std::fmt::Write as _;

use crate::chart;
use crate::html::escape;
use crate::places::{Answer, Places};
use crate::results::{Results, Row};

/// How large the drawing is, in its own units, and how much of it is left for words.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 44.0;
const BELOW: f64 = 18.0;

/// A way, and its points in the order of their numbers.
struct Curve<'a> {
    label: &'a str,
    points: Vec<(f64, &'a Row)>,
}

/// The drawing and the table.
///
/// # Errors
///
/// Fails when there is no such measurement, or when nothing in it grows.
pub fn expand(places: &Places, key: &str) -> Answer<String> {
    let (name, question) = key.split_once('.').unwrap_or((key, ""));
    let results = Results::read(places, name)?;
    let curves = curves(&results, question);
    let points = || curves.iter().flat_map(|it| &it.points);
    let (Some(least), Some(most)) = (
        points().map(|(_, row)| row.median).min_by(f64::total_cmp),
        points().map(|(_, row)| row.median).max_by(f64::total_cmp),
    ) else {
        return Err(format!("{key} has no rows whose names end with a number"));
    };
    let greatest = points().map(|(number, _)| *number).fold(1.0, f64::max);
    let scale = Scale { least, most, greatest };
    let crossings = crossings(&curves);
    let caption = escape(&results.circumstances()).into_owned();
    let rows = points().map(|(_, row)| (*row).clone()).collect();
    let (id, table) =
        (key.replace('.', "-"), chart::table(&Results { rows, ..results.clone() }));
    Ok(format!(
        "<figure class=\"chart curves\" id=\"curves-{id}\">\n{}{table}\
         <figcaption>Medians, both scales logarithmic. {crossings}{caption}</figcaption>\n\
         </figure>\n",
        drawing(&curves, &scale),
    ))
}

fn curves<'a>(results: &'a Results, question: &str) -> Vec<Curve<'a>> {
    let mut curves: Vec<(&str, Curve<'a>)> = Vec::new();
    for row in &results.rows {
        let Some(rest) = row.id.strip_prefix(question) else { continue };
        let Some((way, number)) = rest.rsplit_once('-') else { continue };
        let Ok(number) = number.parse() else { continue };
        let point = (number, row);
        if let Some((_, curve)) = curves.iter_mut().find(|(known, _)| *known == way) {
            curve.points.push(point);
        } else {
            let label = row.label.split(',').next().unwrap_or(&row.label);
            curves.push((way, Curve { label, points: vec![point] }));
        }
    }
    curves.into_iter().map(|(_, curve)| curve).collect()
}

/// Who was dearer than whom up to a number, and is not from the next one on: or the other way.
fn crossings(curves: &[Curve<'_>]) -> String {
    let mut text = String::new();
    for (n, one) in curves.iter().enumerate() {
        for other in &curves[n + 1..] {
            let pairs: Vec<_> = one.points.iter().zip(&other.points).collect();
            let crossed = pairs.windows(2).find(|two| {
                let is_below = |at: usize| two[at].0.1.median < two[at].1.1.median;
                is_below(0) != is_below(1)
            });
            let Some([before, after]) = crossed else { continue };
            _ = write!(
                text,
                "“{}” and “{}” cross between {} and {}. ",
                escape(one.label),
                escape(other.label),
                before.0.0,
                after.0.0
            );
        }
    }
    text
}

struct Scale {
    least: f64,
    most: f64,
    greatest: f64,
}

impl Scale {
    fn x(&self, number: f64) -> f64 {
        LEFT + number.log10() / self.greatest.log10().max(f64::MIN_POSITIVE)
            * (WIDTH - LEFT - 4.0)
    }

    fn y(&self, value: f64) -> f64 {
        let decades = (self.most / self.least).log10().max(f64::MIN_POSITIVE);
        let share = (value / self.least).log10() / decades;
        4.0 + (1.0 - share) * (HEIGHT - BELOW - 8.0)
    }
}

/// How the lines are told apart, whatever the colours of the page are.
const DASHES: [&str; 6] = ["", "7 3", "2 3", "9 3 2 3", "4 2", "1 2"];

fn drawing(curves: &[Curve<'_>], scale: &Scale) -> String {
    let dashed = || curves.iter().zip(DASHES.iter().cycle());
    let lines: String =
        dashed().map(|(curve, dashes)| line(curve, dashes, scale)).collect();
    let mut legend = String::new();
    let mut height = HEIGHT;
    for (curve, dashes) in dashed() {
        height += 16.0;
        _ = writeln!(
            legend,
            "<line class=\"curve\" stroke-dasharray=\"{dashes}\" x1=\"0\" y1=\"{0}\" x2=\"40\" \
             y2=\"{0}\"/><text x=\"48\" y=\"{height}\">{1}</text>",
            height - 4.0,
            escape(curve.label)
        );
    }
    height += 4.0;
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"what it costs, by the \
         number; the table has the same figures\">\n{}{lines}{legend}</svg>\n",
        axes(scale)
    )
}

/// The powers of ten, of both.
fn axes(scale: &Scale) -> String {
    let mut axes = String::new();
    let powers = (0..4).map(|it| 10_f64.powi(it));
    for number in powers.filter(|it| *it <= scale.greatest) {
        let (x, y) = (scale.x(number), HEIGHT - 4.0);
        let anchor = if number < scale.greatest { "middle" } else { "end" };
        _ = writeln!(
            axes,
            "<text x=\"{x:.0}\" y=\"{y}\" text-anchor=\"{anchor}\">{number}</text>"
        );
    }
    let powers = (-3..9).map(|it| 10_f64.powi(it));
    for value in powers.filter(|it| (scale.least..=scale.most).contains(it)) {
        let y = scale.y(value);
        _ = writeln!(
            axes,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>\
             <text x=\"0\" y=\"{:.1}\">{value} ns</text>",
            y + 4.0
        );
    }
    axes
}

fn line(curve: &Curve<'_>, dashes: &str, scale: &Scale) -> String {
    let place = |(number, row): &(f64, &Row)| {
        format!("{:.1},{:.1}", scale.x(*number), scale.y(row.median))
    };
    let points = curve.points.iter().map(place).collect::<Vec<_>>().join(" ");
    format!(
        "<polyline class=\"curve\" stroke-dasharray=\"{dashes}\" points=\"{points}\">\
         <title>{}</title></polyline>\n",
        escape(curve.label)
    )
}
