//! `lineage step`: a run, recorded and then looked at step by step, by the package `stepper`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::companion;
use crate::error::Error;
use crate::run::Program;
use crate::styles::Style;
use crate::trace;

/// Records `program` in `style` and shows it; with `plain`, as a table.
///
/// # Errors
///
/// As [`companion::run`]; and as [`trace::record`], where there is no loop.
pub fn step(program: Program, style: &'static Style, plain: bool) -> Result<(), Error> {
    let what = if style.has_loop() {
        vec![program.name().to_owned(), "--style".to_owned(), style.name.to_owned()]
    } else {
        vec![recorded(program, style)?.display().to_string()]
    };
    let plain = plain.then(|| "--plain".to_owned());
    companion::run("stepper", &what.into_iter().chain(plain).collect::<Vec<_>>())
}

/// A recording for the stepper to read: without a loop, it is this executable that the kernel
/// has to be asked about.
fn recorded(program: Program, style: &'static Style) -> Result<PathBuf, Error> {
    let trace = trace::record(program, style)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let file = folder.join(format!("{}.{}.json", program.name(), style.name));
    let text = serde_json::to_string(&trace).map_err(Error::failure)?;
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .map_err(|error| Error::Failure(format!("{}: {error}", file.display())))?;
    Ok(file)
}
