//! How a command ends when it does not end well, and with which status.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use site::BadUrl;

/// Why a command ended early. The text is one line that says what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// What was typed makes no sense: status 2.
    Usage(String),
    /// What was asked for did not work: status 1.
    Failure(String),
    /// What was asked for worked, and what it found is broken: status 3.
    Broken(String),
    /// Nobody reads any more: they closed the pipe, or pressed `q`. That is no error:
    /// status 0.
    ReaderLeft,
    /// A program that was run in our place ended with this status, and has said why.
    Companion(u8),
}

impl Error {
    /// Whoever waited does not want it any more, and knows why: the custom's status for that.
    pub const INTERRUPTED: Self = Self::Companion(130);

    /// A failure, in any words.
    pub fn failure(text: impl fmt::Display) -> Self {
        Self::Failure(text.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Failure(text) | Self::Broken(text) => {
                f.write_str(text)
            }
            Self::ReaderLeft => f.write_str("nobody reads any more"),
            Self::Companion(status) => write!(f, "it ended with status {status}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<BadUrl> for Error {
    fn from(error: BadUrl) -> Self {
        match error {
            BadUrl::Malformed(text) | BadUrl::Secure(text) => Self::Usage(text),
            BadUrl::UnknownHost(text) => Self::Failure(text),
        }
    }
}

/// Puts the name of a file before what went wrong with it: the system does not say it.
pub fn named(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Says on stderr what went wrong, if anything did, and gives the status to exit with.
pub fn exit_code(done: Result<(), Error>) -> ExitCode {
    match done {
        Ok(()) | Err(Error::ReaderLeft) => ExitCode::SUCCESS,
        Err(Error::Companion(status)) => ExitCode::from(status),
        Err(error @ Error::Failure(_)) => {
            complain(&error);
            ExitCode::from(1)
        }
        Err(error @ Error::Usage(_)) => {
            complain(&error);
            ExitCode::from(2)
        }
        Err(error @ Error::Broken(_)) => {
            complain(&error);
            ExitCode::from(3)
        }
    }
}

/// A line on stderr. Where there is no stderr, there is nobody to tell.
pub fn complain(text: impl fmt::Display) {
    drop(writeln!(io::stderr(), "lineage: {text}"));
}
