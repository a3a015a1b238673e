//! The drawing: boxes on a grid, and arrows from edge to edge. Narrow enough for a telephone.

use std::fmt::Write as _;

use super::{Arrow, Box, Kind};
use crate::html::escape;
use crate::places::Answer;

/// How wide a drawing is, in its own units.
pub(super) const WIDTH: usize = 360;

/// How high a row of the grid is.
const ROW: f64 = 48.0;

/// What is free around a box.
const GAP: [f64; 2] = [9.0, 8.0];

/// From line to line of a text, and how wide a letter is at the most.
const LINE: f64 = 14.0;
const LETTER: f64 = 6.8;

/// What is drawn.
pub(super) struct Drawing {
    pub(super) svg: String,
    pub(super) height: f64,
}

/// A box, in the drawing's units.
#[derive(Clone, Copy)]
struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

pub(super) fn svg(columns: usize, boxes: &[&Box], arrows: &[&Arrow]) -> Answer<Drawing> {
    if columns == 0 {
        return Err("a picture has a column at least".to_owned());
    }
    let mut svg = String::new();
    for it in boxes {
        svg.push_str(&boxed(columns, it)?);
    }
    for it in arrows {
        svg.push_str(&arrow(columns, boxes, it)?);
    }
    let rows = boxes.iter().map(|it| it.at[1] + it.span[1]).max();
    let rows = rows.ok_or("a picture of nothing")?;
    Ok(Drawing { svg, height: units(rows) * ROW })
}

fn boxed(columns: usize, it: &Box) -> Answer<String> {
    let frame = Frame::of(columns, it);
    let lines: Vec<_> = it.text.lines().collect();
    if it.at[0] + it.span[0] > columns {
        return Err(format!("the box {:?} stands beside the picture", it.text));
    }
    if let Some(line) =
        lines.iter().find(|line| units(line.chars().count()) * LETTER > frame.width)
    {
        return Err(format!("{line:?} is too long for its box"));
    }
    if units(lines.len()) * LINE > frame.height {
        return Err(format!("the box {:?} has too many lines", it.text));
    }
    let Frame { left, top, width, height } = frame;
    let leads_to = it.leads_to.map(|frame| format!(" data-frame=\"{frame}\""));
    let drag = it.drag.map(|rows| format!(" data-drag=\"{}\"", f64::from(rows) * ROW));
    let mut svg = format!(
        "<g class=\"{}\"{}{}>",
        class(it.kind),
        leads_to.unwrap_or_default(),
        drag.unwrap_or_default()
    );
    if it.kind != Kind::Bare {
        _ = write!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             rx=\"4\"/>"
        );
    }
    let (x, first) =
        (left + width / 2.0, top + (height - units(lines.len()) * LINE) / 2.0);
    for (number, line) in lines.iter().enumerate() {
        let y = first + units(number) * LINE + 11.0;
        _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", escape(line));
    }
    Ok(svg + "</g>\n")
}

/// A line from the one box to the other, with a head, and its text beside it.
fn arrow(columns: usize, boxes: &[&Box], it: &Arrow) -> Answer<String> {
    let find = |name: &str| {
        let found = boxes.iter().find(|it| it.name == name);
        found.ok_or_else(|| {
            format!("an arrow from {} to {}: there is no box {name}", it.from, it.to)
        })
    };
    let (from, to) = (find(&it.from)?, find(&it.to)?);
    let ([x, y], [to_x, to_y]) = Frame::of(columns, from).way_to(Frame::of(columns, to));
    if from.drag.is_some() {
        return Ok(movable(it, [x, y], [to_x, to_y]));
    }
    let (dx, dy) = (to_x - x, to_y - y);
    let length = dx.hypot(dy).max(1.0);
    let (ux, uy) = (dx / length, dy / length);
    // The head: two corners behind its tip.
    let (back_x, back_y) = (to_x - 8.0 * ux, to_y - 8.0 * uy);
    let corner = |side: f64| (back_x - side * uy, back_y + side * ux);
    let ((one_x, one_y), (other_x, other_y)) = (corner(4.0), corner(-4.0));
    let mut svg = format!(
        "<g class=\"arrow {}\"><path d=\"M{x:.1} {y:.1}L{back_x:.1} {back_y:.1}\"/>\
         <path class=\"head\" d=\"M{to_x:.1} {to_y:.1}L{one_x:.1} {one_y:.1}L{other_x:.1} \
         {other_y:.1}z\"/>",
        class(it.kind)
    );
    if !it.text.is_empty() {
        let (middle_x, middle_y) = (x + dx / 2.0, y + dy / 2.0 - 3.0);
        _ = write!(
            svg,
            "<text x=\"{middle_x:.1}\" y=\"{middle_y:.1}\">{}</text>",
            escape(&it.text)
        );
    }
    Ok(svg + "</g>\n")
}

/// An arrow whose tail can be moved: its head turns by itself.
fn movable(it: &Arrow, [x, y]: [f64; 2], [to_x, to_y]: [f64; 2]) -> String {
    let (kind, id) = (class(it.kind), format!("tip-{x:.0}-{y:.0}-{to_y:.0}"));
    format!(
        "<g class=\"arrow {kind}\"><marker id=\"{id}\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"head\" \
         d=\"M8 4L0 8V0z\"/></marker><line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" \
         y2=\"{to_y:.1}\" marker-end=\"url(#{id})\"/></g>\n"
    )
}

impl Frame {
    fn of(columns: usize, it: &Box) -> Self {
        let column = units(WIDTH) / units(columns);
        Self {
            left: units(it.at[0]) * column + GAP[0],
            top: units(it.at[1]) * ROW + GAP[1],
            width: units(it.span[0]) * column - 2.0 * GAP[0],
            height: units(it.span[1]) * ROW - 2.0 * GAP[1],
        }
    }

    fn middle(self) -> [f64; 2] {
        [self.left + self.width / 2.0, self.top + self.height / 2.0]
    }

    /// From edge to edge: sideways if they stand side by side, else up or down.
    fn way_to(self, other: Self) -> ([f64; 2], [f64; 2]) {
        let ([x, y], [to_x, to_y]) = (self.middle(), other.middle());
        if self.left + self.width < other.left {
            ([self.left + self.width, y], [other.left, to_y])
        } else if other.left + other.width < self.left {
            ([self.left, y], [other.left + other.width, to_y])
        } else if y < to_y {
            ([x, self.top + self.height], [to_x, other.top])
        } else {
            ([x, self.top], [to_x, other.top + other.height])
        }
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Plain => "plain",
        Kind::Lit => "lit",
        Kind::Dashed => "dashed",
        Kind::Gone => "gone",
        Kind::Bare => "bare",
    }
}

#[expect(clippy::cast_precision_loss, reason = "boxes and letters are few")]
fn units(count: usize) -> f64 {
    count as f64
}
