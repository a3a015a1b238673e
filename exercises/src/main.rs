//! The command `exercises`, which `lineage check` runs.

use std::process::ExitCode;

use exercises::command;
use lineage::args;
use lineage::companion::Companion;
use lineage::error::exit_code;
use lineage::output::Output;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    let args = args::read(Companion::EXERCISES, &mut output);
    exit_code(args.and_then(|args| command::run(&args, &mut output)))
}
