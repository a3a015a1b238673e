//! The packages beside this one, which would make its build slow: built by cargo when they
//! are wanted, and then run in our place.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cargo::{Build, Built};
use crate::error::Error;
use crate::interrupt;
use crate::invocation::{PASSED_ON, invocation};

/// A package of the workspace that is a program.
#[derive(Clone, Copy, Debug)]
pub struct Companion {
    /// The package, and its program.
    pub name: &'static str,
    /// What it does, and why that takes time to build.
    pub does: &'static str,
}

impl Companion {
    /// The book.
    pub const BOOK: Self =
        Self { name: "book", does: "with mdBook and a parser for Rust" };
    /// The exercises.
    pub const EXERCISES: Self =
        Self { name: "exercises", does: "which checks and tries what you write" };
    /// The stepper.
    pub const STEPPER: Self =
        Self { name: "stepper", does: "which draws in the terminal" };

    /// Runs it with `args`, on this terminal, and gives its status on.
    ///
    /// The first time it has to be built, which takes a while: that is said before, and
    /// cargo shows how far it is.
    ///
    /// # Errors
    ///
    /// A failure when there are no sources to build it from, or when it cannot be built;
    /// whatever the program answers, which has said why.
    pub fn run(self, args: &[OsString]) -> Result<(), Error> {
        ended(become_of(self.command(args)?))
    }

    /// The same for whoever has something to do afterwards.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn call(self, args: &[OsString]) -> Result<(), Error> {
        ended(self.command(args)?.status())
    }

    fn command(self, args: &[OsString]) -> Result<Command, Error> {
        let root = workspace();
        if !is_ours(&root) {
            let (name, root) = (self.name, root.display());
            return Err(Error::Failure(format!(
                "package {name} is built from its sources: run this in a checkout of them \
                 ({root} is gone)"
            )));
        }
        let program = self.build(&root)?;
        let mut command = Command::new(program);
        command.args(args).env(PASSED_ON, invocation());
        Ok(command)
    }

    fn build(self, root: &Path) -> Result<PathBuf, Error> {
        let interrupted = Arc::new(AtomicBool::new(false));
        let tell = Arc::clone(&interrupted);
        interrupt::stop_on_interrupt(move || tell.store(true, Ordering::SeqCst))?;
        let Self { name, does } = self;
        let why = format!(
            "building package {name}, {does}; it is apart, so that lineage itself is \
             built in seconds"
        );
        let build = Build {
            manifest: root.join("Cargo.toml"),
            // In the dev profile, however this was built: nothing has to be optimised there that
            // need not be, and what is slow without it is, one by one (the root's Cargo.toml).
            args: &["--package", name],
            target: None,
            why: &why,
            small: "",
        };
        let done = build.run(&|| interrupted.load(Ordering::SeqCst));
        let no_cargo = |error| Error::Failure(format!("cargo cannot be run: {error}"));
        match done.map_err(no_cargo)? {
            Some(Built { is_whole: true, executable: Some(program), .. }) => Ok(program),
            Some(Built { complaints, .. }) => {
                let complaints = complaints.trim_end();
                let after = if complaints.is_empty() { "" } else { ":\n" };
                Err(Error::Failure(format!(
                    "package {name} cannot be built{after}{complaints}"
                )))
            }
            None => Err(Error::INTERRUPTED),
        }
    }
}

/// The workspace that one stands in; if one stands in none, the one that this was built in.
pub fn workspace() -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    let above = here.ancestors().find(|folder| is_ours(folder));
    above.map_or_else(|| built_in().to_owned(), Path::to_owned)
}

/// A path as one would type it here.
pub fn from_here(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = env::current_dir().and_then(|it| it.canonicalize());
    let below = here.ok().and_then(|here| whole.strip_prefix(here).ok());
    below.map_or_else(|| whole.clone(), Path::to_owned)
}

/// The root of the workspace that this was built in.
fn built_in() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether a folder is the root of such a workspace.
fn is_ours(folder: &Path) -> bool {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    manifest.lines().any(|line| line == "name = \"lineage\"")
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
    let status = status.map_err(|error| {
        Error::Failure(format!("it was built, and does not start: {error}"))
    })?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(Error::Companion(u8::try_from(code).unwrap_or(1))),
        None => Err(Error::Companion(1)),
    }
}
