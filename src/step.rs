//! `lineage step`: a run, recorded and then looked at step by step, by the package `stepper`.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::args::Step;
use crate::companion::{Companion, workspace};
use crate::error::Error;
use crate::run::Program;
use crate::styles::Style;
use crate::trace;

/// Shows what `step` says, which was typed as `typed`.
///
/// # Errors
///
/// As [`Companion::run`]; and as [`trace::record`], where there is no loop. A failure if
/// there is nothing of that name.
pub fn step(step: &Step, typed: Vec<OsString>) -> Result<(), Error> {
    let args = match step.program() {
        Some(program) if !step.style().has_loop() => {
            let plain = step.plain.then(|| "--plain".into());
            let beside = step.beside.iter();
            let beside = beside.flat_map(|it| ["--beside".into(), it.clone().into()]);
            let recorded = recorded(program, step.style())?;
            [recorded.into()].into_iter().chain(plain).chain(beside).collect()
        }
        None if !step.what.exists() => return Err(not_there(step)),
        _ => typed,
    };
    Companion::STEPPER.run(&args)
}

/// Neither a program nor a file.
pub fn not_there(step: &Step) -> Error {
    let what = step.what.display();
    Error::Failure(format!("{what}: there is no such file, nor a program of that name"))
}

/// A recording for the stepper to read: without a loop, it is this executable that the kernel
/// has to be asked about.
fn recorded(program: Program, style: &'static Style) -> Result<PathBuf, Error> {
    let trace = trace::record(program, style)?;
    let folder = workspace().join("target");
    let file = folder.join(format!("{}.{}.json", program.name(), style.name));
    let text = serde_json::to_string(&trace).map_err(Error::failure)?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| Error::Failure(format!("{}: {error}", file.display())))?;
    Ok(file)
}
