//! Locks: one greenlet at a time, across its waits. Where nothing waits none is needed.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use crate::extras::deadlock::What;
use crate::greenlet::{Inner, current};
use crate::sync::{Permit, Semaphore};
use crate::time::{Elapsed, timeout};

impl Semaphore {
    /// A permit, if there is one.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_enter().then(|| Permit(self))
    }

    /// Waits for one no longer than `duration`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when there was none.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    #[doc(alias = "acquire(timeout)")]
    #[track_caller]
    pub fn acquire_timeout(&self, duration: Duration) -> Result<Permit<'_>, Elapsed> {
        timeout(duration, || self.acquire())
    }
}

/// One at a time; first come, first served.
///
/// ```
/// use interlude_greenlets::extras::lock::Lock;
///
/// let lock = Lock::default();
/// let guard = lock.acquire();
/// assert!(lock.try_acquire().is_none());
/// drop(guard);
/// assert!(lock.try_acquire().is_some());
/// ```
#[derive(Debug)]
pub struct Lock(Semaphore);

/// As long as it is there, nobody else holds the lock.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct Guard<'a> {
    pub(crate) lock: &'a Lock,
    _permit: Permit<'a>,
}

impl Lock {
    /// Waits until nobody else holds it.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn acquire(&self) -> Guard<'_> {
        Guard { lock: self, _permit: self.0.acquire() }
    }

    /// The lock, if nobody else holds it.
    #[doc(alias = "acquire(blocking=False)")]
    pub fn try_acquire(&self) -> Option<Guard<'_>> {
        self.0.try_acquire().map(|permit| Guard { lock: self, _permit: permit })
    }

    /// Waits no longer than `duration`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when somebody else held it all the time.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    #[track_caller]
    pub fn acquire_timeout(&self, duration: Duration) -> Result<Guard<'_>, Elapsed> {
        timeout(duration, || self.acquire())
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// A semaphore without guards: whoever likes gives back, and never more than were taken.
///
/// ```
/// use interlude_greenlets::extras::lock::BoundedSemaphore;
///
/// let places = BoundedSemaphore::new(1);
/// places.acquire();
/// assert!(places.release().is_ok());
/// assert!(places.release().is_err());
/// ```
#[derive(Debug)]
pub struct BoundedSemaphore {
    inner: Semaphore,
    taken: Cell<usize>,
}

/// More has been given back than was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the semaphore has been released too many times")]
pub struct ReleasedTooOften;

impl BoundedSemaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self { inner: Semaphore::new(permits), taken: Cell::new(0) }
    }

    /// Waits for a permit, and takes it.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn acquire(&self) {
        self.inner.enter(What::Semaphore);
        self.taken.set(self.taken.get() + 1);
    }

    /// Takes one if there is one, and says whether there was.
    pub fn try_acquire(&self) -> bool {
        let is_there = self.inner.try_enter();
        self.taken.set(self.taken.get() + usize::from(is_there));
        is_there
    }

    /// Waits for one no longer than `duration`, and says whether it came.
    ///
    /// # Panics
    ///
    /// As [`acquire`](Self::acquire).
    #[track_caller]
    pub fn acquire_timeout(&self, duration: Duration) -> bool {
        timeout(duration, || self.acquire()).is_ok()
    }

    /// Gives one back.
    ///
    /// # Errors
    ///
    /// [`ReleasedTooOften`]; Python's is a `ValueError`.
    pub fn release(&self) -> Result<(), ReleasedTooOften> {
        let left = self.taken.get().checked_sub(1).ok_or(ReleasedTooOften)?;
        self.taken.set(left);
        self.inner.release();
        Ok(())
    }
}

/// A lock that whoever holds it may take again.
///
/// ```
/// use interlude_greenlets::extras::lock::RLock;
///
/// let lock = RLock::default();
/// let outer = lock.acquire();
/// let inner = lock.acquire();
/// drop((inner, outer));
/// ```
#[derive(Debug, Default)]
pub struct RLock {
    lock: Lock,
    /// Who holds it. A handle would keep the greenlet whose stack the guard is on.
    owner: RefCell<Weak<Inner>>,
}

/// As long as one of them is there, nobody else holds the lock.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct RGuard<'a> {
    owner: &'a RefCell<Weak<Inner>>,
    /// The first one has it.
    outermost: Option<Guard<'a>>,
}

impl RLock {
    /// Waits until nobody else holds it.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn acquire(&self) -> RGuard<'_> {
        let here = Rc::downgrade(&current().0);
        if self.owner.borrow().ptr_eq(&here) {
            return RGuard { owner: &self.owner, outermost: None };
        }
        let outermost = Some(self.lock.acquire());
        self.owner.replace(here);
        RGuard { owner: &self.owner, outermost }
    }
}

impl Drop for RGuard<'_> {
    fn drop(&mut self) {
        if self.outermost.is_some() {
            self.owner.take();
        }
    }
}
