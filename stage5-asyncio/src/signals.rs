//! Signals, as callbacks of the loop: between two turns, where they may do whatever a callback
//! may.
//!
//! What the system calls when a signal arrives may do next to nothing. So it writes a byte into
//! a socket, and the loop reads that: the self-pipe trick, which asyncio has from Twisted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::{pipe, unregister};

use crate::event_loop::EventLoop;

/// The signals that a loop handles, by their number.
pub(crate) type Signals = RefCell<BTreeMap<i32, Installed>>;

/// A handler that is installed; dropping it takes it out.
pub(crate) struct Installed {
    id: SigId,
    /// Where the byte arrives.
    end: UnixStream,
}

impl EventLoop {
    /// Has `callback` called, as a callback of the loop, whenever the signal of that number has
    /// arrived: once for many, if they come faster than the loop turns. It replaces the one that
    /// was there.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a signal that cannot be handled, as SIGKILL; `Unsupported` on a
    /// backend that is invented; that there are no descriptors left.
    #[track_caller]
    pub fn add_signal_handler(
        &self,
        signal: i32,
        mut callback: impl FnMut() + 'static,
    ) -> io::Result<()> {
        if FORBIDDEN.contains(&signal) {
            let message = format!("signal {signal} cannot be handled");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let (end, theirs) = UnixStream::pair()?;
        end.set_nonblocking(true)?;
        let mut source = end.try_clone()?;
        self.add_reader(&end, move || {
            // They are counted by nobody: it is enough that there were some.
            while matches!(source.read(&mut [0; 64]), Ok(64)) {}
            callback();
        })?;
        let installed = Installed { id: pipe::register(signal, theirs)?, end };
        let before = self.0.signals.borrow_mut().insert(signal, installed);
        self.uninstall(before);
        Ok(())
    }

    /// Takes the handler out. `false`: there was none. From then on the signal is ignored by
    /// this loop; what it did before anybody handled it, it does not do again.
    pub fn remove_signal_handler(&self, signal: i32) -> bool {
        let before = self.0.signals.borrow_mut().remove(&signal);
        self.uninstall(before)
    }

    fn uninstall(&self, installed: Option<Installed>) -> bool {
        let Some(installed) = installed else { return false };
        self.remove_reader(&installed.end)
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        unregister(self.id);
    }
}
