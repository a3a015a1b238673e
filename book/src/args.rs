//! What may be typed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Parser, Subcommand};
use lineage::error::Error;
use lineage::output::Output;
use lineage::run::Program;
use lineage::styles::Style;

use crate::build::build;
use crate::{measurement, preprocessor, problem, record, rosetta, serve};

/// The book: builds it and serves it on this machine, or checks it.
///
/// Without a command it builds the book, serves it, and builds it again when a file changes.
#[derive(Debug, Parser)]
#[command(
    name = "book",
    args_conflicts_with_subcommands = true,
    override_usage = "cargo run -p book [-- [--port N] [--open]]\n       \
                      cargo run -p book -- <COMMAND>"
)]
pub struct Args {
    /// The port to serve at; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// Open a browser
    #[arg(long)]
    open: bool,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
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
        #[arg(value_parser = style)]
        style: Option<&'static Style>,
    },

    /// Measure, and write benches/results/NAME.json
    Measure {
        /// What `lineage NAME --json` or the bench of that name measures: cost, waiting
        name: String,
    },

    /// Speak with the stock mdbook, which starts this by itself
    Preprocess {
        #[command(subcommand)]
        question: Option<Question>,
    },
}

#[derive(Debug, Subcommand)]
enum Question {
    /// Whether pages of that kind can be made
    Supports {
        /// The kind
        renderer: String,
    },
}

impl Args {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// Fails as that does.
    pub fn obey(self, output: &mut Output) -> Result<(), Error> {
        let book = nearest_book();
        match self.command {
            None => serve::serve(&book?, self.port, self.open, output),
            Some(Command::Build { dest }) => build_only(&book?, dest.as_deref(), output),
            Some(Command::Check { accept }) => check(&book?, accept, output),
            Some(Command::Record { program, style }) => match program.zip(style) {
                Some((program, style)) => record::one(&book?, program, style, output),
                None => record::all(&book?, output),
            },
            Some(Command::Measure { name }) => {
                measurement::measure(&book?, &name, output)
            }
            Some(Command::Preprocess { question: None }) => {
                preprocessor::converse_by_stdin(output)
            }
            Some(Command::Preprocess {
                question: Some(Question::Supports { renderer }),
            }) => preprocessor::supports(&renderer),
        }
    }
}

fn build_only(
    book: &Path,
    dest: Option<&Path>,
    output: &mut Output,
) -> Result<(), Error> {
    if let Some(dest) = dest.filter(|dest| is_foreign(dest)) {
        let message = "is not empty, and what is there is no book";
        return Err(Error::Failure(format!("{} {message}", dest.display())));
    }
    let began = Instant::now();
    let mut built = build(book, dest)?;
    if !built.problems.is_empty() {
        return Err(Error::Failure(problem::list(&mut built.problems)));
    }
    let (pages, folder) = (built.pages, from_here(&built.folder));
    let seconds = began.elapsed().as_secs_f64();
    output.line(format_args!("{pages} pages in {}, in {seconds:.2} s", folder.display()))
}

/// Whether a folder has files, and none that every book has: mdBook would remove them.
fn is_foreign(folder: &Path) -> bool {
    let is_filled = folder.read_dir().is_ok_and(|mut it| it.next().is_some());
    is_filled && !folder.join("toc.html").is_file()
}

/// A folder as one would type it.
fn from_here(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let here = std::env::current_dir().and_then(|it| it.canonicalize());
    let below = here.ok().and_then(|here| whole.strip_prefix(here).ok());
    below.map_or_else(|| whole.clone(), Path::to_owned)
}

fn check(book: &Path, accept: bool, output: &mut Output) -> Result<(), Error> {
    let recorded = record::check(book, accept, output)?;
    let mut built = build(book, None)?;
    built.problems.extend(recorded);
    if !built.problems.is_empty() {
        return Err(Error::Failure(problem::list(&mut built.problems)));
    }
    output.line(format_args!("{} pages, nothing wrong", built.pages))
}

/// The folder `book` here or further up.
fn nearest_book() -> Result<PathBuf, Error> {
    let here = std::env::current_dir().map_err(Error::failure)?;
    let is_book = |folder: &Path| folder.join("book.toml").is_file();
    let found = here.ancestors().find_map(|folder| {
        let inner = folder.join("book");
        let places = [folder.to_owned(), inner];
        places.into_iter().find(|place| is_book(place))
    });
    found.ok_or_else(|| {
        Error::Usage("there is no book here: no book/book.toml, here or above".to_owned())
    })
}

fn style(name: &str) -> Result<&'static Style, String> {
    rosetta::named(name)
}
