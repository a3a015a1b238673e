//! What may be typed after `step`: read here, so that its help needs no build, and by package
//! `stepper`, which does it.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::args::a_style;
use crate::run::Program;
use crate::styles::Style;

/// Look at a run step by step: who runs, who is ready, who waits for what
#[derive(Clone, Debug, Parser)]
#[command(
    after_help = "Recordings are written by: trace PROGRAM --style STYLE --out FILE\n\
                  The keys are shown by ? while it runs."
)]
pub struct Step {
    /// A program (countdown, echo, crawl, happy-eyeballs, chat), which is recorded now, or the file of a recording
    #[arg(value_name = "PROGRAM|FILE.json")]
    pub what: PathBuf,

    /// In which style to record; async-await unless told
    #[arg(long, value_name = "STYLE", value_parser = a_style(), hide_possible_values = true)]
    pub style: Option<&'static Style>,

    /// Print all of it as a table, as it is without a terminal
    #[arg(long)]
    pub plain: bool,

    /// Lay this recording beside it, and begin where they first differ
    #[arg(long, value_name = "OTHER.json")]
    pub beside: Option<PathBuf>,
}

impl Step {
    /// The program, if it is none of the files.
    pub fn program(&self) -> Option<Program> {
        self.what.to_str().and_then(|it| Program::from_str(it, false).ok())
    }

    /// The style to record in.
    pub fn style(&self) -> &'static Style {
        let style = self.style.or_else(|| Style::named("async-await"));
        style.expect("the last stage has this style")
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Step;

    #[test]
    fn the_definition_holds() {
        Step::command().debug_assert();
    }
}
