//! The command `book`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use book::args::Args;
use clap::Parser;
use lineage::error;
use lineage::output::Output;

fn main() -> ExitCode {
    let done = Args::parse().obey(&mut Output::stdout());
    error::exit_code(done)
}
