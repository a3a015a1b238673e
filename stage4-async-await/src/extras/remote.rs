//! The way into a loop from other threads: a list of tasks, each of them on it once.
//!
//! It is the one place where threads meet, and so it stands alone. `cargo xtask loom`
//! compiles this very file with loom's locks and atomics in place of std's, and tries every
//! order in which the threads can meet here.

use std::mem;
use std::sync::PoisonError;
use std::task::Waker;

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
use loom::sync::{Mutex, MutexGuard};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
use std::sync::{Mutex, MutexGuard};

use crate::task::TaskId;

/// The tasks that other threads have woken.
pub(crate) struct Remote {
    /// Filled by wakers on other threads; emptied by the loop.
    list: Mutex<Vec<TaskId>>,
    /// Ends the loop's sleep.
    sleeper: Waker,
}

/// Whether a task is on the list: set by the wake that puts it there, cleared by the loop.
#[derive(Default)]
pub(crate) struct Listed(AtomicBool);

impl Remote {
    pub(crate) fn new(sleeper: Waker) -> Self {
        Self { list: Mutex::new(Vec::new()), sleeper }
    }

    /// Puts a task on the list and ends the loop's sleep, unless the task is there already.
    pub(crate) fn push(&self, id: TaskId, listed: &Listed) {
        if listed.0.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut list = self.list();
        list.push(id);
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

    /// Takes the whole list. Whoever takes it clears each task's flag, and then steps it.
    pub(crate) fn take(&self) -> Vec<TaskId> {
        mem::take(&mut *self.list())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list().is_empty()
    }

    fn list(&self) -> MutexGuard<'_, Vec<TaskId>> {
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
