//! What may be typed after `book`: read here, so that its help needs no build, and by
//! package `book`, which does it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::args::a_style;
use crate::run::Program;
use crate::styles::Style;

/// Build the book and serve it on this machine, or check it
///
/// Without a command it builds the book, serves it, and builds it again when a file changes.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Book {
    /// The port to serve at; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,

    /// Open a browser
    #[arg(long)]
    pub open: bool,

    /// What to do, if not to serve it.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What there is to do with the book but to read it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the pages
    Build {
        /// Where to put them [default: target/book]
        #[arg(long, value_name = "DIR")]
        dest: Option<PathBuf>,
    },

    /// Build, and record everything again that has to come out the same
    Check {
        /// Keep what came out differently, instead of failing
        #[arg(long)]
        accept: bool,
    },

    /// Record what the chapters show: runs and outputs; or one run, by any clock
    Record {
        /// What to run
        #[arg(value_enum, requires = "style")]
        program: Option<Program>,

        /// In which style
        #[arg(value_parser = a_style(), hide_possible_values = true)]
        style: Option<&'static Style>,
    },

    /// Measure, and write benches/results/NAME.json
    Measure {
        /// What `lineage NAME --json` or the bench of that name measures: cost, waiting
        name: String,
    },

    /// A run with other knobs, for the server
    #[command(hide = true)]
    Play {
        /// Which, as it stands in an address
        wish: String,
    },

    /// A recording as a page by itself, for `try --html`
    #[command(hide = true)]
    Draw {
        /// The page
        page: PathBuf,

        /// The recording
        recording: PathBuf,
    },

    /// Speak with the stock mdbook, which starts this by itself
    Preprocess {
        /// What it asks, if it does not hand the book over.
        #[command(subcommand)]
        question: Option<Question>,
    },
}

/// What the stock mdbook asks beforehand.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// Whether pages of that kind can be made
    Supports {
        /// The kind
        renderer: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Book;

    #[test]
    fn the_definition_holds() {
        Book::command().debug_assert();
    }
}
