//! What tasks share: locks, events, conditions, semaphores, barriers. All of them are fair:
//! whoever waits longest is served first, and what was handed to somebody who is cancelled goes
//! to the next.

use std::cell::Cell;
use std::fmt;

use crate::cancel::{Cancelled, End, Settle, catch_cancel};
pub use crate::exceptions::BrokenBarrier;
use crate::extras::line::{Line, Serves, Standing};

/// A lock: one has it at a time.
#[derive(Default)]
pub struct Lock {
    /// Set by `acquire`; cleared by a guard's drop, unless somebody waits.
    is_locked: Cell<bool>,
    line: Line<()>,
}

/// The lock, as long as it is held. Dropping it releases the lock.
#[derive(Debug)]
#[must_use = "a lock that is released at once locks nothing"]
pub struct LockGuard<'a>(&'a Lock);

impl Lock {
    /// A lock that nobody has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the lock, which is released when the guard is dropped.
    #[doc(alias = "async with lock")]
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = LockGuard<'_>> {
        let standing = Standing::before(self);
        async {
            if self.is_locked.replace(true) {
                standing.await;
            }
            LockGuard(self)
        }
    }

    /// Whether somebody has it.
    pub fn locked(&self) -> bool {
        self.is_locked.get()
    }

    /// Hands the lock to whoever waits longest, or leaves it open.
    fn release(&self) {
        self.is_locked.set(self.line.serve(()).is_ok());
    }
}

impl Serves for Lock {
    type Given = ();

    fn what(&self) -> &'static str {
        "a lock"
    }

    fn line(&self) -> &Line<()> {
        &self.line
    }

    fn come_back(&self, (): ()) {
        self.release();
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// Something that happens, and stays so until it is cleared. Any number of tasks may wait.
#[derive(Default)]
pub struct Event {
    is_set: Cell<bool>,
    line: Line<()>,
}

impl Event {
    /// An event that has not happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// It happens: whoever waits goes on, even if it is cleared before they do.
    pub fn set(&self) {
        self.is_set.set(true);
        self.line.serve_all(|_| ());
    }

    /// It may happen again.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Waits until it happens.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = ()> {
        let standing = Standing::before(self);
        async {
            if !self.is_set() {
                standing.await;
            }
        }
    }
}

impl Serves for Event {
    type Given = ();

    fn what(&self) -> &'static str {
        "an event"
    }

    fn line(&self) -> &Line<()> {
        &self.line
    }

    fn come_back(&self, (): ()) {}
}

/// A lock, and a place where those who have it wait for whatever it guards to change.
#[derive(Default)]
pub struct Condition {
    lock: Lock,
    line: Line<()>,
}

/// The lock of a condition, as long as it is held. Dropping it releases the lock.
#[derive(Debug)]
#[must_use = "a lock that is released at once locks nothing"]
pub struct ConditionGuard<'a> {
    condition: &'a Condition,
    /// `None` while it waits.
    lock: Option<LockGuard<'a>>,
}

impl Condition {
    /// A condition whose lock nobody has.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the lock. All else is done by whoever has it.
    #[doc(alias = "async with condition")]
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = ConditionGuard<'_>> {
        let lock = self.lock.acquire();
        async { ConditionGuard { condition: self, lock: Some(lock.await) } }
    }

    /// Whether somebody has the lock.
    pub fn locked(&self) -> bool {
        self.lock.locked()
    }
}

impl ConditionGuard<'_> {
    /// Lets the lock go, waits until somebody notifies, and takes the lock again: even if it is
    /// cancelled meanwhile, for what follows relies on it.
    #[track_caller]
    pub fn wait(&mut self) -> impl Future<Output = ()> {
        let notified = Standing::before(self.condition);
        async {
            drop(self.lock.take());
            let end = Settle::new(notified).await;
            let mut is_cancelled = false;
            let lock = loop {
                match catch_cancel(self.condition.lock.acquire()).await {
                    Ok(lock) => break lock,
                    Err(Cancelled) => is_cancelled = true,
                }
            };
            self.lock = Some(lock);
            if is_cancelled && matches!(end, End::Finished(())) {
                // What it was told is for somebody else.
                self.condition.come_back(());
                return Cancelled.raise().await;
            }
            end.resume().await;
        }
    }

    /// Waits until `is_so`, which is asked now and after each notification.
    pub async fn wait_for(&mut self, mut is_so: impl FnMut() -> bool) {
        while !is_so() {
            self.wait().await;
        }
    }

    /// Tells the first `n` who wait. They go on one after the other, as they get the lock.
    pub fn notify(&self, n: usize) {
        for _ in 0..n {
            if self.condition.line.serve(()).is_err() {
                return;
            }
        }
    }

    /// Tells all who wait.
    pub fn notify_all(&self) {
        self.notify(self.condition.line.len());
    }
}

impl Serves for Condition {
    type Given = ();

    fn what(&self) -> &'static str {
        "a condition"
    }

    fn line(&self) -> &Line<()> {
        &self.line
    }

    fn come_back(&self, (): ()) {
        // If nobody waits, nobody need be told.
        let _ = self.line.serve(());
    }
}

/// A number of permits. Whoever finds none waits.
pub struct Semaphore {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits.
    free: Cell<usize>,
    /// More than that are never free.
    bound: usize,
    line: Line<()>,
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a>(&'a Semaphore);

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        let (free, line) = (Cell::new(permits), Line::default());
        Self { free, bound: usize::MAX, line }
    }

    /// One that never has more than it has now.
    #[doc(alias = "BoundedSemaphore")]
    pub fn bounded(permits: usize) -> Self {
        Self { bound: permits, ..Self::new(permits) }
    }

    /// Waits for a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> impl Future<Output = Permit<'_>> {
        let standing = Standing::before(self);
        async {
            match self.free.get().checked_sub(1) {
                Some(left) => self.free.set(left),
                None => standing.await,
            }
            Permit(self)
        }
    }

    /// Whether whoever comes now has to wait.
    pub fn locked(&self) -> bool {
        self.free.get() == 0
    }

    /// Adds a permit: one that was [kept](Permit::forget), or a new one.
    ///
    /// # Panics
    ///
    /// Panics if a bounded semaphore would have more than it began with.
    #[track_caller]
    pub fn release(&self) {
        assert!(
            self.free.get() < self.bound,
            "a bounded semaphore was released too often: it has all its permits"
        );
        if self.line.serve(()).is_err() {
            self.free.set(self.free.get() + 1);
        }
    }
}

impl Serves for Semaphore {
    type Given = ();

    fn what(&self) -> &'static str {
        "a semaphore"
    }

    fn line(&self) -> &Line<()> {
        &self.line
    }

    fn come_back(&self, (): ()) {
        self.release();
    }
}

impl Permit<'_> {
    /// Keeps the permit, until somebody [releases](Semaphore::release) it.
    #[expect(clippy::mem_forget, reason = "it owns nothing but the right")]
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A place where tasks wait for each other, until there are enough of them.
pub struct Barrier {
    parties: usize,
    is_broken: Cell<bool>,
    line: Line<Result<usize, BrokenBarrier>>,
}

impl Barrier {
    /// A barrier for that many tasks.
    ///
    /// # Panics
    ///
    /// Panics if that is none.
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier is for one task at least");
        Self { parties, is_broken: Cell::new(false), line: Line::default() }
    }

    /// Waits until there are enough, and gives each of them another number, from 0.
    ///
    /// # Errors
    ///
    /// [`BrokenBarrier`] if it was aborted, or is reset meanwhile.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<usize, BrokenBarrier>> {
        let standing = Standing::before(self);
        async {
            if self.broken() {
                return Err(BrokenBarrier);
            }
            if self.n_waiting() + 1 < self.parties {
                return standing.await;
            }
            self.line.serve_all(Ok);
            Ok(self.parties - 1)
        }
    }

    /// Breaks it: whoever waits, or comes before a [reset](Self::reset), gets an error.
    pub fn abort(&self) {
        self.is_broken.set(true);
        self.line.serve_all(|_| Err(BrokenBarrier));
    }

    /// Mends it. Whoever waits gets an error.
    pub fn reset(&self) {
        self.is_broken.set(false);
        self.line.serve_all(|_| Err(BrokenBarrier));
    }

    /// For how many it is.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many wait.
    pub fn n_waiting(&self) -> usize {
        self.line.len()
    }

    /// Whether it was aborted.
    pub fn broken(&self) -> bool {
        self.is_broken.get()
    }
}

impl Serves for Barrier {
    type Given = Result<usize, BrokenBarrier>;

    fn what(&self) -> &'static str {
        "a barrier"
    }

    fn line(&self) -> &Line<Self::Given> {
        &self.line
    }

    fn come_back(&self, _: Self::Given) {}
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_locked, line } = self;
        f.debug_struct("Lock")
            .field("locked", is_locked)
            .field("waiters", &line.len())
            .finish()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { is_set, line } = self;
        f.debug_struct("Event")
            .field("set", is_set)
            .field("waiters", &line.len())
            .finish()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lock, line } = self;
        f.debug_struct("Condition")
            .field("lock", lock)
            .field("waiters", &line.len())
            .finish()
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { free, line, .. } = self;
        f.debug_struct("Semaphore")
            .field("free", free)
            .field("waiters", &line.len())
            .finish()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { parties, is_broken, line } = self;
        f.debug_struct("Barrier")
            .field("parties", parties)
            .field("broken", is_broken)
            .field("waiters", &line.len())
            .finish()
    }
}
