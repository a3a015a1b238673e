//! The way in from other threads: a counter of the kernel's that the ring reads.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::task::Wake;

use rustix::event::{EventfdFlags, eventfd};

/// Opens a counter. To read it is to wait until it is not zero, and to set it to zero.
pub(super) fn open() -> io::Result<OwnedFd> {
    Ok(eventfd(0, EventfdFlags::CLOEXEC)?)
}

/// Wakes the ring's owner from any thread.
pub(super) struct Remote(OwnedFd);

impl Remote {
    pub(super) fn new(counter: OwnedFd) -> Self {
        Self(counter)
    }
}

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Many wakes may be read as one.
    fn wake_by_ref(self: &Arc<Self>) {
        // The one way to fail is a counter that is full, and then it is awake already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}
