//! A trial: what the reader wrote is built, and run with a time-out.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lineage::cargo::{Build, end_all};
use lineage::error::named;

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

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, content.
    Well,
    /// With an error or a panic.
    Badly,
    /// It ran for too long, and was ended.
    Hung,
    /// It told more than anybody reads, and was not listened to any more.
    TooMuch,
}

/// How many bytes a program may tell.
pub const ENOUGH: usize = 1 << 20;

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

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
        let done = build.run(&|| self.interrupt.is_wished())?.ok_or_else(interrupted)?;
        Ok((!done.is_whole).then_some(done.complaints))
    }

    /// Runs a program that was built.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be started, and when it is interrupted.
    pub fn run(&self, name: &str) -> io::Result<Ran> {
        let executable = self.executable(name);
        let mut command = Command::new(&executable);
        // Ctrl-C goes to everybody in front of the terminal; this one is ended by us, and so
        // is whoever it has started.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(named(&executable))?;
        let told = collect(child.stdout.take().expect("it is piped"));
        let complaints = collect(child.stderr.take().expect("it is piped"));
        let status = self.end_of(&mut child, Some(Instant::now() + self.patience))?;
        // It has ended. Whoever it has started and left behind holds its pipes, and the check.
        end_all(&mut child)?;
        let told = told.join().unwrap_or_default();
        let complaints = as_text(&complaints.join().unwrap_or_default());
        let end = match status {
            _ if told.len() == ENOUGH => End::TooMuch,
            None => End::Hung,
            Some(status) if status.success() => End::Well,
            Some(_) => End::Badly,
        };
        let told = as_text(&told).lines().map(str::to_owned).collect();
        Ok(Ran { told, complaints, end })
    }

    /// Waits until a process ends, or ends it. `None`: because it was too late.
    fn end_of(
        &self,
        child: &mut Child,
        deadline: Option<Instant>,
    ) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            let is_interrupted = self.interrupt.is_wished();
            if is_interrupted || deadline.is_some_and(|it| Instant::now() > it) {
                end_all(child)?;
                return if is_interrupted { Err(interrupted()) } else { Ok(None) };
            }
            thread::sleep(LOOK);
        }
    }

    fn executable(&self, name: &str) -> PathBuf {
        let name = format!("{}{}", program_name(name), std::env::consts::EXE_SUFFIX);
        self.target().join("debug").join(name)
    }
}

/// Reads a pipe on a thread of its own, so that the program is never held up: to its end, or
/// until it is enough.
fn collect(pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What has been read until an error is all there is.
        drop(pipe.take(ENOUGH as u64).read_to_end(&mut bytes));
        bytes
    })
}

fn interrupted() -> io::Error {
    io::ErrorKind::Interrupted.into()
}

fn as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
