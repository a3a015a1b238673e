//! The command `lineage`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use lineage::args::Args;
use lineage::error;
use lineage::output::Output;

fn main() -> ExitCode {
    let done = Args::read().and_then(|args| args.obey(&mut Output::stdout()));
    error::exit_code(done)
}
