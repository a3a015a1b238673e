//! Cargo, for somebody who waits: silent while there is nothing to build; otherwise a word on
//! what is built and why, and then cargo's own progress.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Deserialize;

use crate::error::complain;

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// How cargo's lines begin when there is something to wait for.
const WORK: [&str; 5] = ["Compiling", "Downloading", "Updating", "Locking", "Blocking"];

/// Something to be built.
#[derive(Debug)]
pub struct Build<'a> {
    /// Where its workspace's manifest is.
    pub manifest: PathBuf,
    /// What cargo is told besides, such as the package.
    pub args: &'a [&'a str],
    /// Where cargo builds, if not where it usually does.
    pub target: Option<PathBuf>,
    /// What is said before a build that takes a while: what is built, and why.
    pub why: &'a str,
    /// A package that is built in no time, and needs no word.
    pub small: &'a str,
}

/// What came of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// The program, if there is one now.
    pub executable: Option<PathBuf>,
    /// What the compiler and cargo had to say that was not shown.
    pub complaints: String,
    /// Whether all of it could be built.
    pub is_whole: bool,
}

/// How cargo ended.
enum End {
    Done(ExitStatus),
    /// It had begun to build, while nobody was shown.
    WouldBuild,
    /// Nobody wants it any more.
    Stopped,
}

impl Build<'_> {
    /// Builds. `None`: `stop` said that nobody wants it any more.
    ///
    /// # Errors
    ///
    /// Fails when cargo cannot be run.
    pub fn run(&self, stop: &dyn Fn() -> bool) -> io::Result<Option<Built>> {
        let begun = Arc::new(AtomicBool::new(false));
        let mut cargo = self.start(Stdio::piped())?;
        let (told, held) = (answers(&mut cargo), self.hold(&mut cargo, &begun));
        match end_of(&mut cargo, &|| begun.load(Ordering::SeqCst), stop)? {
            End::Done(status) => {
                let mut built = built(told, status);
                if built.complaints.is_empty() {
                    built.complaints = held.join().unwrap_or_default();
                }
                Ok(Some(built))
            }
            End::WouldBuild => {
                complain(self.why);
                self.show(stop)
            }
            End::Stopped => Ok(None),
        }
    }

    /// The same, with cargo's progress on stderr, as cargo itself shows it there.
    fn show(&self, stop: &dyn Fn() -> bool) -> io::Result<Option<Built>> {
        let mut cargo = self.start(Stdio::inherit())?;
        let told = answers(&mut cargo);
        match end_of(&mut cargo, &|| false, stop)? {
            End::Done(status) => Ok(Some(built(told, status))),
            End::WouldBuild | End::Stopped => Ok(None),
        }
    }

    fn start(&self, stderr: Stdio) -> io::Result<Child> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--message-format", "json", "--manifest-path"]);
        command.arg(&self.manifest).args(self.args);
        if let Some(target) = &self.target {
            command.env("CARGO_TARGET_DIR", target);
        }
        // In a group with the compilers that it runs, so that all of them can be ended.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn()
    }

    /// Keeps what cargo says to itself, and notices when it begins to build.
    fn hold(&self, cargo: &mut Child, begun: &Arc<AtomicBool>) -> JoinHandle<String> {
        let (stderr, begun) = (cargo.stderr.take().expect("it is piped"), begun.clone());
        let small = self.small.to_owned();
        thread::spawn(move || {
            let mut held = String::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if takes_a_while(&line, &small) {
                    begun.store(true, Ordering::SeqCst);
                }
                held.push_str(&line);
                held.push('\n');
            }
            held
        })
    }
}

/// Whether a line of cargo's says that there is something to wait for.
fn takes_a_while(line: &str, small: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_work = words.next().is_some_and(|first| WORK.contains(&first));
    is_work && words.next() != Some(small)
}

/// What cargo answers to a program that runs it, read on a thread of its own.
fn answers(cargo: &mut Child) -> JoinHandle<Vec<u8>> {
    let mut stdout = cargo.stdout.take().expect("it is piped");
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What has been read until an error is all there is.
        drop(stdout.read_to_end(&mut bytes));
        bytes
    })
}

/// A line of the answer, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    executable: Option<PathBuf>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Message {
    rendered: Option<String>,
}

fn built(told: JoinHandle<Vec<u8>>, status: ExitStatus) -> Built {
    let mut built = Built { is_whole: status.success(), ..Built::default() };
    let told = told.join().unwrap_or_default();
    for line in told.split(|byte| *byte == b'\n') {
        let Ok(answer) = serde_json::from_slice::<Answer>(line) else { continue };
        built.executable = answer.executable.or(built.executable);
        let rendered = answer.message.and_then(|message| message.rendered);
        built.complaints.extend(rendered);
    }
    built
}

/// Waits for the end, or ends it: with everybody whom it has started.
fn end_of(
    child: &mut Child,
    begun: &dyn Fn() -> bool,
    stop: &dyn Fn() -> bool,
) -> io::Result<End> {
    loop {
        let (has_begun, is_stopped) = (begun(), stop());
        if has_begun || is_stopped {
            end_all(child)?;
            return Ok(if is_stopped { End::Stopped } else { End::WouldBuild });
        }
        if let Some(status) = child.try_wait()? {
            return Ok(End::Done(status));
        }
        thread::sleep(LOOK);
    }
}

/// Ends a process that leads a group, and its group: nobody is left whom it has started.
///
/// # Errors
///
/// Fails when it cannot be waited for.
pub fn end_all(child: &mut Child) -> io::Result<ExitStatus> {
    #[cfg(unix)]
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        use rustix::process::{Signal, kill_process_group};
        // If it fails, nobody of the group is left.
        let _ = kill_process_group(group, Signal::KILL);
    }
    drop(child.kill());
    child.wait()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_whether_there_is_something_to_wait_for() {
        for (line, waits) in [
            ("   Compiling mio v1.2.5", true),
            ("    Blocking waiting for file lock on build directory", true),
            ("   Compiling work v0.0.0 (/home/you/work)", false),
            ("    Finished `dev` profile [unoptimized] target(s) in 0.05s", false),
            ("error: could not compile `work` (bin \"exercise-1-1\")", false),
            ("", false),
        ] {
            assert_eq!(takes_a_while(line, "work"), waits, "{line:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn whoever_is_ended_leaves_nobody_behind() {
        let mut shell = Command::new("sh");
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        shell.args(["-c", "sleep 1000 & echo $!; wait"]).stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("there is a shell");
        let mut stdout = BufReader::new(shell.stdout.take().expect("it is piped"));
        stdout.read_line(&mut String::new()).expect("it has started one");
        end_all(&mut shell).expect("it can be waited for");
        // The pipe ends when nobody holds it any more, and both of them did.
        let mut rest = Vec::new();
        stdout.read_to_end(&mut rest).expect("it ends");
        assert!(rest.is_empty());
    }
}
