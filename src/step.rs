//! `lineage step`: a run, recorded and then looked at step by step, by the package `stepper`.

use crate::companion;
use crate::error::Error;
use crate::run::Program;
use crate::styles::Style;

/// Records `program` in `style` and shows it; with `plain`, as a table.
///
/// # Errors
///
/// As [`companion::run`].
pub fn step(program: Program, style: &Style, plain: bool) -> Result<(), Error> {
    let plain = plain.then_some("--plain");
    let args = [program.name(), "--style", style.name].into_iter().chain(plain);
    companion::run("stepper", &args.map(str::to_owned).collect::<Vec<_>>())
}
