//! The command `lineage`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use lineage::args::Args;
use lineage::error;
use lineage::output::Output;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    let done = Args::read(&mut output).and_then(|args| args.obey(&mut output));
    error::exit_code(done)
}
