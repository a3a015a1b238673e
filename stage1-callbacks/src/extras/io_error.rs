//! A failure on its way out of the stage, to whoever knows [`io::Error`].

use std::io::{self, ErrorKind};

use crate::failure::Failure;
use crate::time::Elapsed;

/// What the system said, as it said it; any other [`io::Error`] by its kind and in its words.
/// [`Elapsed`] is [`TimedOut`](ErrorKind::TimedOut), as Python's `TimeoutError` is an `OSError`;
/// what is neither is of no kind but [`Other`](ErrorKind::Other).
impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        let error = failure.get::<Self>();
        if let Some(code) = error.and_then(Self::raw_os_error) {
            return Self::from_raw_os_error(code);
        }
        let kind = match error {
            Some(error) => error.kind(),
            None if failure.is::<Elapsed>() => ErrorKind::TimedOut,
            None => ErrorKind::Other,
        };
        // Somebody else may have the failure too, and it cannot be sent: so its words go.
        Self::new(kind, failure.to_string())
    }
}
