//! Work that one at a time may do: Twisted's `DeferredLock`, and `run`, which gives back what
//! it takes.

use std::cell::Cell;
use std::rc::Rc;

use crate::deferred::{Deferred, Outcome, maybe_deferred};
use crate::sync::{Permit, Semaphore};

impl Semaphore {
    /// Calls `body` once there is a permit, and gives the permit back when what it began has
    /// come to its end, good or bad; fires with that. A cancel leaves the line, or goes to what
    /// `body` began.
    ///
    /// ```
    /// # use stage1_callbacks::{react, sync::Semaphore, time::sleep};
    /// # use stage1_callbacks::extras::lists::gather_results;
    /// # use reactor::backend::{self, Clockwork};
    /// # use std::{rc::Rc, time::Duration};
    /// # let clock = Clockwork::new();
    /// # backend::scope(Rc::clone(&clock) as _, || {
    /// let all = react(|| {
    ///     let two_at_a_time = Semaphore::new(2);
    ///     let nap = || sleep(Duration::from_secs(1));
    ///     gather_results((0..6).map(|_| two_at_a_time.run(nap)).collect())
    /// });
    /// # all.unwrap().unwrap();
    /// assert_eq!(clock.elapsed(), Duration::from_secs(3));
    /// # });
    /// ```
    #[track_caller]
    pub fn run<R: Outcome>(
        &self,
        body: impl FnOnce() -> R + 'static,
    ) -> Deferred<R::Value> {
        self.acquire().add_callback(|permit| hold(permit, body))
    }
}

/// A lock for what goes on over several callbacks. Whoever waited longest gets it next. Its
/// clones are one lock.
///
/// ```
/// use stage1_callbacks::extras::lock::DeferredLock;
///
/// let lock = DeferredLock::new();
/// let held = lock.acquire().try_take().unwrap().unwrap();
/// let next = lock.run(|| Ok("my turn"));
/// let next = next.try_take().unwrap_err(); // it waits
/// drop(held);
/// assert_eq!(next.try_take().unwrap().unwrap(), "my turn");
/// assert!(!lock.locked());
/// ```
#[derive(Clone, Debug)]
pub struct DeferredLock {
    permit: Semaphore,
    /// Set by a `Held`; cleared by its drop.
    is_locked: Rc<Cell<bool>>,
}

impl DeferredLock {
    /// A lock that nobody holds.
    pub fn new() -> Self {
        Self { permit: Semaphore::new(1), is_locked: Rc::default() }
    }

    /// Fires once it is yours, until you drop what you got.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Held> {
        let is_locked = Rc::clone(&self.is_locked);
        self.permit.acquire().add_callback(move |permit| {
            is_locked.set(true);
            Ok(Held { is_locked, _permit: permit })
        })
    }

    /// Calls `body` once the lock is free, and holds it until what that began has come to its
    /// end; fires with that. A cancel leaves the line, or goes to what `body` began.
    #[track_caller]
    pub fn run<R: Outcome>(
        &self,
        body: impl FnOnce() -> R + 'static,
    ) -> Deferred<R::Value> {
        self.acquire().add_callback(|held| hold(held, body))
    }

    /// Whether somebody holds it.
    pub fn locked(&self) -> bool {
        self.is_locked.get()
    }
}

impl Default for DeferredLock {
    fn default() -> Self {
        Self::new()
    }
}

/// A lock that is held. Dropping it lets the next one in.
#[derive(Debug)]
#[must_use = "a lock that is dropped at once keeps nobody out"]
pub struct Held {
    is_locked: Rc<Cell<bool>>,
    /// Dropped after the flag is cleared: the next one, who is served inside, sets it again.
    _permit: Permit,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.is_locked.set(false);
    }
}

/// Keeps `held` until what `body` begins has come to its end.
#[track_caller]
fn hold<R: Outcome>(
    held: impl Sized + 'static,
    body: impl FnOnce() -> R,
) -> Deferred<R::Value> {
    maybe_deferred(body).add_both(move |result| {
        drop(held);
        result
    })
}
