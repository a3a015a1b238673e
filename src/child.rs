//! A style in a process of its own, so that its time, its threads and its memory are its.
//!
//! The process is this same executable, called with a command that is not in its help. It
//! answers with one line of JSON.

use std::fs;
use std::io::{self, Read};
use std::process::{self, Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::Error;

/// How often a child is looked at.
const LOOK: Duration = Duration::from_millis(4);

/// How long a child may take before something must be wrong with it.
const PATIENCE: Duration = Duration::from_mins(1);

/// The place for the one child that runs. A clone can end it, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Nursery(Arc<Mutex<Crib>>);

#[derive(Debug, Default)]
struct Crib {
    child: Option<Child>,
    /// Set by whoever is about to end this process: no child is to be started any more.
    closed: bool,
}

/// What came of a child.
#[derive(Clone, Copy, Debug)]
pub struct Ended<T> {
    /// What it answered.
    pub answer: T,
    /// The most threads that it was seen to have. `None` where there is no /proc.
    pub threads: Option<usize>,
}

impl Nursery {
    /// Runs this executable with `args` to its end, and calls `look` every now and then.
    ///
    /// # Errors
    ///
    /// Fails when the child does, or does not answer, or does not end; and as `look` does.
    /// Nothing is left running.
    pub fn run<T: DeserializeOwned>(
        &self,
        args: &[&str],
        mut look: impl FnMut() -> Result<(), Error>,
    ) -> Result<Ended<T>, Error> {
        let (id, mut stdout) = self.start(args)?;
        let _end = EndOnDrop(self);
        let answer = thread::spawn(move || {
            let mut answer = String::new();
            stdout.read_to_string(&mut answer).map(|_| answer)
        });
        let mut threads = None;
        Self::wait(|| {
            threads = threads.max(count_threads(id));
            look()?;
            Ok(self.is_over()?.then_some(()))
        })?;
        let answer = answer.join().expect("to read is not to panic");
        let answer = answer.map_err(Error::failure)?;
        let answer = serde_json::from_str(&answer)
            .map_err(|_| Error::failure("the process ended without an answer"))?;
        Ok(Ended { answer, threads })
    }

    /// Runs this executable with `args` until `look` has seen what it looks for, and ends it
    /// then. `look` gets the id of the process.
    ///
    /// # Errors
    ///
    /// Fails when the child ends by itself, or runs for ever; and as `look` does. Nothing is
    /// left running.
    pub fn watch<T>(
        &self,
        args: &[&str],
        mut look: impl FnMut(u32) -> Result<Option<T>, Error>,
    ) -> Result<T, Error> {
        let (id, _stdout) = self.start(args)?;
        let _end = EndOnDrop(self);
        Self::wait(|| match look(id)? {
            Some(seen) => Ok(Some(seen)),
            None if self.is_over()? => Err(Error::failure("the process ended too soon")),
            None => Ok(None),
        })
    }

    /// Asks again and again, until there is an answer.
    fn wait<T>(mut ask: impl FnMut() -> Result<Option<T>, Error>) -> Result<T, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask()? {
                return Ok(answer);
            }
            if Instant::now() > deadline {
                return Err(Error::Failure(format!("no end after {PATIENCE:?}")));
            }
            thread::sleep(LOOK);
        }
    }

    /// Ends the child, if one runs, and lets none start again. For somebody who is about to
    /// end this process: whoever else asks for a child from here on waits for that.
    pub fn close(&self) {
        let mut crib = self.crib();
        crib.closed = true;
        crib.end();
    }

    fn start(&self, args: &[&str]) -> Result<(u32, ChildStdout), Error> {
        let mut crib = self.open_crib();
        let mut child = start(args).map_err(|error| {
            Error::Failure(format!("cannot start a process of this executable: {error}"))
        })?;
        let stdout = child.stdout.take().expect("it was asked for");
        let id = child.id();
        crib.child = Some(child);
        Ok((id, stdout))
    }

    fn is_over(&self) -> Result<bool, Error> {
        let mut crib = self.open_crib();
        let child =
            crib.child.as_mut().expect("it stays until its parent is done with it");
        child.try_wait().map(|status| status.is_some()).map_err(Error::failure)
    }

    fn open_crib(&self) -> MutexGuard<'_, Crib> {
        loop {
            let crib = self.crib();
            if !crib.closed {
                return crib;
            }
            drop(crib);
            thread::park();
        }
    }

    fn crib(&self) -> MutexGuard<'_, Crib> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Crib {
    fn end(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Sees to it that no child is left, whichever way its parent stops looking after it.
struct EndOnDrop<'a>(&'a Nursery);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.crib().end();
    }
}

fn start(args: &[&str]) -> io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    // Ctrl-C goes to everybody in front of the terminal; this child's end is its parent's
    // affair.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()
}

/// How many threads a process has now.
fn count_threads(id: u32) -> Option<usize> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"))?;
    line.trim().parse().ok()
}

/// The other side: says the answer, and ends the process.
pub fn answer(answer: &impl serde::Serialize) -> ! {
    let said = serde_json::to_writer(io::stdout(), answer);
    process::exit(i32::from(said.is_err()));
}
