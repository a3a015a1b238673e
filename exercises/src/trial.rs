//! A trial: what the reader wrote is built, and run with a time-out.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use lineage::apart::End;
use lineage::apart::Limits;
use lineage::cargo::Build;
use lineage::error::named;

use crate::catalogue::Exercise;
use crate::desk::{Desk, PACKAGE, program_name};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does not compile: what the compiler says.
    DoesNotCompile(String),
    /// It ran to its end, or was ended.
    Ran(Ran),
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What it told, a line each.
    pub told: Vec<String>,
    /// What it complained of.
    pub complaints: String,
    /// How it ended.
    pub end: End,
}

/// How many bytes a program may tell.
pub const ENOUGH: usize = 1 << 20;

/// How many bytes of addresses a program may have: a few hundred threads, and their stacks.
pub(crate) const ROOM: u64 = 4 << 30;

impl Desk {
    /// Builds the reader's exercise with its check, and runs it.
    ///
    /// # Errors
    ///
    /// What writing answers, with the file's name; and as [`try_program`](Self::try_program).
    pub fn check(&self, exercise: &Exercise) -> io::Result<Outcome> {
        let name = exercise.number.to_string();
        let _turn = self.turn(self.folder())?;
        self.renew_check(exercise, &name)?;
        self.try_program(&name)
    }

    /// Builds the program `name`, and runs it.
    ///
    /// # Errors
    ///
    /// Fails when cargo cannot be run.
    pub fn try_program(&self, name: &str) -> io::Result<Outcome> {
        if let Some(errors) = self.build(&["--bin", &program_name(name)])? {
            return Ok(Outcome::DoesNotCompile(errors));
        }
        self.run(name).map(Outcome::Ran)
    }

    /// Builds; gives what the compiler complains of, if it does.
    ///
    /// # Errors
    ///
    /// Fails when cargo cannot be run, and when it is interrupted.
    pub fn build(&self, which: &[&str]) -> io::Result<Option<String>> {
        let offline: Vec<_> = ["--offline"].iter().chain(which).copied().collect();
        let build = Build {
            manifest: self.manifest(),
            args: &offline,
            target: Some(self.target()),
            why: "building the reactor, which the exercises stand on",
            small: PACKAGE,
        };
        let done = build.run(&|| self.interrupt.is_due())?.ok_or_else(interrupted)?;
        Ok((!done.is_whole).then_some(done.complaints))
    }

    /// Runs a program that was built.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be started, and when it is interrupted.
    pub fn run(&self, name: &str) -> io::Result<Ran> {
        self.run_file(&self.built(&program_name(name)))
    }

    /// Runs it from its file.
    pub(crate) fn run_file(&self, executable: &Path) -> io::Result<Ran> {
        let limits = Limits { time: self.patience, output: ENOUGH, memory: ROOM };
        let mut command = Command::new(executable);
        let ran = limits.run(&mut command, &|| self.interrupt.is_due());
        let ran = ran.map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => named(executable)(error),
        })?;
        let told = as_text(&ran.told).lines().map(str::to_owned).collect();
        Ok(Ran { told, complaints: as_text(&ran.complaints), end: ran.end })
    }

    /// Where a program is that was built.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        self.target().join("debug").join(name)
    }
}

fn interrupted() -> io::Error {
    io::ErrorKind::Interrupted.into()
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
