//! Processes: started, talked to through pipes, waited for.
//!
//! Nothing here blocks the loop, and no process of this loop's stays a zombie: the loop itself
//! waits for the end of each, whether or not somebody holds a [`Process`]. On Linux that end is
//! a descriptor that becomes readable (pidfd); elsewhere a thread waits for it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::process::{Command, ExitStatus, Output};
use std::rc::Rc;
use std::task::Poll;

pub use std::process::Stdio;

use crate::events::get_running_loop;
use crate::extras::child::Child;
use crate::streams::{DEFAULT_LIMIT, StreamReader, StreamWriter, read_pipe, write_pipe};
use crate::tasks::shield;

/// How a process is started: what CPython's functions take as keywords.
///
/// ```
/// use stage5_asyncio::subprocess::{Options, Stdio};
///
/// let options = Options { stdout: Stdio::piped(), ..Options::default() };
/// # drop(options);
/// ```
#[derive(Debug)]
pub struct Options {
    /// Where it reads from. [`Stdio::piped`] is CPython's `PIPE`, [`Stdio::null`] its
    /// `DEVNULL`; unless you say otherwise, it has ours.
    pub stdin: Stdio,
    /// Where it writes to.
    pub stdout: Stdio,
    /// Where its errors go.
    pub stderr: Stdio,
    /// The directory it starts in, if not in ours.
    pub cwd: Option<PathBuf>,
    /// All of its environment, if it does not have ours.
    pub env: Option<Vec<(OsString, OsString)>>,
    /// How long a line of its output may be, in bytes; twice as much is read ahead.
    pub limit: usize,
}

/// A process. Dropping this leaves it alone: it runs on, and the loop reaps it. But what of its
/// pipes is still here is closed.
pub struct Process {
    /// There if it was piped: taken by [`communicate`](Self::communicate), or by you. Dropping
    /// it tells the process that there is no more.
    pub stdin: Option<StreamWriter>,
    /// There if it was piped. Dropping it tells the process that nobody reads: to write is an error
    /// from then on, or its end.
    pub stdout: Option<StreamReader>,
    /// There if it was piped.
    pub stderr: Option<StreamReader>,
    child: Rc<Child>,
    /// What a `communicate` that was cancelled has heard: of stdout, and of stderr.
    heard: [Vec<u8>; 2],
}

/// Starts `program`, with these arguments and without a shell.
///
/// # Errors
///
/// That it cannot be started: the error names it. `Unsupported` in an invented network, where
/// there are no processes.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
///
/// ```
/// use stage5_asyncio::run;
/// use stage5_asyncio::subprocess::{Options, Stdio, create_subprocess_exec};
///
/// # fn main() -> std::io::Result<()> {
/// let said = run(async {
///     let piped = Options { stdout: Stdio::piped(), ..Options::default() };
///     let mut echo = create_subprocess_exec("echo", ["hello"], piped).await?;
///     echo.communicate("").await
/// })??;
/// assert_eq!(said.stdout, b"hello\n");
/// assert!(said.status.success());
/// # Ok(())
/// # }
/// ```
#[doc(alias = "asyncio.create_subprocess_exec")]
pub async fn create_subprocess_exec(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item: AsRef<OsStr>>,
    options: Options,
) -> io::Result<Process> {
    let mut command = Command::new(program);
    command.args(arguments);
    Process::start(command, options).await
}

/// Has a shell, `/bin/sh`, run a line. Whatever in it comes from outside has to be quoted.
///
/// # Errors
///
/// As [`create_subprocess_exec`]; that the line names no program is for the shell to say, by
/// the code 127.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "asyncio.create_subprocess_shell")]
pub async fn create_subprocess_shell(
    line: impl AsRef<OsStr>,
    options: Options,
) -> io::Result<Process> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(line);
    Process::start(command, options).await
}

impl Process {
    async fn start(mut command: Command, options: Options) -> io::Result<Self> {
        let (event_loop, limit) = (get_running_loop(), options.limit);
        options.say_to(&mut command);
        let mut std = Child::spawn(&event_loop, command)?;
        let (stdin, stdout, stderr) =
            (std.stdin.take(), std.stdout.take(), std.stderr.take());
        // From here on it is reaped, whatever comes.
        let child = Child::watch(&event_loop, std);
        let stdin = match stdin {
            Some(pipe) => Some(write_pipe(pipe).await?),
            None => None,
        };
        let stdout = piped(limit, stdout).await?;
        let stderr = piped(limit, stderr).await?;
        Ok(Self { stdin, stdout, stderr, child, heard: Default::default() })
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// How it ended, as Python says it: the code of its exit, or less than zero for the signal
    /// that killed it, -9 say. `None`: the loop has not heard of its end yet.
    pub fn returncode(&self) -> Option<i32> {
        self.child.status().map(returncode)
    }

    /// Waits for its end. Any number of tasks may, and again when it has ended; a cancel ends
    /// the waiting and nothing else. A process that says more than somebody reads of it never
    /// ends: for that there is [`communicate`](Self::communicate).
    pub async fn wait(&self) -> ExitStatus {
        shield(self.child.ended()).await
    }

    /// Writes `input` and closes its stdin, reads all of its stdout and stderr, and waits for
    /// its end: whatever of these is piped. One that closes its stdin before has its reasons.
    ///
    /// To cancel this loses nothing: call it again, and it goes on where it was, with what was
    /// still to be written before the new input.
    ///
    /// # Errors
    ///
    /// What reading and writing answers.
    pub async fn communicate(&mut self, input: impl AsRef<[u8]>) -> io::Result<Output> {
        let [out, err] = &mut self.heard;
        all([
            pin!(say(&mut self.stdin, input.as_ref())),
            pin!(hear(&mut self.stdout, out)),
            pin!(hear(&mut self.stderr, err)),
        ])
        .await?;
        let status = shield(self.child.ended()).await;
        let [stdout, stderr] = mem::take(&mut self.heard);
        Ok(Output { status, stdout, stderr })
    }

    /// Sends it a signal, by its number.
    ///
    /// # Errors
    ///
    /// `NotFound` when it has ended: CPython's `ProcessLookupError`. `InvalidInput` for a
    /// number that is no signal.
    pub fn send_signal(&self, signal: i32) -> io::Result<()> {
        self.child.send_signal(signal)
    }

    /// Asks it to end: SIGTERM, which it may refuse.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub fn terminate(&self) -> io::Result<()> {
        self.send_signal(signal_hook::consts::SIGTERM)
    }

    /// Ends it: SIGKILL.
    ///
    /// # Errors
    ///
    /// As [`send_signal`](Self::send_signal).
    pub fn kill(&self) -> io::Result<()> {
        self.send_signal(signal_hook::consts::SIGKILL)
    }
}

/// Writes all of it, and closes the pipe. Who is dropped here has written it all the same: it is
/// with the transport.
async fn say(pipe: &mut Option<StreamWriter>, input: &[u8]) -> io::Result<()> {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};

    let Some(open) = pipe else { return Ok(()) };
    open.write(input);
    let drained = open.drain().await;
    *pipe = None;
    drained.or_else(|error| match error.kind() {
        BrokenPipe | ConnectionReset => Ok(()),
        _ => Err(error),
    })
}

/// Reads all there is.
async fn hear(pipe: &mut Option<StreamReader>, heard: &mut Vec<u8>) -> io::Result<()> {
    while let Some(open) = pipe {
        let more = open.read(usize::MAX).await?;
        if more.is_empty() {
            *pipe = None;
        }
        heard.extend(more);
    }
    Ok(())
}

/// A pipe that it writes to, if there is one.
async fn piped(
    limit: usize,
    pipe: Option<impl Into<OwnedFd>>,
) -> io::Result<Option<StreamReader>> {
    match pipe {
        Some(pipe) => Ok(Some(read_pipe(limit, pipe).await?)),
        None => Ok(None),
    }
}

/// All of them at a time, until each is over or one fails.
async fn all<const N: usize>(
    parts: [Pin<&mut dyn Future<Output = io::Result<()>>>; N],
) -> io::Result<()> {
    let mut left = Vec::from(parts);
    poll_fn(|context| {
        let mut failed = Ok(());
        left.retain_mut(|part| match part.as_mut().poll(context) {
            Poll::Pending => true,
            Poll::Ready(Ok(())) => false,
            Poll::Ready(Err(error)) => {
                failed = Err(error);
                false
            }
        });
        if failed.is_ok() && !left.is_empty() {
            return Poll::Pending;
        }
        Poll::Ready(failed)
    })
    .await
}

fn returncode(status: ExitStatus) -> i32 {
    let killed_by = status.signal().map(|signal| -signal);
    status.code().or(killed_by).expect("a process exits, or is killed")
}

impl Options {
    fn say_to(self, command: &mut Command) {
        command.stdin(self.stdin).stdout(self.stdout).stderr(self.stderr);
        if let Some(directory) = self.cwd {
            command.current_dir(directory);
        }
        if let Some(env) = self.env {
            command.env_clear().envs(env);
        }
    }
}

/// All of it is ours.
impl Default for Options {
    fn default() -> Self {
        let [stdin, stdout, stderr] = [(); 3].map(|()| Stdio::inherit());
        Self { stdin, stdout, stderr, cwd: None, env: None, limit: DEFAULT_LIMIT }
    }
}

/// Nobody can read any more what is still here.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pid, returncode) = (self.pid(), self.returncode());
        f.debug_struct("Process")
            .field("pid", &pid)
            .field("returncode", &returncode)
            .finish_non_exhaustive()
    }
}
