//! A descriptor that is waited for, and nothing else: what to do with it is the caller's.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use crate::backend::Watched;
use crate::net::Slot;
use crate::waiting::Key;

/// A descriptor that a reactor watches: a terminal, a process, a socket of another library's.
/// Dropping it closes it, and drops who waited on it.
///
/// Whoever reads or writes it does so behind the reactor's back. So nothing is remembered of
/// it: each [`wait_for`](crate::Reactor::wait_for) asks the kernel anew, and whoever waits for
/// what is there already is handed back by the next `select`. That is level-triggered, and
/// costs a system call each time.
pub struct Descriptor<T> {
    inner: Box<dyn Watched>,
    slot: Slot<T>,
}

impl<T> Descriptor<T> {
    pub(crate) fn new(inner: Box<dyn Watched>, slot: Slot<T>) -> Self {
        Self { inner, slot }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }
}

impl<T> AsFd for Descriptor<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T> fmt::Debug for Descriptor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Descriptor").field(&self.inner).finish()
    }
}
