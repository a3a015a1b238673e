//! What may be typed: a program to record, or a recording.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use lineage::args::answer;
use lineage::error::Error;
use lineage::output::Output;
use lineage::run::Program;
use lineage::styles::Style;
use lineage::trace;

use crate::screen::Look;
use crate::source::{self, Sources};
use crate::stepper::Stepper;
use crate::story::Story;
use crate::{table, terminal};

/// Step through a recorded run: who runs, who is ready, who waits for what, at which line.
#[derive(Debug, Parser)]
#[command(
    name = "stepper",
    after_help = "Recordings are written by: lineage trace PROGRAM --style STYLE --out FILE\n\
                  The keys are shown by ? while it runs."
)]
pub struct Args {
    /// A program (countdown, echo, crawl), which is recorded now, or the file of a recording
    #[arg(value_name = "PROGRAM|FILE.json")]
    what: PathBuf,

    /// In which style to record; async-await unless told
    #[arg(long, value_name = "STYLE", value_parser = style)]
    style: Option<&'static Style>,

    /// Print all of it as a table, as it is without a terminal
    #[arg(long)]
    plain: bool,
}

impl Args {
    /// Reads the command line. Asked for help, prints that and exits.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`], in one line; a failure if the help cannot be written.
    pub fn read(output: &mut Output) -> Result<Self, Error> {
        Self::try_parse().map_err(|error| answer(&error, output))
    }

    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// A failure if there is no such recording, or none can be made, or no terminal obeys.
    pub fn obey(self, output: &mut Output) -> Result<(), Error> {
        let story = self.story()?;
        let sources = Sources::read(&story.files, source::root().as_deref());
        if self.plain || !output.is_terminal() {
            return table::print(&story, &sources, output);
        }
        terminal::show(Stepper::new(story, sources), Look::of_the_environment())
    }

    fn story(&self) -> Result<Story, Error> {
        let program = self.what.to_str().and_then(|it| Program::from_str(it, false).ok());
        match (program, self.style) {
            (None, None) => read(&self.what),
            (None, Some(_)) => Err(Error::Usage(format!(
                "{} is no program, and a recording has its style already",
                self.what.display()
            ))),
            (Some(program), style) => {
                let style = style.or_else(|| Style::named("async-await"));
                record(program, style.expect("the last stage has this style"))
            }
        }
    }
}

fn record(program: Program, style: &'static Style) -> Result<Story, Error> {
    // Without a loop, `lineage` traces a process of its own executable, which this is not.
    style.needs_a_loop(
        "to record from here (its countdown: lineage step countdown --style STYLE)",
    )?;
    Story::of(&trace::record(program, style)?).map_err(Error::Failure)
}

fn read(path: &Path) -> Result<Story, Error> {
    let named = |error: String| Error::Failure(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            named("there is no such file, nor a program of that name".to_owned())
        }
        ErrorKind::InvalidData => named("this is no JSON: it is no text".to_owned()),
        _ => named(error.to_string()),
    })?;
    Story::read(&text).map_err(named)
}

fn style(name: &str) -> Result<&'static Style, String> {
    Style::named(name).ok_or_else(|| {
        format!("there is no such style; there are: {}", Style::names().join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_holds() {
        Args::command().debug_assert();
    }
}
