//! One end of a pipe, adopted by a reactor.

use std::fmt;
use std::io;

use crate::backend::Stream;
use crate::net::Slot;
use crate::waiting::{Direction, Key};

/// One end of a pipe: it can be read or written, as [`Reactor::adopt`] was told.
///
/// [`Reactor::adopt`]: crate::Reactor::adopt
pub struct Pipe<T> {
    inner: Box<dyn Stream>,
    slot: Slot<T>,
}

impl<T> Pipe<T> {
    pub(crate) fn new(inner: Box<dyn Stream>, slot: Slot<T>) -> Self {
        Self { inner, slot }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }

    /// Takes what has arrived; zero bytes mean that every writer is gone.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing has arrived; `Unsupported` on the writing end.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.slot.attempt(Direction::Read, || self.inner.read(buffer))
    }

    /// Hands over what fits.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing fits; `BrokenPipe` when every reader is gone;
    /// `Unsupported` on the reading end.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.slot.attempt(Direction::Write, || self.inner.write(bytes))
    }
}

impl<T> fmt::Debug for Pipe<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pipe").field(&self.inner).finish()
    }
}
