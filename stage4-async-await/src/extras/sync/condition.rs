//! Waiting for a change of what a mutex protects.

use std::fmt;

use reactor::trace;

use crate::extras::queue::{Counter, Queue, Queued};
use crate::extras::sync::MutexGuard;

/// Tells those who wait for a change that there was one: Python's `asyncio.Condition`. The
/// mutex is not part of it, as in std's `Condvar`.
///
/// ```
/// use stage4_async_await::extras::sync::{Condition, Mutex};
/// use stage4_async_await::{run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let shared = Rc::new((Mutex::new(0), Condition::new()));
///     let theirs = Rc::clone(&shared);
///     let waits = spawn(async move {
///         let (count, changed) = &*theirs;
///         let guard = changed.wait_for(count.lock().await, |count| *count >= 2).await;
///         *guard
///     });
///     let (count, changed) = &*shared;
///     for _ in 0..2 {
///         *count.lock().await += 1;
///         changed.notify(1);
///     }
///     assert_eq!(waits.await, 2);
/// })
/// # }
/// ```
pub struct Condition {
    /// Filled by `wait`, emptied by `notify`.
    queue: Queue<Notified>,
}

/// Who else was meant.
#[derive(Clone, Copy)]
pub(crate) enum Notified {
    /// Nobody: if it is not heard, it is for the next.
    One,
    All,
}

impl Condition {
    /// One that nobody waits for yet.
    pub fn new() -> Self {
        Self { queue: Queue::new() }
    }

    /// Frees the lock, waits to be notified, and takes the lock again.
    ///
    /// A notification that finds its task cancelled goes to the next who waits, even if the
    /// task had it already, and was waiting for the lock. asyncio takes the lock again before
    /// it lets the `CancelledError` out, since an `async with` further out will free it; here
    /// the guard is gone with the future, and there is nothing to free.
    #[track_caller]
    pub fn wait<'a, T>(
        &'a self,
        guard: MutexGuard<'a, T>,
    ) -> impl Future<Output = MutexGuard<'a, T>> {
        self.wait_at(trace::Place::here(), guard)
    }

    /// Waits until `holds` says so of the value; asks at once, and after each notification.
    #[track_caller]
    pub fn wait_for<'a, T>(
        &'a self,
        mut guard: MutexGuard<'a, T>,
        mut holds: impl FnMut(&mut T) -> bool,
    ) -> impl Future<Output = MutexGuard<'a, T>> {
        let at = trace::Place::here();
        async move {
            while !holds(&mut guard) {
                guard = self.wait_at(at, guard).await;
            }
            guard
        }
    }

    /// Notifies the first `count` who wait. They run once they have the lock.
    #[track_caller]
    pub fn notify(&self, count: usize) {
        for _ in 0..count.min(self.queue.len()) {
            self.take_back(Notified::One);
        }
    }

    /// Notifies all who wait now.
    #[track_caller]
    pub fn notify_all(&self) {
        self.queue.serve_all(|| Notified::All);
    }

    async fn wait_at<'a, T>(
        &'a self,
        at: trace::Place,
        guard: MutexGuard<'a, T>,
    ) -> MutexGuard<'a, T> {
        let mutex = guard.mutex;
        drop(guard);
        let notified = Queued::new(self, at).await;
        let mut unheard = Unheard { condition: self, notified: Some(notified) };
        let guard = mutex.lock_at(at).await;
        unheard.notified = None;
        guard
    }
}

impl Counter for Condition {
    type Ware = Notified;
    const NAME: &'static str = "a condition";

    fn queue(&self) -> &Queue<Notified> {
        &self.queue
    }

    #[track_caller]
    fn take_back(&self, notified: Notified) {
        if matches!(notified, Notified::One) {
            // If nobody waits, nobody is notified.
            let _ = self.queue.serve(notified);
        }
    }
}

/// A notification that has been taken, and not been acted on yet.
struct Unheard<'a> {
    condition: &'a Condition,
    /// Gone once the lock is held.
    notified: Option<Notified>,
}

impl Drop for Unheard<'_> {
    fn drop(&mut self) {
        if let Some(notified) = self.notified.take() {
            self.condition.take_back(notified);
        }
    }
}

impl Default for Condition {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").field("waiting", &self.queue.len()).finish()
    }
}
