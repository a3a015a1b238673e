//! What greenlets share: a semaphore. It needs no lock, since one runs until it waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::iter;

use crate::event_loop::{GreenletId, current, try_current};
use crate::extras::deadlock::What;
use crate::extras::unwinding::wait_for_good;

/// So many at a time; whoever comes later waits, first come, first served.
#[doc(alias("BoundedSemaphore", "Pool"))]
#[derive(Debug)]
pub struct Semaphore {
    free: Cell<usize>,
    /// Filled by `acquire`; emptied by `release`, and by whoever is thrown out of the wait.
    /// Ids order by age.
    queue: RefCell<BTreeSet<GreenletId>>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self { free: Cell::new(permits), queue: RefCell::default() }
    }

    /// Waits for a permit, which is given back when it is dropped.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_> {
        if let Some(left) = self.free.get().checked_sub(1) {
            self.free.set(left);
            return Permit { semaphore: self, awaited: None };
        }
        let wait = current().expect_wake(What::Semaphore);
        let permit = Permit { semaphore: self, awaited: Some(wait.id) };
        self.queue.borrow_mut().insert(wait.id);
        if let Err(exit) = wait.park() {
            drop((permit, wait));
            wait_for_good(exit);
        }
        permit
    }

    /// Hands a permit to whoever waited longest, or keeps it.
    fn release(&self) {
        let next = try_current().filter(|it| !it.is_over.get()).and_then(|event_loop| {
            let queue = iter::from_fn(|| self.queue.borrow_mut().pop_first());
            // One that has been left for ever still stands there.
            let next = { queue }.find(|id| event_loop.is_waiting(*id))?;
            Some((event_loop, next))
        });
        match next {
            Some((event_loop, id)) => event_loop.make_ready(id),
            None => self.free.set(self.free.get() + 1),
        }
    }
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    /// What it waited under, if it had to.
    awaited: Option<GreenletId>,
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // Thrown out of the wait, it stands in the queue, and there is nothing to give back.
        let stands = |id| self.semaphore.queue.borrow_mut().remove(&id);
        if !self.awaited.is_some_and(stands) {
            self.semaphore.release();
        }
    }
}
