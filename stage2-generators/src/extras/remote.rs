//! How another thread calls into a loop: what it wants called is left in a mailbox, and the
//! loop is woken to look.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use crate::event_loop::EventLoop;
use crate::failure::bury;

/// Calls into a loop from any thread.
///
/// While there is one, its loop may sleep for ever: somebody may call. It is woken by the last
/// one's drop, to see whether anybody is left who can wake it.
pub struct Remote(Arc<Mailbox>);

type RemoteCallback = Box<dyn FnOnce() + Send>;

impl Remote {
    /// Has `callback` called on the loop's thread, in one of its next turns. A loop that is
    /// gone calls nobody.
    #[doc(alias = "callFromThread")]
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        if let Err(late) = self.0.leave(Box::new(callback)) {
            drop(late);
        }
    }
}

/// Where a loop is called from other threads.
pub(crate) struct Mailbox {
    /// Filled on any thread; emptied by the loop once it is awake.
    callbacks: Mutex<Vec<RemoteCallback>>,
    /// Counts the `Remote`s.
    handles: AtomicUsize,
    /// Set under the lock by the end of the loop: nobody empties it any more.
    is_closed: AtomicBool,
    waker: Waker,
}

impl Mailbox {
    /// For a loop that is woken so.
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        let (callbacks, handles, is_closed) = Default::default();
        Arc::new(Self { callbacks, handles, is_closed, waker })
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
        self.handles() > 0 || !self.callbacks().is_empty()
    }

    /// Leaves something to call, and wakes the loop; a loop that is gone gives it back.
    fn leave(&self, callback: RemoteCallback) -> Result<(), RemoteCallback> {
        let mut callbacks = self.callbacks();
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(callback);
        }
        callbacks.push(callback);
        drop(callbacks);
        self.waker.wake_by_ref();
        Ok(())
    }

    /// Drops what is left, and whatever comes.
    fn close(&self) {
        let mut callbacks = self.callbacks();
        self.is_closed.store(true, Ordering::Relaxed);
        let left = mem::take(&mut *callbacks);
        drop(callbacks);
        bury(left);
    }

    /// What there is to call.
    pub(crate) fn take(&self) -> Vec<RemoteCallback> {
        mem::take(&mut self.callbacks())
    }

    /// Whoever panicked under the lock left the list whole.
    fn callbacks(&self) -> MutexGuard<'_, Vec<RemoteCallback>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever waits on another thread for a call to be made is not left waiting.
impl Drop for EventLoop {
    fn drop(&mut self) {
        self.mailbox.close();
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
