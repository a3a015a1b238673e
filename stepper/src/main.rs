//! The command `stepper`, which `lineage step` runs.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use lineage::error::exit_code;
use lineage::output::Output;
use stepper::args::Args;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    exit_code(Args::read(&mut output).and_then(|args| args.obey(&mut output)))
}
