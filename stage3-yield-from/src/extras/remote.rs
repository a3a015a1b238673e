//! How another thread calls into a loop: what it wants called is left in a mailbox, and the
//! loop is woken to look.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;

/// Calls into a loop from any thread.
#[derive(Clone)]
pub struct Remote {
    /// Filled on any thread; emptied by the loop once it is awake.
    callbacks: Arc<Mutex<Vec<RemoteCallback>>>,
    waker: Waker,
}

type RemoteCallback = Box<dyn FnOnce() + Send>;

impl Remote {
    /// For a loop that is woken so.
    pub(crate) fn new(waker: Waker) -> Self {
        Self { callbacks: Arc::default(), waker }
    }

    /// Has `callback` called on the loop's thread, in one of its next turns. A loop that is
    /// gone calls nobody.
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        let mut callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        callbacks.push(Box::new(callback));
        drop(callbacks);
        self.waker.wake_by_ref();
    }

    /// What there is to call: for the loop, once it is awake.
    pub(crate) fn take(&self) -> Vec<RemoteCallback> {
        mem::take(&mut self.callbacks.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").finish_non_exhaustive()
    }
}
