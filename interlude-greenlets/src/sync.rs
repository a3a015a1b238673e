//! What greenlets share: a semaphore. It needs no lock, since one runs until it waits.

use std::cell::Cell;

use crate::extras::deadlock::What;
use crate::extras::unwinding::wait_for_good;
use crate::extras::waiters::Waiters;

/// So many at a time; whoever comes later waits, first come, first served. (gevent's is not
/// fair: whoever asks between a release and the turn of the one that waits gets ahead of it.)
///
/// ```
/// use interlude_greenlets::sync::Semaphore;
/// use interlude_greenlets::{run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let first = run(|| {
///     let door = Rc::new(Semaphore::new(1));
///     let permit = door.acquire();
///     let next = Rc::clone(&door);
///     let waits = spawn(move || drop(next.acquire()));
///     drop(permit); // now the other one may go on
///     waits.join().is_ok()
/// })?;
/// assert!(first);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Semaphore {
    free: Cell<usize>,
    pub(crate) waiters: Waiters,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self { free: Cell::new(permits), waiters: Waiters::default() }
    }

    /// Waits for a permit, which is given back when it is dropped. Whoever is thrown out of
    /// the wait leaves its turn to the next.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_> {
        self.enter(What::Semaphore);
        Permit(self)
    }

    /// Waits for a permit, and has it given back by hand.
    #[track_caller]
    pub(crate) fn enter(&self, what: What) {
        if !self.try_enter() {
            let turn = self.waiters.wait_for_turn(what, || self.release());
            turn.unwrap_or_else(|exit| wait_for_good(exit));
        }
    }

    pub(crate) fn try_enter(&self) -> bool {
        let free = self.free.get();
        self.free.set(free.saturating_sub(1));
        free > 0
    }

    /// Hands a permit to whoever waited longest, or keeps it.
    pub(crate) fn release(&self) {
        if !self.waiters.wake_one() {
            self.free.set(self.free.get() + 1);
        }
    }
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a>(pub(crate) &'a Semaphore);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}
