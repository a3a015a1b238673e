//! The command `exercises`, which `lineage check` runs.

use std::process::ExitCode;

use exercises::command;
use lineage::error::exit_code;
use lineage::output::Output;

fn main() -> ExitCode {
    exit_code(command::run(&mut Output::stdout()))
}
