//! `{{#cycle STAGE ARROW ...}}`: the life of whoever takes turns, drawn once for all stages, with
//! today's arrows lit. Each arrow names the function that it is in this stage.
//!
//! Which functions these are stands in `cycle.toml`, and each has to be in the source. A player
//! on the same page lights the arrow of the step that it is at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::html::escape;
use crate::item::Piece;
use crate::places::{Answer, Places};

/// The file, in the book's folder.
const FILE: &str = "cycle.toml";

/// The arrows, where each goes, where its label stands, and from which side it is written.
const ARROWS: [(&str, &str, [f64; 2], &str); 5] = [
    ("spawn", "M72 54H112", [92.0, 24.0], "middle"),
    ("resume", "M176 54H216", [196.0, 24.0], "middle"),
    ("park", "M240 72L212 132", [234.0, 108.0], "start"),
    ("wake", "M164 132L146 72", [142.0, 108.0], "end"),
    ("end", "M280 54H312", [296.0, 24.0], "middle"),
];

/// The states: name, whose business it is, and where.
const STATES: [(&str, &str, [f64; 3]); 5] = [
    ("created", "", [8.0, 36.0, 64.0]),
    ("ready", "the loop", [112.0, 36.0, 64.0]),
    ("running", "the task", [216.0, 36.0, 64.0]),
    ("done", "", [312.0, 36.0, 44.0]),
    ("parked", "the reactor, the system", [112.0, 132.0, 152.0]),
];

/// The picture.
///
/// # Errors
///
/// Names the stages and arrows there are; says which function is not in the source.
pub fn expand(places: &Places, stage: &str, lit: &[&str]) -> Answer<String> {
    let functions = functions(places, stage)?;
    let names = ARROWS.map(|(name, ..)| name);
    if let Some(unknown) = lit.iter().find(|name| !names.contains(name)) {
        return Err(format!(
            "the cycle has no arrow {unknown}; it has: {}",
            names.join(", ")
        ));
    }
    let mut svg = String::new();
    for (name, whose, [x, y, width]) in STATES {
        svg.push_str(&state(name, whose, [x, y, width]));
    }
    for (name, path, [x, y], anchor) in ARROWS {
        let (_, function) = &functions[name];
        let class = if lit.contains(&name) { "arrow lit" } else { "arrow" };
        _ = writeln!(
            svg,
            "<g class=\"{class}\" data-arrow=\"{name}\"><path d=\"{path}\"/>\
             <text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text></g>",
            escape(function)
        );
    }
    Ok(format!(
        "<figure class=\"cycle\">\n<svg viewBox=\"0 0 360 172\" role=\"img\" \
         aria-label=\"The life of a task; the list below has the same\">\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n\
         {svg}</svg>\n<figcaption>{}</figcaption>\n</figure>\n",
        caption(lit, &functions)
    ))
}

/// A file and the short name of the function in it, by arrows.
type Functions = BTreeMap<String, (String, String)>;

/// The functions of a stage; each is in the source.
fn functions(places: &Places, stage: &str) -> Answer<Functions> {
    let text = places.read_own(FILE)?;
    let stages: BTreeMap<String, BTreeMap<String, String>> =
        toml::from_str(&text).map_err(|error| format!("{FILE}: {}", error.message()))?;
    let Some(arrows) = stages.get(stage) else {
        let names: Vec<_> = stages.keys().map(String::as_str).collect();
        return Err(format!("{FILE} has no stage {stage}; it has: {}", names.join(", ")));
    };
    let mut functions = Functions::new();
    for (name, ..) in ARROWS {
        let place =
            arrows.get(name).ok_or_else(|| format!("{FILE}: {stage} lacks {name}"))?;
        let (file, item) = place
            .split_once(' ')
            .ok_or_else(|| format!("{FILE}: {stage}.{name} is \"FILE ITEM\""))?;
        // What a stage has from another stands in that one's file, named from the root.
        let is_own = !file.contains('/');
        let path = if is_own { format!("{stage}/src/{file}") } else { file.to_owned() };
        Piece::of(places, &path, item).map_err(|error| format!("{FILE}: {error}"))?;
        let short = item.rsplit("::").next().unwrap_or(item);
        functions.insert(name.to_owned(), (file.to_owned(), short.to_owned()));
    }
    Ok(functions)
}

fn state(name: &str, whose: &str, [x, y, width]: [f64; 3]) -> String {
    let middle = x + width / 2.0;
    let first = if whose.is_empty() { y + 22.0 } else { y + 16.0 };
    let mut svg = format!(
        "<g class=\"state\" data-state=\"{name}\"><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" \
         height=\"36\" rx=\"8\"/><text x=\"{middle}\" y=\"{first}\">{name}</text>"
    );
    if !whose.is_empty() {
        let second = y + 29.0;
        _ = write!(
            svg,
            "<text class=\"whose\" x=\"{middle}\" y=\"{second}\">{whose}</text>"
        );
    }
    svg + "</g>\n"
}

/// In words: what each arrow is, today's first.
fn caption(lit: &[&str], functions: &Functions) -> String {
    let told = |name: &&str| {
        let (file, function) = &functions[*name];
        format!("<b>{name}</b> is <code>{}</code> in {file}", escape(function))
    };
    let today: Vec<_> = lit.iter().map(told).collect();
    let others = ARROWS.map(|(name, ..)| name);
    let others: Vec<_> = others.iter().filter(|name| !lit.contains(name)).collect();
    let others: Vec<_> = others.into_iter().map(told).collect();
    let also = if others.is_empty() {
        String::new()
    } else {
        format!(" ({})", others.join("; "))
    };
    format!("In this chapter: {}.{also}", today.join(", "))
}
