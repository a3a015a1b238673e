//! A lock: one task at a time, first come, first served.

use std::rc::Rc;

use reactor::trace::Place;

use crate::failure::Failure;
use crate::sync::{Permit, Semaphore};
use crate::task::{Coroutine, coroutine};

/// A lock. Between two yields nobody else runs, so it is needed only by whoever yields in the
/// middle of something. Its clones are one lock.
///
/// ```
/// use stage3_yield_from::extras::lock::Lock;
/// use stage3_yield_from::{coroutine, run, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let lock = Lock::new();
///     let guard = yield_from(lock.acquire()).await?;
///     assert!(lock.locked());
///     drop(guard);
///     assert!(!lock.locked());
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Lock(Semaphore);

/// The lock is taken. Dropping this gives it to whoever waited longest: nobody can release a
/// lock that is not locked, which in asyncio is a `RuntimeError`.
#[derive(Debug)]
#[must_use = "a guard that is dropped at once guards nothing"]
pub struct LockGuard(Permit);

impl Lock {
    /// A lock that nobody has taken.
    pub fn new() -> Self {
        Self(Semaphore::new(1))
    }

    /// Waits until it is free, and takes it. A task that is cancelled while it waits is passed
    /// over.
    #[track_caller]
    pub fn acquire(&self) -> Coroutine<LockGuard> {
        let (place, lock) = (Place::here(), self.clone());
        coroutine(async move { lock.acquire_at(place).await })
    }

    pub(crate) async fn acquire_at(&self, place: Place) -> Result<LockGuard, Failure> {
        self.0.take(place, "a lock").await?;
        Ok(LockGuard(Permit(self.0.clone())))
    }

    /// Whether somebody has it.
    pub fn locked(&self) -> bool {
        self.0.locked()
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl LockGuard {
    /// Whether it is that lock which is taken.
    pub(crate) fn is_of(&self, lock: &Lock) -> bool {
        Rc::ptr_eq(&self.0.0.0, &lock.0.0)
    }
}
