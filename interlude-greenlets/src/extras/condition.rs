//! A condition: greenlets that hold a lock wait until another says that something has changed.

use std::time::Duration;

use crate::extras::deadlock::What;
use crate::extras::lock::{Guard, Lock};
use crate::extras::unwinding::wait_for_good;
use crate::extras::waiters::Waiters;
use crate::time::timeout;

/// Waits for news about what a [`Lock`] guards: `threading.Condition`, as gevent patches it.
///
/// ```
/// use interlude_greenlets::extras::condition::Condition;
/// use interlude_greenlets::extras::lock::Lock;
/// use interlude_greenlets::{run, spawn};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// run(|| {
///     let shared = Rc::new((Lock::default(), Condition::default(), Cell::new(0)));
///     let theirs = Rc::clone(&shared);
///     drop(spawn(move || {
///         theirs.2.set(1);
///         theirs.1.notify(1);
///     }));
///     let mut guard = shared.0.acquire();
///     while shared.2.get() == 0 {
///         guard = shared.1.wait(guard);
///     }
///     drop(guard);
/// })
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Condition(Waiters);

impl Condition {
    /// Lets the lock go, waits to be notified, and takes the lock again. Whoever is thrown
    /// out of that once it has been notified passes the news on.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[track_caller]
    pub fn wait<'a>(&self, guard: Guard<'a>) -> Guard<'a> {
        let lock = guard.lock;
        drop(guard);
        self.wait_for_news();
        self.take_again(lock)
    }

    /// The same, but waits for news no longer than `duration`; and whether there were any.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout<'a>(
        &self,
        guard: Guard<'a>,
        duration: Duration,
    ) -> (Guard<'a>, bool) {
        let lock = guard.lock;
        drop(guard);
        match timeout(duration, || self.wait_for_news()) {
            Ok(()) => (self.take_again(lock), true),
            Err(_) => (lock.acquire(), false),
        }
    }

    /// Wakes the first `many` of those that wait.
    #[track_caller]
    pub fn notify(&self, many: usize) {
        let _woken = (0..many).take_while(|_| self.0.wake_one()).count();
    }

    /// Wakes all that wait.
    #[track_caller]
    pub fn notify_all(&self) {
        self.0.wake_all();
    }

    #[track_caller]
    fn wait_for_news(&self) {
        let news = self.0.wait_for_turn(What::Condition, || self.notify(1));
        news.unwrap_or_else(|exit| wait_for_good(exit));
    }

    #[track_caller]
    fn take_again<'a>(&self, lock: &'a Lock) -> Guard<'a> {
        let mut news = News { condition: self, is_lost: true };
        let guard = lock.acquire();
        news.is_lost = false;
        guard
    }
}

/// What somebody was told, who has to take the lock before it can make use of it.
struct News<'a> {
    condition: &'a Condition,
    is_lost: bool,
}

impl Drop for News<'_> {
    fn drop(&mut self) {
        if self.is_lost {
            self.condition.notify(1);
        }
    }
}
