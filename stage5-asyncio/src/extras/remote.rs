//! The way into a loop from other threads: a list of what they have left, and whoever ends the
//! loop's sleep.
//!
//! As in stage 4, it is the one place where threads meet with the loop, and `cargo xtask loom` tries
//! every order in which they can.

use std::fmt;
use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

use log::Level;
use reactor::trace::{self, Place};

use crate::debug::At;
use crate::events::{AbstractEventLoop, Handle, Ready};
use crate::extras::report::tell_or_hear;
use crate::tasks::{self, TaskId};
use crate::testing::{Ears, ears};

/// The way in, as the loop and its tasks have it. It is the only part that other threads reach.
pub struct Remote {
    /// Filled by other threads; emptied by the loop.
    list: Mutex<Vec<Left>>,
    /// How many handles there are, from which more may come.
    handles: AtomicUsize,
    /// Ends the loop's sleep.
    sleeper: Waker,
    /// Set at the end of the loop: from then on, nobody empties the list.
    is_closed: AtomicBool,
    /// A test that wants to hear of what is left too late.
    ears: Option<Ears>,
}

/// The way into a loop, for whoever is on another thread.
///
/// While there is one, its loop may sleep for ever: somebody may call. The drop of the last one
/// has the loop look whether anybody is left who can wake it.
pub struct RemoteHandle(Arc<Remote>);

/// What another thread has left.
enum Left {
    /// A task that it woke.
    Woken(TaskId),
    /// A callback, and the line that left it.
    Call(Box<dyn FnOnce() + Send>, Place),
}

/// Whether a task is on the list: set by the wake that puts it there, cleared by the loop.
#[derive(Debug, Default)]
pub(crate) struct Listed(AtomicBool);

impl Remote {
    /// A way to a loop that `sleeper` wakes.
    pub fn new(sleeper: Waker) -> Self {
        let (list, handles) = (Mutex::new(Vec::new()), AtomicUsize::new(0));
        Self { list, handles, sleeper, is_closed: AtomicBool::new(false), ears: ears() }
    }

    /// One handle more.
    pub(crate) fn handle(self: &Arc<Self>) -> RemoteHandle {
        self.handles.fetch_add(1, Ordering::Relaxed);
        RemoteHandle(Arc::clone(self))
    }

    /// How many handles there are.
    pub(crate) fn handles(&self) -> usize {
        self.handles.load(Ordering::Acquire)
    }

    /// Whether there is nothing on the list, and nobody with a handle who may put something
    /// there. Asked in this order: the last handle is dropped after its last call.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.handles() == 0 && self.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    /// As [`RemoteHandle::call_soon_threadsafe`].
    #[track_caller]
    pub(crate) fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        if self.is_closed.load(Ordering::Acquire) {
            self.say_closed(Place::here());
        }
        self.try_call_soon(callback);
    }

    /// The same for those who have nobody to tell if the loop is closed.
    #[track_caller]
    pub(crate) fn try_call_soon(&self, callback: impl FnOnce() + Send + 'static) {
        self.leave(Left::Call(Box::new(callback), Place::here()));
    }

    #[cold]
    fn say_closed(&self, place: Place) {
        let text = format_args!(
            "A callback is never called: the event loop was closed before {}",
            At(place)
        );
        tell_or_hear(self.ears.as_ref(), Level::Error, Some(place), text);
    }

    /// The loop is closed.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// Has the loop step a task in its next turn, unless that is on the list already.
    pub(crate) fn wake(&self, id: TaskId, listed: &Listed) {
        if !listed.0.swap(true, Ordering::AcqRel) {
            self.leave(Left::Woken(id));
        }
    }

    fn leave(&self, left: Left) {
        let mut list = self.list();
        list.push(left);
        let is_first = list.len() == 1;
        drop(list);
        if is_first {
            self.end_sleep();
        }
    }

    /// Has the loop look whether there is anything to do.
    pub(crate) fn end_sleep(&self) {
        self.sleeper.wake_by_ref();
    }

    /// Queues what other threads have left: for the loop, once in every turn.
    pub fn hear(&self, engine: &dyn AbstractEventLoop) {
        let left = mem::take(&mut *self.list());
        for left in left {
            match left {
                Left::Woken(id) => tasks::heard(id),
                Left::Call(call, place) => {
                    let handle = Handle::at(place, call, trace::queued);
                    engine.push(Ready::call(handle));
                }
            }
        }
    }

    fn list(&self) -> MutexGuard<'_, Vec<Left>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RemoteHandle {
    /// Has the loop call `callback` in its next turn. From any thread. If the loop is closed,
    /// the callback is never called, and the log is told so.
    #[track_caller]
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        self.0.call_soon_threadsafe(callback);
    }
}

impl Clone for RemoteHandle {
    fn clone(&self) -> Self {
        self.0.handle()
    }
}

impl Drop for RemoteHandle {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.end_sleep();
        }
    }
}

impl Listed {
    /// From here on, a wake counts for another step.
    ///
    /// It swaps, and does not only store. A wake that comes a moment earlier finds the flag
    /// still set, adds nothing to the list, and relies on the step that follows this. To see
    /// what was written before that wake, this has to read what it wrote.
    pub(crate) fn clear(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("left", &self.list().len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RemoteHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RemoteHandle").field(&self.0).finish()
    }
}
