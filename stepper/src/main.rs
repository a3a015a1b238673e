//! The command `stepper`, which `lineage step` runs.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use lineage::args;
use lineage::companion::Companion;
use lineage::error::exit_code;
use lineage::output::Output;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    let step = args::read(Companion::STEPPER, &mut output);
    exit_code(step.and_then(|step| stepper::args::obey(&step, &mut output)))
}
