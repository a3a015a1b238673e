//! A value that one task at a time may hold on to, across its awaits.

use std::cell::{Cell, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

use reactor::trace;

use crate::extras::queue::{Counter, Queue, Queued};

/// A value that is locked, first come, first served: Python's `asyncio.Lock`, which has no
/// value in it.
///
/// On one thread, nobody runs between two awaits. So a `RefCell` is enough for whatever is
/// done in one go; a mutex is for what has to stay as it is *across* an await.
///
/// ```
/// use stage4_async_await::{extras::sync::Mutex, run, time::sleep};
/// use std::{rc::Rc, time::Duration};
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let log = Rc::new(Mutex::new(Vec::new()));
///     let mut held = log.lock().await;
///     held.push("begins");
///     sleep(Duration::from_millis(1)).await;
///     held.push("ends");
///     assert!(log.try_lock().is_none());
/// })
/// # })
/// # }
/// ```
#[doc(alias = "Lock")]
pub struct Mutex<T> {
    lock: Lock,
    /// Borrowed by whoever has the lock, and so never twice.
    value: RefCell<T>,
}

/// The right to the value, which is handed from one to the next.
struct Lock {
    is_taken: Cell<bool>,
    queue: Queue<()>,
}

impl<T> Mutex<T> {
    /// Puts a lock around a value.
    pub fn new(value: T) -> Self {
        let lock = Lock { is_taken: Cell::new(false), queue: Queue::new() };
        Self { lock, value: RefCell::new(value) }
    }

    /// Waits until the lock is free. It is free again when the guard is dropped: also by a
    /// cancel, or by a panic, which poisons nothing.
    #[doc(alias = "acquire")]
    #[track_caller]
    pub fn lock(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        self.lock_at(trace::Place::here())
    }

    /// Takes the lock if it is free, in which case nobody waits for it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        (!self.lock.is_taken.replace(true)).then(|| self.guard())
    }

    /// The value: whoever has the mutex for itself needs no lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    pub(super) async fn lock_at(&self, at: trace::Place) -> MutexGuard<'_, T> {
        if let Some(guard) = self.try_lock() {
            return guard;
        }
        Queued::new(&self.lock, at).await;
        self.guard()
    }

    /// For whoever has been given the lock.
    fn guard(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            value: self.value.borrow_mut(),
            _turn: Turn(&self.lock),
            mutex: self,
        }
    }
}

impl Lock {
    /// Hands it to whoever waited longest; else it is free.
    fn release(&self) {
        if self.queue.serve(()).is_err() {
            self.is_taken.set(false);
        }
    }
}

impl Counter for Lock {
    type Ware = ();
    const NAME: &'static str = "a mutex";

    fn queue(&self) -> &Queue<()> {
        &self.queue
    }

    fn take_back(&self, (): ()) {
        self.release();
    }
}

/// The value, for as long as the lock is held.
#[must_use = "a lock that is dropped at once locks nothing"]
pub struct MutexGuard<'a, T> {
    /// Dropped first: the next finds it free.
    value: RefMut<'a, T>,
    _turn: Turn<'a>,
    pub(super) mutex: &'a Mutex<T>,
}

/// Dropped, it is the next one's turn.
struct Turn<'a>(&'a Lock);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mutex").field(&self.value).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
