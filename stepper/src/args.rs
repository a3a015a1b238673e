//! What was typed: a program to record, or a recording.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use lineage::args::Step;
use lineage::error::Error;
use lineage::invocation::to_type;
use lineage::output::Output;
use lineage::run::Program;
use lineage::step::not_there;
use lineage::styles::Style;
use lineage::trace;

use crate::screen::Look;
use crate::source::{self, Sources};
use crate::stepper::Stepper;
use crate::story::Story;
use crate::{table, terminal};

/// Does what was asked for.
///
/// # Errors
///
/// A failure if there is no such recording, or none can be made, or no terminal obeys.
pub fn obey(step: &Step, output: &mut Output) -> Result<(), Error> {
    let story = story(step)?;
    let other = step.beside.as_deref().map(|path| read(path, not_there_beside));
    let other = other.transpose()?;
    let sources = Sources::read(&story.files, source::root().as_deref());
    if step.plain || !output.is_terminal() {
        return match other {
            Some(other) => output.show(table::beside(&story, &other)),
            None => table::print(&story, &sources, output),
        };
    }
    let mut stepper = Stepper::new(story, sources);
    if let Some(other) = other {
        stepper = stepper.beside(other);
    }
    terminal::show(stepper, Look::of_the_environment())
}

fn story(step: &Step) -> Result<Story, Error> {
    match (step.program(), step.style) {
        (Some(program), _) => record(program, step.style()),
        (None, None) => read(&step.what, |_| not_there(step)),
        (None, Some(_)) => Err(Error::Usage(format!(
            "{} is no program, and a recording has its style already",
            step.what.display()
        ))),
    }
}

fn record(program: Program, style: &'static Style) -> Result<Story, Error> {
    // Without a loop, `lineage` traces a process of its own executable, which this is not.
    let how = to_type(&format!("step countdown --style {}", style.name));
    style.needs_a_loop(&format!("to record from here (its countdown: {how})"))?;
    Story::of(&trace::record(program, style)?).map_err(Error::Failure)
}

fn not_there_beside(path: &Path) -> Error {
    Error::Failure(format!("{}: there is no such file", path.display()))
}

fn read(path: &Path, not_there: impl Fn(&Path) -> Error) -> Result<Story, Error> {
    let named = |error: String| Error::Failure(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => not_there(path),
        ErrorKind::InvalidData => named("this is no JSON: it is no text".to_owned()),
        _ => named(error.to_string()),
    })?;
    Story::read(&text).map_err(named)
}
