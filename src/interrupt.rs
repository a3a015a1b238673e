//! Ctrl-C: what is left to do when somebody wants the command to end, and then the end.

use std::io::{self, IsTerminal, Write};
use std::process;

use crate::error::{Error, complain};

/// The status of a process that was interrupted, by custom 128 and the signal's number.
pub const STATUS: i32 = 130;

/// Calls `last_words` at the first Ctrl-C (or SIGTERM, or SIGHUP), on a thread of its own,
/// and exits. It may exit by itself, with another status.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn on_interrupt(last_words: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let mut last_words = Some(last_words);
    let handle = move || {
        if let Some(last_words) = last_words.take() {
            last_words();
        }
        process::exit(STATUS);
    };
    ctrlc::set_handler(handle)
        .map_err(|error| Error::Failure(format!("cannot wait for Ctrl-C: {error}")))
}

/// Says at a Ctrl-C that there was one.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn end_on_interrupt() -> Result<(), Error> {
    on_interrupt(say_so)
}

/// Says that there was a Ctrl-C, on a line of its own: the cursor may be in the middle of one.
pub(crate) fn say_so() {
    let end = if io::stdout().is_terminal() { "\n" } else { "" };
    drop(io::stdout().write_all(end.as_bytes()));
    complain("interrupted");
}
