//! Worker processes, from both sides: the thread that has one, and what runs in it.
//!
//! The two talk through a socket, which is the worker's stdin: a call is a name and an
//! argument, an answer is one piece, and a piece is its length and its bytes. A worker whose
//! socket is at its end has nobody left to work for, and ends, even in the middle of a job.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, exit};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, mpsc};
use std::thread;

use crate::process_pool::{Function, ProcessError};

/// The argument by which a process knows that it is a worker. Unlike the environment, it is not
/// passed on to whatever the worker starts.
const WORKER: &str = "stage5-asyncio:worker";

/// The names of all functions that may be called: set by `worker_main`.
static REGISTERED: OnceLock<BTreeSet<&str>> = OnceLock::new();

thread_local! {
    /// The worker of this thread, one of a pool's: started by its first job, and ended with it.
    static WORKER_HERE: RefCell<Option<Worker>> = const { RefCell::new(None) };
}

pub(crate) type Functions = BTreeMap<&'static str, Function>;

pub(crate) fn register(functions: impl IntoIterator<Item = Function>) -> Functions {
    let mut named = Functions::new();
    for function in functions {
        let name = function.name;
        let other = named.insert(name, function);
        assert!(other.is_none(), "two functions for workers have the name {name}");
    }
    let _ = REGISTERED.set(named.keys().copied().collect());
    named
}

/// Whether `worker_main` was called, and told of `name`.
pub(crate) fn is_registered(name: Option<&str>) -> bool {
    REGISTERED.get().is_some_and(|known| name.is_none_or(|name| known.contains(name)))
}

/// Has the worker of this thread call a function, and gives its reply.
pub(crate) fn call(
    name: &str,
    argument: &[u8],
    ticket: &Ticket,
) -> Result<Vec<u8>, ProcessError> {
    let worker = match WORKER_HERE.take().filter(Worker::is_alive) {
        Some(worker) => worker,
        None => Worker::start().map_err(ProcessError::NotStarted)?,
    };
    ticket.begin(&worker.child);
    let reply = worker.call(name, argument);
    let may_stay = ticket.end();
    let reply = reply.map_err(|_| ProcessError::Died(worker.kill()))?;
    if may_stay {
        WORKER_HERE.set(Some(worker));
    }
    Ok(reply)
}

/// Where a job is: what its thread and whoever cancels it both reach.
#[derive(Default)]
pub(crate) struct Ticket(Mutex<Progress>);

#[derive(Default)]
enum Progress {
    #[default]
    Waits,
    Runs(Arc<Mutex<Child>>),
    Over,
    Cancelled,
}

impl Ticket {
    /// Kills the worker that is at it.
    pub(crate) fn cancel(&self) {
        let mut progress = self.progress();
        match &*progress {
            Progress::Runs(child) => kill(child),
            Progress::Over => return,
            Progress::Waits | Progress::Cancelled => {}
        }
        *progress = Progress::Cancelled;
    }

    fn begin(&self, child: &Arc<Mutex<Child>>) {
        let mut progress = self.progress();
        match *progress {
            Progress::Cancelled => kill(child),
            _ => *progress = Progress::Runs(Arc::clone(child)),
        }
    }

    /// `false`: the worker was killed meanwhile.
    fn end(&self) -> bool {
        let mut progress = self.progress();
        let was_cancelled = matches!(*progress, Progress::Cancelled);
        *progress = Progress::Over;
        !was_cancelled
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process that works for us. Dropped, it ends, and is reaped.
struct Worker {
    child: Arc<Mutex<Child>>,
    channel: UnixStream,
}

impl Worker {
    fn start() -> io::Result<Self> {
        let (channel, theirs) = UnixStream::pair()?;
        let child = Command::new(env::current_exe()?)
            .arg(WORKER)
            .stdin(OwnedFd::from(theirs))
            // Ctrl-C is for us: we tell them.
            .process_group(0)
            .spawn()?;
        Ok(Self { child: Arc::new(Mutex::new(child)), channel })
    }

    fn is_alive(&self) -> bool {
        matches!(locked(&self.child).try_wait(), Ok(None))
    }

    fn call(&self, name: &str, argument: &[u8]) -> io::Result<Vec<u8>> {
        send(&self.channel, name.as_bytes())?;
        send(&self.channel, argument)?;
        receive(&self.channel)
    }

    /// Kills it, unless it has ended by itself; says how it did.
    fn kill(&self) -> ExitStatus {
        kill(&self.child);
        locked(&self.child).wait().expect("nobody else waits for it")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn kill(child: &Mutex<Child>) {
    // It may have ended.
    let _ = locked(child).kill();
}

fn locked(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(mut channel: &UnixStream, piece: &[u8]) -> io::Result<()> {
    channel.write_all(&(piece.len() as u64).to_le_bytes())?;
    channel.write_all(piece)
}

fn receive(channel: &UnixStream) -> io::Result<Vec<u8>> {
    let (mut channel, mut length) = (channel, [0; 8]);
    channel.read_exact(&mut length)?;
    let (length, mut piece) = (u64::from_le_bytes(length), Vec::new());
    let read = channel.take(length).read_to_end(&mut piece)?;
    if (read as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(piece)
}

/// Whether this process is a worker.
pub(crate) fn we_are_one() -> bool {
    env::args_os().nth(1).is_some_and(|argument| argument == WORKER)
}

/// What a worker does, to its end.
pub(crate) fn serve(functions: Functions) -> ! {
    // Nobody is left whom the error could be told.
    let Err(_) = try_to_serve(&functions);
    exit(1)
}

fn try_to_serve(functions: &Functions) -> io::Result<Infallible> {
    let channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Whoever reads from stdin, reads nothing.
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    let (calls, to_do) = mpsc::channel();
    let listens = channel.try_clone()?;
    thread::spawn(move || {
        while let (Ok(name), Ok(argument)) = (receive(&listens), receive(&listens)) {
            if calls.send((name, argument)).is_err() {
                break;
            }
        }
        exit(0)
    });
    loop {
        let (name, argument) = to_do.recv().map_err(io::Error::other)?;
        let name = String::from_utf8(name).map_err(io::Error::other)?;
        let function = functions.get(&*name).ok_or(io::ErrorKind::NotFound)?;
        send(&channel, &(function.call)(&argument))?;
    }
}
