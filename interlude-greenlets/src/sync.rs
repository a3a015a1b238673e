//! What greenlets share: a semaphore. It needs no lock, since one runs until it waits.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use crate::event_loop::{GreenletId, current, try_current};

/// So many at a time; whoever comes later waits, first come, first served.
#[doc(alias("BoundedSemaphore", "Pool"))]
#[derive(Debug)]
pub struct Semaphore {
    free: Cell<usize>,
    /// Filled by `acquire`; emptied by `release`, and by who is thrown out of the wait.
    queue: RefCell<VecDeque<GreenletId>>,
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
    /// Panics when it has to wait, and no loop is running on this thread or the stack is
    /// being unwound.
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_> {
        if let Some(left) = self.free.get().checked_sub(1) {
            self.free.set(left);
            return Permit { semaphore: self, awaited: None };
        }
        let id = current().expect_wake();
        let permit = Permit { semaphore: self, awaited: Some(id) };
        self.queue.borrow_mut().push_back(id);
        current().park(id).expect("a stack that is being unwound cannot wait");
        permit
    }

    /// Hands a permit to whoever waited longest, or keeps it.
    fn release(&self) {
        let next = self.queue.borrow_mut().pop_front();
        match (next, try_current()) {
            (Some(id), Some(event_loop)) => event_loop.make_ready(id),
            _ => self.free.set(self.free.get() + 1),
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
        let mut queue = self.semaphore.queue.borrow_mut();
        let place = queue.iter().position(|id| Some(*id) == self.awaited);
        let left = place.and_then(|place| queue.remove(place));
        drop(queue);
        if left.is_none() {
            self.semaphore.release();
        }
    }
}
