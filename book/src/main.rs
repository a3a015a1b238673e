//! The command `book`.

#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use book::args::Args;
use clap::Parser;
use lineage::error::Error;
use lineage::output::Output;

fn main() -> ExitCode {
    let error = match Args::parse().obey(&mut Output::stdout()) {
        Ok(()) | Err(Error::ReaderLeft) => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    let status = if matches!(error, Error::Usage(_)) { 2 } else { 1 };
    // As it is, with nothing before it: a line that begins with a place can be clicked on.
    drop(writeln!(io::stderr(), "{error}"));
    ExitCode::from(status)
}
