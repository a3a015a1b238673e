//! The way in from other threads: a list of whom they wake, each on it once.
//!
//! It is the one place where threads meet, and so it stands alone. `cargo xtask loom` compiles
//! this very file with loom's lock and flag in place of std's, and tries every order in which the
//! threads can meet here.

use std::collections::BTreeSet;
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

use super::waker::Id;

/// What other threads want of a set.
pub(crate) struct Inbox {
    /// Whether the list is not empty: the set asks this first, and takes no lock for nothing.
    is_any: AtomicBool,
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    /// Filled on other threads; emptied by the set.
    woken: BTreeSet<Id>,
    /// Left by the set whenever it is polled with another one; woken by whoever is the first on
    /// the list.
    outer: Option<Waker>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Self { is_any: AtomicBool::new(false), list: Mutex::new(List::default()) }
    }

    /// Puts a task on the list, and wakes whoever polls the set.
    pub(crate) fn wake(&self, id: Id) {
        let mut list = self.lock();
        let was_empty = list.woken.is_empty();
        list.woken.insert(id);
        self.is_any.store(true, Ordering::Release);
        // Whoever came first has woken the set, or is about to.
        let outer = was_empty.then(|| list.outer.clone()).flatten();
        drop(list);
        outer.into_iter().for_each(Waker::wake);
    }

    /// From now on, this one is to be woken. The set looks at the list afterwards: so whoever
    /// has woken the one before has not done so in vain.
    pub(crate) fn wakes(&self, outer: Waker) {
        let before = self.lock().outer.replace(outer);
        drop(before);
    }

    /// Takes the list.
    pub(crate) fn take(&self) -> BTreeSet<Id> {
        if !self.is_any.load(Ordering::Acquire) {
            return BTreeSet::new();
        }
        let mut list = self.lock();
        self.is_any.store(false, Ordering::Relaxed);
        mem::take(&mut list.woken)
    }

    /// Nobody panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
