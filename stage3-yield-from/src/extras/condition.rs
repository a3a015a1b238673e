//! Waiting, under a lock, for something to become true.

use std::rc::Rc;

use reactor::trace::Place;

use crate::extras::lock::{Lock, LockGuard};
use crate::extras::waiters::Waiters;
use crate::failure::Failure;
use crate::task::{Coroutine, coroutine};

/// A condition, and the lock that guards it. Its clones are one condition.
///
/// asyncio asks at run time whether whoever waits or notifies has the lock. Here it shows its
/// guard.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// use stage3_yield_from::extras::condition::Condition;
/// use stage3_yield_from::{coroutine, run, spawn, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let (bread, condition) = (Rc::new(Cell::new(0)), Condition::default());
///     let (baked, oven) = (Rc::clone(&bread), condition.clone());
///     let baker = spawn(coroutine(async move {
///         let guard = yield_from(oven.acquire()).await?;
///         baked.set(baked.get() + 1);
///         oven.notify(&guard, 1);
///         Ok(())
///     }));
///     let guard = yield_from(condition.acquire()).await?;
///     let there = { let bread = Rc::clone(&bread); move || bread.get() > 0 };
///     let _guard = yield_from(condition.wait_for(guard, there)).await?;
///     bread.set(bread.get() - 1);
///     yield_from(&baker).await
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Condition(Rc<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    lock: Lock,
    /// Whoever waits to be notified; served by `notify`.
    waiters: Waiters,
}

impl Condition {
    /// A condition under a lock that others may use as well.
    pub fn new(lock: Lock) -> Self {
        Self(Rc::new(Waiting { lock, waiters: Waiters::default() }))
    }

    /// Waits for the lock, and takes it.
    #[track_caller]
    pub fn acquire(&self) -> Coroutine<LockGuard> {
        self.0.lock.acquire()
    }

    /// Whether somebody has the lock.
    pub fn locked(&self) -> bool {
        self.0.lock.locked()
    }

    /// Gives the lock away, waits until it is notified, and takes the lock again.
    ///
    /// A task that is cancelled meanwhile is without the lock. (asyncio's takes it again, to
    /// give it back at once.) If it had been notified already, the next one is instead, as
    /// since Python 3.13.
    ///
    /// # Panics
    ///
    /// Panics if `guard` is that of another lock.
    #[track_caller]
    pub fn wait(&self, guard: LockGuard) -> Coroutine<LockGuard> {
        self.check(&guard);
        let (place, condition) = (Place::here(), self.clone());
        coroutine(async move { condition.wait_at(place, guard).await })
    }

    /// The same again and again, until `is_true` says that it is.
    ///
    /// # Panics
    ///
    /// Panics if `guard` is that of another lock.
    #[track_caller]
    pub fn wait_for(
        &self,
        mut guard: LockGuard,
        mut is_true: impl FnMut() -> bool + 'static,
    ) -> Coroutine<LockGuard> {
        self.check(&guard);
        let (place, condition) = (Place::here(), self.clone());
        coroutine(async move {
            while !is_true() {
                guard = condition.wait_at(place, guard).await?;
            }
            Ok(guard)
        })
    }

    /// Has `n` of those who wait go on, the longest waiting first, as soon as they get the lock.
    /// Fewer, if there are not so many.
    ///
    /// # Panics
    ///
    /// Panics if `guard` is that of another lock.
    #[track_caller]
    pub fn notify(&self, guard: &LockGuard, n: usize) {
        self.check(guard);
        let served = (0..n).take_while(|_| self.0.waiters.serve());
        served.for_each(drop);
    }

    /// Has all who wait go on, one after the other.
    ///
    /// # Panics
    ///
    /// Panics if `guard` is that of another lock.
    #[track_caller]
    pub fn notify_all(&self, guard: &LockGuard) {
        self.notify(guard, usize::MAX);
    }

    async fn wait_at(
        &self,
        place: Place,
        guard: LockGuard,
    ) -> Result<LockGuard, Failure> {
        let Waiting { lock, waiters } = &*self.0;
        drop(guard);
        let pass_on = || _ = waiters.serve();
        waiters.wait(place, "a condition", pass_on).await?;
        lock.acquire_at(place).await.inspect_err(|_| pass_on())
    }

    #[track_caller]
    fn check(&self, guard: &LockGuard) {
        let is_ours = guard.is_of(&self.0.lock);
        assert!(is_ours, "the guard is that of another lock: it guards nothing here");
    }
}
