//! `{{#curves NAME.QUESTION}}`: what grows and what does not: a line for each way, over the number
//! that its rows end with (`QUESTION-WAY-100`), both on logarithmic scales; and a table.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::chart::{self, Bar};
use crate::html::escape;
use crate::places::{Answer, Places};
use crate::results::{Results, Row, number};

/// How large the drawing is, in its own units, and how much of it is left for words.
const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 60.0;
const BELOW: f64 = 18.0;

/// A way, and its points in the order of their numbers.
struct Curve<'a> {
    label: &'a str,
    points: Vec<(u32, &'a Row)>,
}

/// The drawing and the table.
///
/// # Errors
///
/// Fails when there is no such measurement, when nothing in it grows, when its rows are of different
/// units, or when one of them has no place on such a scale.
pub fn expand(places: &Places, key: &str) -> Answer<String> {
    let (name, question) = key
        .split_once('.')
        .ok_or_else(|| format!("the key {key} is not of the form NAME.QUESTION"))?;
    let results = Results::read(places, name)?;
    let curves = curves(results.asked(question)?, question);
    let scale = Scale::of(&curves).map_err(|why| format!("{key}: {why}"))?;
    let points = curves.iter().flat_map(|it| &it.points);
    let bars: Vec<_> = points.map(|(_, row)| Bar::plain(row)).collect();
    let said = [
        crossings(&curves),
        gaps(&curves),
        results.not_measured(question),
        results.circumstances(),
    ];
    Ok(format!(
        "<figure class=\"chart curves\" id=\"curves-{}\">\n{}{}\
         <figcaption>Medians, both scales logarithmic. {}</figcaption>\n\
         </figure>\n",
        key.replace('.', "-"),
        drawing(key, &curves, &scale),
        chart::table(&bars),
        escape(&said.concat()),
    ))
}

/// Those of ours: Python's numbers are not on the same line.
fn curves<'a>(rows: Vec<&'a Row>, question: &str) -> Vec<Curve<'a>> {
    let mut curves: Vec<(&str, Curve<'a>)> = Vec::new();
    for row in rows {
        let Some(rest) = row.id.strip_prefix(question) else { continue };
        let Some((way, number)) = rest.rsplit_once('-') else { continue };
        let Ok(number) = number.parse() else { continue };
        let point = (number, row);
        if let Some((_, curve)) = curves.iter_mut().find(|(known, _)| *known == way) {
            curve.points.push(point);
        } else {
            let label = row.label.rsplit_once(',').map_or(&*row.label, |(way, _)| way);
            curves.push((way, Curve { label, points: vec![point] }));
        }
    }
    let mut curves: Vec<_> = curves.into_iter().map(|(_, curve)| curve).collect();
    for curve in &mut curves {
        curve.points.sort_by_key(|(number, _)| *number);
    }
    curves
}

/// Who was dearer than whom up to a number, and is not from another one on: or the other way. Where
/// the intervals overlap, neither is.
fn crossings(curves: &[Curve<'_>]) -> String {
    let mut text = String::new();
    for (n, one) in curves.iter().enumerate() {
        for other in &curves[n + 1..] {
            let dearer = one.dearer(other);
            for two in dearer.windows(2).filter(|two| two[0].1 != two[1].1) {
                _ = write!(
                    text,
                    "“{}” and “{}” cross between {} and {}. ",
                    one.label,
                    other.label,
                    number(two[0].0.into()),
                    number(two[1].0.into())
                );
            }
        }
    }
    text
}

/// What a line passes over, because there was no such measurement.
fn gaps(curves: &[Curve<'_>]) -> String {
    let all: BTreeSet<u32> = curves.iter().flat_map(Curve::numbers).collect();
    let mut text = String::new();
    for curve in curves {
        let known: BTreeSet<u32> = curve.numbers().collect();
        for at in all.difference(&known) {
            let at = number(f64::from(*at));
            _ = write!(text, "“{}” was not measured at {at}. ", curve.label);
        }
    }
    text
}

impl Curve<'_> {
    fn numbers(&self) -> impl Iterator<Item = u32> {
        self.points.iter().map(|(number, _)| *number)
    }

    /// At which numbers it is dearer than another one, and at which the other one is.
    fn dearer(&self, other: &Self) -> Vec<(u32, bool)> {
        let of_other = |number| other.points.iter().find(|(it, _)| *it == number);
        let pairs = self.points.iter().filter_map(|(number, row)| {
            of_other(*number).map(|(_, other)| (*number, *row, *other))
        });
        let is_certain =
            |row: &Row, other: &Row| row.low > other.high || row.high < other.low;
        pairs
            .filter(|(_, row, other)| is_certain(row, other))
            .map(|(number, row, other)| (number, row.median > other.median))
            .collect()
    }
}

struct Scale {
    least: f64,
    most: f64,
    greatest: f64,
    unit: String,
}

impl Scale {
    fn of(curves: &[Curve<'_>]) -> Answer<Self> {
        let points: Vec<_> = curves.iter().flat_map(|it| &it.points).collect();
        let Some((_, first)) = points.first() else {
            return Err(
                "no row’s name ends with a number, as QUESTION-WAY-100".to_owned()
            );
        };
        if let Some((_, row)) =
            points.iter().find(|(n, row)| *n == 0 || row.median <= 0.0)
        {
            return Err(format!("{} is nothing, and has no logarithm", row.id));
        }
        let medians = || points.iter().map(|(_, row)| row.median);
        Ok(Self {
            least: medians().fold(f64::INFINITY, f64::min),
            most: medians().fold(0.0, f64::max),
            greatest: points.iter().map(|(n, _)| f64::from(*n)).fold(1.0, f64::max),
            unit: first.unit.clone(),
        })
    }

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

fn drawing(key: &str, curves: &[Curve<'_>], scale: &Scale) -> String {
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
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}, by the \
         number; the table has the same figures\">\n{}{lines}{legend}</svg>\n",
        escape(key),
        axes(scale)
    )
}

/// The powers of ten, of both.
fn axes(scale: &Scale) -> String {
    let mut axes = String::new();
    let powers = (0..9).map(|it| 10_f64.powi(it));
    for power in powers.filter(|it| *it <= scale.greatest) {
        let (x, y) = (scale.x(power), HEIGHT - 4.0);
        let anchor = if power < scale.greatest { "middle" } else { "end" };
        _ = writeln!(
            axes,
            "<text x=\"{x:.0}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>",
            number(power)
        );
    }
    let powers = (-3..9).map(|it| 10_f64.powi(it));
    for value in powers.filter(|it| (scale.least..=scale.most).contains(it)) {
        let y = scale.y(value);
        _ = writeln!(
            axes,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{WIDTH}\" y2=\"{y:.1}\"/>\
             <text x=\"0\" y=\"{:.1}\">{} {}</text>",
            y + 4.0,
            number(value),
            escape(&scale.unit)
        );
    }
    axes
}

/// With a point where something was measured: in between, the line only leads the eye.
fn line(curve: &Curve<'_>, dashes: &str, scale: &Scale) -> String {
    let (mut places, mut points) = (Vec::new(), String::new());
    for (number, row) in &curve.points {
        let (x, y) = (scale.x(f64::from(*number)), scale.y(row.median));
        places.push(format!("{x:.1},{y:.1}"));
        _ = write!(
            points,
            "<circle class=\"point\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>"
        );
    }
    format!(
        "<polyline class=\"curve\" stroke-dasharray=\"{dashes}\" points=\"{}\">\
         <title>{}</title></polyline>{points}\n",
        places.join(" "),
        escape(curve.label)
    )
}
