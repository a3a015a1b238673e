//! A program in a process of its own, with limits on its time, its output and its memory:
//! whatever it does, whoever runs it goes on.

use std::io::{self, Read};
#[cfg(target_os = "linux")]
use std::num::NonZero;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cargo::end_all;

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How much a program may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// How many bytes of each of its two pipes are read. When one is full, it is ended.
    pub output: usize,
    /// How many bytes of addresses it may have. Only Linux sees to it.
    pub memory: u64,
}

/// What a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What came out of its stdout.
    pub told: Vec<u8>,
    /// What came out of its stderr.
    pub complaints: Vec<u8>,
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

impl Limits {
    /// Runs `command` to its end, or to where its limits or `stop` end it: with everybody whom
    /// it has started.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be started; [`Interrupted`](io::ErrorKind::Interrupted) when `stop`
    /// said that nobody wants it any more.
    pub fn run(self, command: &mut Command, stop: &dyn Fn() -> bool) -> io::Result<Ran> {
        // Ctrl-C goes to everybody in front of the terminal; this one is ended by us, and so
        // is whoever it has started.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        self.bound(&child);
        let told = collect(child.stdout.take().expect("it is piped"), self.output);
        let complaints = collect(child.stderr.take().expect("it is piped"), self.output);
        let why = self.wait_for(&mut child, stop);
        // Whoever it has started and left behind holds its pipes, and us.
        let status = end_all(&mut child)?;
        let [told, complaints] =
            [told, complaints].map(|pipe| pipe.join().unwrap_or_default());
        let end = match why? {
            Why::Stopped => return Err(io::ErrorKind::Interrupted.into()),
            _ if [&told, &complaints].iter().any(|it| it.len() == self.output) => {
                End::TooMuch
            }
            Why::Late => End::Hung,
            Why::Ended if status.success() => End::Well,
            Why::Ended => End::Badly,
        };
        Ok(Ran { told, complaints, end })
    }

    /// The kernel sees to it, even if we should be gone by then.
    #[cfg(target_os = "linux")]
    fn bound(self, child: &Child) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let limit = |most| Rlimit { current: Some(most), maximum: Some(most) };
        let Some(id) = Pid::from_raw(child.id().cast_signed()) else { return };
        // Whoever has ended already needs no bounds.
        let _ = prlimit(Some(id), Resource::As, limit(self.memory));
        let _ = prlimit(Some(id), Resource::Cpu, limit(self.processor_time()));
    }

    /// In seconds. All processors that it may use may be busy with it all the time.
    #[cfg(target_os = "linux")]
    fn processor_time(self) -> u64 {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        (self.time.as_secs() + 1) * processors as u64
    }

    #[cfg(not(target_os = "linux"))]
    fn bound(self, _: &Child) {}

    /// Waits until a process has ended, is late or is not wanted any more. Its number stays its
    /// own until somebody has waited for it in earnest: so its group can still be ended.
    fn wait_for(self, child: &mut Child, stop: &dyn Fn() -> bool) -> io::Result<Why> {
        let deadline = Instant::now() + self.time;
        loop {
            if has_ended(child)? {
                return Ok(Why::Ended);
            }
            if stop() {
                return Ok(Why::Stopped);
            }
            if Instant::now() > deadline {
                return Ok(Why::Late);
            }
            thread::sleep(LOOK);
        }
    }
}

/// Why nobody waits for a process any more.
#[derive(Clone, Copy, Debug)]
enum Why {
    Ended,
    Late,
    Stopped,
}

/// Asks, and leaves it to be waited for.
#[cfg(unix)]
fn has_ended(child: &Child) -> io::Result<bool> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let id = Pid::from_child(child);
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(id), how)?.is_some())
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

/// Reads a pipe on a thread of its own, so that the program is never held up: to its end, or
/// until it is enough.
fn collect(
    pipe: impl Read + Send + 'static,
    enough: usize,
) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What has been read until an error is all there is.
        drop(pipe.take(enough as u64).read_to_end(&mut bytes));
        bytes
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { time: Duration::from_secs(30), output: 1000, memory: 1 << 32 };

    fn shell(limits: Limits, script: &str) -> Ran {
        limits.run(Command::new("sh").args(["-c", script]), &|| false).expect("it starts")
    }

    #[test]
    fn what_a_program_told_is_kept_and_how_it_ended() {
        let ran = shell(LIMITS, "echo one; echo two >&2; exit 3");
        assert_eq!((&*ran.told, &*ran.complaints), (&b"one\n"[..], &b"two\n"[..]));
        assert_eq!(ran.end, End::Badly);
        assert_eq!(shell(LIMITS, "true").end, End::Well);
    }

    /// It would hold the pipes, and whoever reads them.
    #[test]
    fn whoever_ends_leaves_nobody_behind() {
        let ran = shell(LIMITS, "sleep 1000 & echo bye");
        assert_eq!((&*ran.told, ran.end), (&b"bye\n"[..], End::Well));
    }

    #[test]
    fn whoever_hangs_is_ended_and_whoever_tells_too_much_is_not_heard_out() {
        let short = Limits { time: Duration::from_millis(50), ..LIMITS };
        assert_eq!(shell(short, "sleep 1000 & sleep 1000").end, End::Hung);
        let ran = shell(LIMITS, "while true; do echo all work; done");
        assert_eq!((ran.told.len(), ran.end), (1000, End::TooMuch));
        let ran = shell(LIMITS, "while true; do echo no end >&2; done");
        assert_eq!((ran.complaints.len(), ran.end), (1000, End::TooMuch));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn whoever_takes_too_much_memory_gets_none() {
        let narrow = Limits { memory: 1 << 26, ..LIMITS };
        let greedy = "sleep 0.2; x=xxxxxxxx; while true; do x=$x$x; done";
        assert_eq!(shell(narrow, greedy).end, End::Badly);
    }

    /// Two threads that work all the time are not two programs that hang.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_may_keep_all_processors_busy_for_as_long_as_it_may_run() {
        let wait = "while [ $(ulimit -t) = unlimited ]; do sleep 0.01; done; ulimit -t";
        let told = String::from_utf8(shell(LIMITS, wait).told).expect("it is a number");
        let processors = thread::available_parallelism().expect("there is one").get();
        assert_eq!(told.trim(), (31 * processors).to_string());
    }

    #[test]
    fn nobody_waits_for_what_nobody_wants() {
        let ran = LIMITS.run(Command::new("sleep").arg("1000"), &|| true);
        assert_eq!(ran.unwrap_err().kind(), io::ErrorKind::Interrupted);
    }
}
