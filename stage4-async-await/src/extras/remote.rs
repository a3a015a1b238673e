//! The way into a loop from other threads: a list of tasks that they wake, each of them on it
//! once, and of calls that they want made.
//!
//! It is the one place where threads meet, and so it stands alone. `cargo xtask loom`
//! compiles this very file with loom's locks and atomics in place of std's, and tries every
//! order in which the threads can meet here.

use std::mem;
use std::sync::PoisonError;
use std::task::Waker;

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

use crate::task::TaskId;

/// What other threads want of a loop.
pub(crate) struct Remote {
    /// Filled on other threads; emptied by the loop. `None`: the loop is over.
    list: Mutex<Option<Vec<Errand>>>,
    /// How many handles there are, from which more may come.
    handles: AtomicUsize,
    /// Ends the loop's sleep.
    sleeper: Waker,
}

/// One thing that another thread wants.
pub(crate) enum Errand {
    /// A step of that task.
    Wake(TaskId),
    Call(Call),
}

/// Made on the loop's thread.
pub(crate) type Call = Box<dyn FnOnce() + Send>;

/// Whether a task is on the list: set by the wake that puts it there, cleared by the loop.
#[derive(Default)]
pub(crate) struct Listed(AtomicBool);

impl Remote {
    pub(crate) fn new(sleeper: Waker) -> Self {
        let list = Mutex::new(Some(Vec::new()));
        Self { list, handles: AtomicUsize::new(0), sleeper }
    }

    /// Puts a task on the list and ends the loop's sleep, unless the task is there already.
    pub(crate) fn push(&self, id: TaskId, listed: &Listed) {
        if !listed.0.swap(true, Ordering::AcqRel) {
            self.add(Errand::Wake(id));
        }
    }

    /// Has the loop make a call. One that is over drops it, here.
    pub(crate) fn call(&self, call: Call) {
        let refused = self.add(Errand::Call(call));
        drop(refused);
    }

    /// The first on the list ends the loop's sleep, for all the others too. What a loop that is
    /// over has no use for is given back.
    fn add(&self, errand: Errand) -> Option<Errand> {
        let mut list = self.list();
        let Some(errands) = &mut *list else { return Some(errand) };
        errands.push(errand);
        let is_first = errands.len() == 1;
        drop(list);
        if is_first {
            self.end_sleep();
        }
        None
    }

    /// Has the loop look whether there is anything to do.
    pub(crate) fn end_sleep(&self) {
        self.sleeper.wake_by_ref();
    }

    /// Takes the whole list. Whoever takes it clears each task's flag, and then steps it.
    pub(crate) fn take(&self) -> Vec<Errand> {
        self.list().as_mut().map(mem::take).unwrap_or_default()
    }

    /// The loop is over. What is on the list is given back, for it may be anybody's.
    pub(crate) fn close(&self) -> Vec<Errand> {
        self.list().take().unwrap_or_default()
    }

    /// Whether there is nothing on the list, and nobody with a handle who may put something
    /// there. Asked in this order: the last handle is dropped after its last call.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.handles() == 0 && self.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list().as_ref().is_none_or(Vec::is_empty)
    }

    /// How many handles there are.
    pub(crate) fn handles(&self) -> usize {
        self.handles.load(Ordering::Acquire)
    }

    /// There is one handle more.
    pub(crate) fn add_handle(&self) {
        self.handles.fetch_add(1, Ordering::Relaxed);
    }

    /// There is one handle less. If it was the last, the loop looks whether anybody is left
    /// who can wake it.
    pub(crate) fn drop_handle(&self) {
        if self.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.end_sleep();
        }
    }

    /// Whoever panicked under the lock left the list whole.
    fn list(&self) -> MutexGuard<'_, Option<Vec<Errand>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
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
