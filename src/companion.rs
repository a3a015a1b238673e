//! The packages beside this one, which would make its build slow: run through cargo.

use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::error::{Error, complain};

/// Runs `package` with `args`, on this terminal, and gives its status on.
///
/// The first time it has to be built, which takes a while: that is said before.
///
/// # Errors
///
/// A failure when this is not run beside its sources, or when the package fails, which has
/// said why.
pub fn run(package: &str, args: &[String]) -> Result<(), Error> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("Cargo.toml").exists() {
        let root = root.display();
        return Err(Error::Failure(format!(
            "package {package} is built from its sources, and {root} is gone"
        )));
    }
    complain(format_args!("running package {package}; the first time, cargo builds it"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet", "--package", package, "--"]).args(args);
    command.current_dir(root);
    ended(become_of(command))
}

/// Becomes that program, so that whoever ends this process ends it, and nobody is left with
/// the terminal.
#[cfg(unix)]
fn become_of(mut command: Command) -> io::Result<ExitStatus> {
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

#[cfg(not(unix))]
fn become_of(mut command: Command) -> io::Result<ExitStatus> {
    command.status()
}

fn ended(status: io::Result<ExitStatus>) -> Result<(), Error> {
    let status = status
        .map_err(|error| Error::Failure(format!("cargo cannot be run: {error}")))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::Companion(u8::try_from(code).unwrap_or(1))),
        None => Err(Error::Companion(1)),
    }
}
