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

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes and arrivals count alike; attempts and waits are each held to that.
    #[test]
    fn patience_ends_with_one_attempt_or_wait_too_many() {
        let done = Tally { bytes: 3, arrivals: 4, ..Tally::default() };
        let most = FREE + 2 * 7;
        for (attempts, waits, is_within) in
            [(0, 0, true), (most, most, true), (most + 1, 0, false), (0, most + 1, false)]
        {
            let within = Tally { attempts, waits, ..done }.within(2);
            assert_eq!(within.is_ok(), is_within, "{attempts} attempts, {waits} waits");
        }
        assert!(Tally { attempts: u64::MAX, ..done }.within(u64::MAX).is_ok());
        let told =
            Tally { attempts: u64::MAX, ..done }.within(0).unwrap_err().to_string();
        assert!(told.contains("0 waits for 3 bytes in 4 arrivals"), "{told}");
    }

    #[test]
    fn of_all_neglect_the_longest_counts() {
        let mut tally = Tally::default();
        for seconds in [1, 3, 2] {
            tally.neglected(Duration::from_secs(seconds));
        }
        assert_eq!(tally.neglect, Duration::from_secs(3));
    }
}
