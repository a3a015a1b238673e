//! Where programs show their tasks, and how to ask them: for another process of the same user.

use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use rustix::process::{Pid, geteuid, test_kill_process};

use super::Process;

/// How long a program may take to answer. Its own loops are given less.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the name of a socket ends.
const SUFFIX: &str = ".asyncio";

/// What one may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Who waits for what?
    Tree,
    /// The same, and what was done since the first such question of the connection.
    Counted,
}

impl Question {
    pub(super) const ALL: [Self; 2] = [Self::Tree, Self::Counted];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Tree => "tree",
            Self::Counted => "counted",
        }
    }
}

/// A connection to a program that shows its tasks.
#[derive(Debug)]
pub struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Connects to the process of that number.
    ///
    /// # Errors
    ///
    /// `NotFound`, which says whether there is no such process, or whether it shows nothing;
    /// what the system answers.
    pub fn to(pid: u32) -> io::Result<Self> {
        let path = path_of(&folder()?, pid);
        let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => absent(pid),
            _ => error,
        })?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` if the program has ended; `TimedOut` if it does not answer, because it
    /// is stopped for instance; what the system answers.
    pub fn ask(&mut self, question: Question) -> io::Result<Process> {
        let mut answer = String::new();
        let asked = writeln!(self.0.get_mut(), "{}", question.word())
            .and_then(|()| self.0.read_line(&mut answer));
        match asked {
            Ok(1..) => serde_json::from_str(&answer).map_err(io::Error::other),
            Ok(0) => Err(ended()),
            Err(error) => Err(match error.kind() {
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ended(),
                io::ErrorKind::WouldBlock => {
                    let message = "it does not answer: is it stopped?";
                    io::Error::new(io::ErrorKind::TimedOut, message)
                }
                _ => error,
            }),
        }
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the program has ended")
}

/// Why there is no socket of that number.
fn absent(pid: u32) -> io::Error {
    let message = if is_alive(pid) {
        format!(
            "process {pid} shows no tasks: it has to call debug::serve(), or to be started with \
             {}=1",
            super::ENVIRONMENT
        )
    } else {
        format!("there is no process {pid}")
    };
    io::Error::new(io::ErrorKind::NotFound, message)
}

fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    // Whoever may not send a signal to it knows that it is there.
    pid.is_some_and(|pid| {
        matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM))
    })
}

/// The numbers of the programs that show their tasks. What ended programs have left behind is
/// cleaned up.
///
/// # Errors
///
/// What the system answers; `PermissionDenied` where the folder is not this user's alone.
pub fn programs() -> io::Result<Vec<u32>> {
    let folder = folder()?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|it| it.to_str());
        let pid = name.and_then(|it| it.strip_suffix(SUFFIX)?.parse::<u32>().ok());
        let Some(pid) = pid else { continue };
        if is_alive(pid) && !is_stale(&path) {
            found.push(pid);
        } else {
            // Somebody else may have been faster.
            let _ = fs::remove_file(path);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Whether nobody listens there any more. A process may have the number of an earlier one.
fn is_stale(path: &Path) -> bool {
    let kind = UnixStream::connect(path).err().map(|error| error.kind());
    kind == Some(io::ErrorKind::ConnectionRefused)
}

/// The socket of this process.
pub(super) fn own_path() -> io::Result<PathBuf> {
    Ok(path_of(&folder()?, process::id()))
}

fn path_of(folder: &Path, pid: u32) -> PathBuf {
    folder.join(format!("{pid}{SUFFIX}"))
}

/// The folder of the sockets: this user's, and nobody else may look in.
fn folder() -> io::Result<PathBuf> {
    let user = geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|it| !it.is_empty());
    let folder = runtime.map_or_else(
        || std::env::temp_dir().join(format!("lineage-{user}")),
        |runtime| PathBuf::from(runtime).join("lineage"),
    );
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let message = format!("{}: {error}", folder.display());
            return Err(io::Error::new(error.kind(), message));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        let message = format!("{} is not a folder of yours alone", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    Ok(folder)
}
