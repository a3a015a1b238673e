//! `lineage list`: which styles and programs there are.

use clap::ValueEnum;
use serde::Serialize;

use crate::error::Error;
use crate::output::Output;
use crate::run::Program;
use crate::styles::{STYLES, Style};

#[derive(Serialize)]
struct Answer {
    styles: Vec<Line>,
    programs: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    style: &'static str,
    since: &'static str,
    sources: &'static str,
}

impl From<&Style> for Line {
    fn from(style: &Style) -> Self {
        Self { style: style.name, since: style.since, sources: style.folder }
    }
}

/// Lists them.
///
/// # Errors
///
/// Fails when nobody reads.
pub fn list(json: bool, output: &mut Output) -> Result<(), Error> {
    if json {
        let styles = STYLES.iter().map(Line::from).collect();
        let programs = programs().map(|(name, _)| name).collect();
        return output.json(&Answer { styles, programs });
    }
    output.line(format_args!("{:<12}  {:<16}  SOURCES", "STYLE", "SINCE"))?;
    for style in STYLES {
        let Style { name, since, folder, .. } = style;
        output.line(format_args!("{name:<12}  {since:<16}  {folder}"))?;
    }
    output.line("\nPROGRAM")?;
    for (name, help) in programs() {
        output.line(format_args!("{name:<14}  {help}"))?;
    }
    Ok(())
}

/// The programs' names, and what they do.
fn programs() -> impl Iterator<Item = (String, String)> {
    Program::value_variants().iter().filter_map(Program::to_possible_value).map(|value| {
        let help = value.get_help().map(ToString::to_string).unwrap_or_default();
        (value.get_name().to_owned(), help)
    })
}
