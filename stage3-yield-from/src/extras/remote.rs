//! How another thread calls into a loop: what it wants called is left in a mailbox, and the
//! loop is woken to look.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::event_loop::current;

/// A handle for other threads: the one part of the loop that may leave its own.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
pub fn remote() -> Remote {
    current().mailbox.remote()
}

/// Calls into a loop from any thread.
///
/// While there is one, its loop may sleep for ever: somebody may call. It is woken by the last
/// one's drop, to see whether anybody is left who can wake it.
pub struct Remote(Arc<Mailbox>);

type RemoteCallback = Box<dyn FnOnce() + Send>;

impl Remote {
    /// Has `callback` called on the loop's thread, in one of its next turns. A loop that is
    /// gone calls nobody.
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        if let Some(callbacks) = &mut *self.0.callbacks() {
            callbacks.push(Box::new(callback));
        }
        self.0.waker.wake_by_ref();
    }
}

/// Where a loop is called from other threads.
pub(crate) struct Mailbox {
    /// Filled on any thread; emptied by the loop once it is awake. `None`: there is no loop.
    callbacks: Mutex<Option<Vec<RemoteCallback>>>,
    /// Counts the `Remote`s.
    handles: AtomicUsize,
    waker: Waker,
}

impl Mailbox {
    /// For a loop that is woken so.
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        let callbacks = Mutex::new(Some(Vec::new()));
        let handles = AtomicUsize::new(0);
        Arc::new(Self { callbacks, handles, waker })
    }

    /// A handle for other threads.
    pub(crate) fn remote(self: &Arc<Self>) -> Remote {
        self.handles.fetch_add(1, Ordering::Relaxed);
        Remote(Arc::clone(self))
    }

    /// How many handles there are.
    pub(crate) fn handles(&self) -> usize {
        self.handles.load(Ordering::Acquire)
    }

    /// Whether somebody has a handle, or has called by one. In this order: the last handle is
    /// dropped after its call.
    pub(crate) fn is_in_use(&self) -> bool {
        self.handles() > 0 || self.callbacks().as_ref().is_some_and(|it| !it.is_empty())
    }

    /// What there is to call.
    pub(crate) fn take(&self) -> Vec<RemoteCallback> {
        self.callbacks().as_mut().map(mem::take).unwrap_or_default()
    }

    /// Nobody will look any more. What is there is given back, for it may be anybody's.
    pub(crate) fn close(&self) -> Vec<RemoteCallback> {
        self.callbacks().take().unwrap_or_default()
    }

    /// Whoever panicked under the lock left the list whole.
    fn callbacks(&self) -> MutexGuard<'_, Option<Vec<RemoteCallback>>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Remote {
    fn clone(&self) -> Self {
        self.0.remote()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.waker.wake_by_ref();
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
