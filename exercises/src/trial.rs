//! A trial: what the reader wrote is built, and run with a time-out.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::desk::{Desk, program_name};

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

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, content.
    Well,
    /// With an error or a panic.
    Badly,
    /// It ran for too long, and was ended.
    Hung,
}

impl Desk {
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
    /// Fails when cargo cannot be run.
    pub fn build(&self, which: &[&str]) -> io::Result<Option<String>> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--offline"])
            .args(which)
            .current_dir(self.folder())
            .env("CARGO_TARGET_DIR", self.target())
            .stdin(Stdio::null())
            .output()?;
        let errors = String::from_utf8_lossy(&built.stderr).into_owned();
        Ok((!built.status.success()).then_some(errors))
    }

    /// Runs a program that was built.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be started.
    pub fn run(&self, name: &str) -> io::Result<Ran> {
        let mut child = Command::new(self.executable(name))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let told = collect(child.stdout.take().expect("it is piped"));
        let complaints = collect(child.stderr.take().expect("it is piped"));
        let deadline = Instant::now() + self.patience;
        let end = loop {
            match child.try_wait()? {
                Some(status) if status.success() => break End::Well,
                Some(_) => break End::Badly,
                None if Instant::now() > deadline => {
                    child.kill()?;
                    child.wait()?;
                    break End::Hung;
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let told = told.join().unwrap_or_default();
        let complaints = complaints.join().unwrap_or_default();
        let told = told.lines().map(str::to_owned).collect();
        Ok(Ran { told, complaints, end })
    }

    fn executable(&self, name: &str) -> PathBuf {
        let name = format!("{}{}", program_name(name), std::env::consts::EXE_SUFFIX);
        self.target().join("debug").join(name)
    }
}

/// Reads a pipe to its end on a thread of its own, so that the program is never held up.
fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What has been read until an error is all there is.
        drop(pipe.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
