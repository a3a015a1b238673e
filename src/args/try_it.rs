//! What may be typed after `try`: read here, so that its help needs no build, and by package
//! `exercises`, which does it.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::Parser;

use crate::args::a_style;
use crate::error::Error;
use crate::styles::Style;

/// Run a program of your own on one of the loops, and look at its run
///
/// It is one file with a `main`, such as an example of a stage, and may use that stage, `reactor`
/// and `site`. It runs in a process of its own, for some seconds at the most.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "try",
    after_help = "In the simulated network, 10.0.0.1:7 sends back what it is sent, and 10.0.0.1:80 is the\n\
                  site that the crawlers crawl; the program may listen and connect to itself, too.\n\
                  Nothing is left of it but target/try, which the next one takes."
)]
pub struct Try {
    /// The program
    #[arg(value_name = "FILE.rs")]
    pub file: PathBuf,

    /// The style whose loop it runs on [default: that of the stage which it names]
    #[arg(long, value_name = "STYLE", value_parser = a_style(), hide_possible_values = true)]
    pub style: Option<&'static Style>,

    /// Run it in a simulated network and by its clock; everything there follows from this number
    #[arg(long, value_name = "SEED", num_args = 0..=1, default_missing_value = "1")]
    pub sim: Option<u64>,

    /// Print all of its run as a table, as it is without a terminal
    #[arg(long)]
    pub plain: bool,

    /// Keep the recording in this file, and do not show it
    #[arg(long, value_name = "FILE.json", conflicts_with = "plain")]
    pub out: Option<PathBuf>,

    /// Draw it instead: one page with its player and its lines, to be shown to others
    #[arg(long, value_name = "FILE.html", conflicts_with = "plain")]
    pub html: Option<PathBuf>,
}

impl Try {
    /// The program's text: also for whoever wants to know, before something is built for it, whether
    /// there is any.
    ///
    /// # Errors
    ///
    /// A failure when there is no such file, or when it is no text.
    pub fn text(&self) -> Result<String, Error> {
        fs::read_to_string(&self.file).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file".to_owned(),
                io::ErrorKind::InvalidData => "it is no text".to_owned(),
                _ => error.to_string(),
            };
            Error::Failure(format!("{}: {why}", self.file.display()))
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Try;

    #[test]
    fn the_definition_holds() {
        Try::command().debug_assert();
    }

    #[test]
    fn a_seed_may_be_left_out() {
        let sim = |typed: &[&str]| Try::try_parse_from(typed).expect("it is right").sim;
        assert_eq!(sim(&["try", "a.rs"]), None);
        assert_eq!(sim(&["try", "a.rs", "--sim"]), Some(1));
        assert_eq!(sim(&["try", "a.rs", "--sim", "7"]), Some(7));
    }
}
