//! What became of a page: a kind, so that every style can be held to the same list.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// What became of a page. Never a text of the operating system, never a port: two crawls of
/// the same site agree word by word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A whole response arrived, with this status.
    Status(u16),
    /// It did not arrive within the time allowed.
    TimedOut,
    /// The connection was broken off: the peer, or something between, threw it away.
    Reset,
    /// The connection ended in good order, but before the response did.
    CutShort,
    /// Nobody listens there.
    Refused,
    /// What was to be encrypted cannot be: the host does not prove who it is, or speaks no TLS.
    NotSecure,
    /// What arrived is not HTTP.
    Malformed,
    /// The head or the body is larger than we are willing to keep.
    TooLarge,
    /// Our own side could not: it may have no more descriptors.
    NoDescriptors,
    /// Our own side could not, for another reason: no route.
    Failed,
}

/// What the system calls it when it has no more descriptors for a process, or none for any:
/// there is no kind of error for that.
const NO_DESCRIPTORS: [i32; 2] = if cfg!(windows) { [10024, 4] } else { [24, 23] };

impl Outcome {
    /// The kind of an error that a crawl met on its way.
    pub fn of(error: &(dyn Error + 'static)) -> Self {
        if let Some(outcome) = error.downcast_ref::<Self>() {
            return *outcome;
        }
        match error.downcast_ref::<io::Error>() {
            Some(error) => match error.get_ref() {
                Some(inner) if inner.is::<Self>() => Self::of(inner),
                _ if error
                    .raw_os_error()
                    .is_some_and(|it| NO_DESCRIPTORS.contains(&it)) =>
                {
                    Self::NoDescriptors
                }
                _ => error.kind().into(),
            },
            None => error.source().map_or(Self::Failed, Self::of),
        }
    }

    /// Whether this counts as an error: anything but a status below 400.
    pub fn is_error(self) -> bool {
        !matches!(self, Self::Status(..400))
    }
}

impl From<ErrorKind> for Outcome {
    fn from(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::ConnectionRefused => Self::Refused,
            ErrorKind::TimedOut => Self::TimedOut,
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected => Self::Reset,
            ErrorKind::UnexpectedEof => Self::CutShort,
            // What else arrives, the parser judges.
            ErrorKind::InvalidData => Self::NotSecure,
            _ => Self::Failed,
        }
    }
}

impl From<io::Error> for Outcome {
    fn from(error: io::Error) -> Self {
        Self::of(&error)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "{status}"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Reset => f.write_str("reset"),
            Self::CutShort => f.write_str("cut short"),
            Self::Refused => f.write_str("refused"),
            Self::NotSecure => f.write_str("not secure"),
            Self::Malformed => f.write_str("malformed"),
            Self::TooLarge => f.write_str("too large"),
            Self::NoDescriptors => f.write_str("out of descriptors"),
            Self::Failed => f.write_str("failed"),
        }
    }
}

impl Error for Outcome {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_io_error_becomes_its_kind() {
        for (kind, outcome) in [
            (ErrorKind::ConnectionRefused, Outcome::Refused),
            (ErrorKind::ConnectionReset, Outcome::Reset),
            (ErrorKind::BrokenPipe, Outcome::Reset),
            (ErrorKind::UnexpectedEof, Outcome::CutShort),
            (ErrorKind::TimedOut, Outcome::TimedOut),
            (ErrorKind::InvalidData, Outcome::NotSecure),
            (ErrorKind::OutOfMemory, Outcome::Failed),
        ] {
            assert_eq!(Outcome::from(io::Error::from(kind)), outcome);
        }
    }

    /// EMFILE and ENFILE, on all that is Unix.
    #[cfg(unix)]
    #[test]
    fn to_have_no_descriptors_is_told() {
        for number in [24, 23] {
            let error = io::Error::from_raw_os_error(number);
            assert_eq!(Outcome::from(error), Outcome::NoDescriptors);
        }
        assert_eq!(Outcome::NoDescriptors.to_string(), "out of descriptors");
    }

    #[test]
    fn a_status_below_400_is_no_error_and_all_else_is_one() {
        for status in [200, 204, 302, 399] {
            assert!(!Outcome::Status(status).is_error(), "{status}");
        }
        for outcome in [Outcome::Status(400), Outcome::Status(999), Outcome::CutShort] {
            assert!(outcome.is_error(), "{outcome}");
        }
    }

    #[test]
    fn an_outcome_inside_an_io_error_is_found() {
        let error = io::Error::other(Outcome::Malformed);
        assert_eq!(Outcome::of(&error), Outcome::Malformed);
        assert_eq!(Outcome::of(&Outcome::Malformed), Outcome::Malformed);
        let in_words = io::Error::new(ErrorKind::ConnectionReset, "it hung up");
        assert_eq!(Outcome::of(&in_words), Outcome::Reset);
    }
}
