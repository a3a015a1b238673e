//! The command `exercises`, which `lineage check` and `lineage try` run.

use std::ffi::OsString;
use std::process::ExitCode;

use exercises::{command, playground};
use lineage::args;
use lineage::companion::Companion;
use lineage::error::exit_code;
use lineage::output::Output;

fn main() -> ExitCode {
    let mut output = Output::stdout();
    let mut typed: Vec<OsString> = std::env::args_os().collect();
    let (output, own) = (&mut output, Companion::EXERCISES);
    exit_code(if typed.get(1).is_some_and(|word| word == "try") {
        typed.remove(1);
        args::read_from(own, typed, output).and_then(|it| playground::run(&it, output))
    } else {
        args::read_from(own, typed, output).and_then(|it| command::run(&it, output))
    })
}
