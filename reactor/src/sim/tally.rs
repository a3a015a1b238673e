//! The tally: what a program has asked of the network, and how it treats who waits for it.

use std::io::{self, ErrorKind};
use std::time::Duration;

/// How much any program may ask before it is held to what it gets done.
const FREE: u64 = 1000;

/// What the program has asked of the network so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts to read, write, accept or learn of a connection.
    pub attempts: u64,
    /// Bytes that were read and written.
    pub bytes: u64,
    /// Calls of `wait`.
    pub waits: u64,
    /// What has arrived in the network, at whichever end.
    pub arrivals: u64,
    /// The most sockets that the program had open at once.
    pub open: usize,
    /// Connections that the weather broke.
    pub broken: u64,
    /// The longest that a socket was left alone although there was something to do for it:
    /// something to read while its writes were not held up, room to write while somebody
    /// waited for that, or a connection to accept.
    pub neglect: Duration,
}

impl Tally {
    /// Whether it asks more than `patience` times for each thing that gets done.
    ///
    /// # Errors
    ///
    /// Says how often it asked, and for what.
    pub(super) fn within(&self, patience: u64) -> io::Result<()> {
        let Self { attempts, bytes, waits, arrivals, .. } = *self;
        let enough = FREE.saturating_add(patience.saturating_mul(arrivals + bytes));
        if attempts <= enough && waits <= enough {
            return Ok(());
        }
        let message = format!(
            "it keeps asking: {attempts} attempts and {waits} waits for {bytes} bytes in \
             {arrivals} arrivals"
        );
        Err(io::Error::new(ErrorKind::QuotaExceeded, message))
    }

    pub(super) fn neglected(&mut self, how_long: Duration) {
        self.neglect = self.neglect.max(how_long);
    }
}
