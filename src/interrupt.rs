//! Ctrl-C: what is left to do when somebody wants the command to end, and then the end.
//!
//! What whoever started us has us ignore (`nohup`, a shell's `trap '' INT`) is not heard.

use std::io::{self, IsTerminal, Write};
use std::process;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

use crate::error::{Error, complain};

/// How long what is under way may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// The status of a process that was interrupted, by custom 128 and the signal's number.
pub const STATUS: i32 = 130;

/// Calls `last_words` at the first Ctrl-C (or SIGTERM, or SIGHUP), on a thread of its own,
/// and exits. It may exit by itself, with another status.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn on_interrupt(last_words: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    signals::at_the_first(|| {
        last_words();
        process::exit(STATUS);
    })
    .map_err(nobody_waits)
}

/// Takes note of a Ctrl-C, and nothing ends: for a command whose work is done by another process, which
/// hears of it as well and has something to hand over.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn note_interrupt() -> Result<Arc<AtomicBool>, Error> {
    let noted = Arc::new(AtomicBool::new(false));
    signals::note(&noted).map_err(nobody_waits)?;
    Ok(noted)
}

fn nobody_waits(error: io::Error) -> Error {
    Error::Failure(format!("cannot wait for Ctrl-C: {error}"))
}

/// Says at a Ctrl-C that there was one.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn end_on_interrupt() -> Result<(), Error> {
    on_interrupt(say_so)
}

/// The same where something is under way that has to be ended: a compiler, a program.
///
/// # Errors
///
/// Fails where the system lets nobody handle signals.
pub fn stop_on_interrupt(stop: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    on_interrupt(move || {
        say_so();
        stop();
        thread::sleep(GRACE);
    })
}

/// Says that there was a Ctrl-C, on a line of its own: the cursor may be in the middle of one.
/// Once, however many wait for it.
pub(crate) fn say_so() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let end = if io::stdout().is_terminal() { "\n" } else { "" };
        drop(io::stdout().write_all(end.as_bytes()));
        complain("interrupted");
    });
}

#[cfg(unix)]
mod signals {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::{fs, io, thread};

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    /// Calls `end` at the first signal that wants us to end, on a thread of its own.
    pub(super) fn at_the_first(end: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let wants_an_end = [SIGINT, SIGTERM, SIGHUP];
        let mut signals = Signals::new(heard(wants_an_end, ignored()))?;
        let wait = move || {
            if signals.forever().next().is_some() {
                end();
            }
        };
        thread::Builder::new().name("interrupt".to_owned()).spawn(wait).map(drop)
    }

    /// Sets it at a Ctrl-C.
    pub(super) fn note(noted: &Arc<AtomicBool>) -> io::Result<()> {
        heard([SIGINT], ignored()).try_for_each(|signal| {
            signal_hook::flag::register(signal, Arc::clone(noted)).map(drop)
        })
    }

    fn heard<const N: usize>(
        signals: [i32; N],
        ignored: u64,
    ) -> impl Iterator<Item = i32> {
        signals.into_iter().filter(move |signal| ignored >> (signal - 1) & 1 == 0)
    }

    /// The signals that this process was started to ignore, one bit each. Only Linux tells.
    fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn what_is_ignored_is_not_heard() {
            let heard = |mask| heard([SIGINT, SIGTERM, SIGHUP], mask).collect::<Vec<_>>();
            assert_eq!(heard(0), [SIGINT, SIGTERM, SIGHUP]);
            assert_eq!(heard(0b1), [SIGINT, SIGTERM]);
            assert_eq!(heard(0b11), [SIGTERM]);
            assert!(heard(u64::MAX).is_empty());
        }
    }
}

#[cfg(not(unix))]
mod signals {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Calls `end` at the first Ctrl-C, on a thread of its own.
    pub(super) fn at_the_first(end: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut end = Some(end);
        let handle = move || {
            if let Some(end) = end.take() {
                end();
            }
        };
        ctrlc::set_handler(handle).map_err(io::Error::other)
    }

    /// Sets it at a Ctrl-C.
    pub(super) fn note(noted: &Arc<AtomicBool>) -> io::Result<()> {
        let noted = Arc::clone(noted);
        ctrlc::set_handler(move || noted.store(true, Ordering::Relaxed))
            .map_err(io::Error::other)
    }
}
