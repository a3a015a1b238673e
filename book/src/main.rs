//! The command `book`.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use lineage::args;
use lineage::companion::Companion;
use lineage::error::Error;
use lineage::output::Output;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    let args = args::read(Companion::BOOK, &mut output);
    let error = match args.and_then(|args| book::args::obey(args, &mut output)) {
        Ok(()) | Err(Error::ReaderLeft) => return ExitCode::SUCCESS,
        Err(Error::Companion(status)) => return ExitCode::from(status),
        Err(error) => error,
    };
    let status = if matches!(error, Error::Usage(_)) { 2 } else { 1 };
    // As it is, with nothing before it: a line that begins with a place can be clicked on.
    drop(writeln!(io::stderr(), "{error}"));
    ExitCode::from(status)
}
