//! The two ends of a pipe, as tasks read and write them.

use std::io;
use std::os::fd::OwnedFd;

use reactor::{Direction, Pipe};

use crate::event_loop::EventLoop;
use crate::events::Ready;
use crate::net::{Side, retry};

/// The end of a pipe that is read. Dropping it closes it.
#[derive(Debug)]
pub struct PipeReader {
    inner: Pipe<Ready>,
    reads: Side,
}

/// The end of a pipe that is written. Dropping it closes it, which the reader sees.
#[derive(Debug)]
pub struct PipeWriter {
    inner: Pipe<Ready>,
    writes: Side,
}

impl PipeReader {
    pub(crate) fn adopt(event_loop: &EventLoop, end: OwnedFd) -> io::Result<Self> {
        let inner = event_loop.reactor().adopt(end, Direction::Read)?;
        let reads = Side::new(inner.key(), Direction::Read);
        Ok(Self { inner, reads })
    }

    /// Reads what has arrived; zero bytes mean that no writer is left.
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        retry(&self.reads, || self.inner.read(buffer))
    }
}

impl PipeWriter {
    pub(crate) fn adopt(event_loop: &EventLoop, end: OwnedFd) -> io::Result<Self> {
        let inner = event_loop.reactor().adopt(end, Direction::Write)?;
        let writes = Side::new(inner.key(), Direction::Write);
        Ok(Self { inner, writes })
    }

    /// Writes what fits, and says how much that was.
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        retry(&self.writes, || self.inner.write(bytes))
    }

    /// Writes everything, as fast as the reader reads.
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        let mut written = 0;
        retry(&self.writes, move || {
            while written < bytes.len() {
                written += self.inner.write(&bytes[written..])?;
            }
            Ok(())
        })
    }
}
