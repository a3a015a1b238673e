//! What callbacks share: a number of permits, handed out first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::deferred::{Deferred, Firer, succeed};

/// A number of permits. Who finds none waits; who waited longest is served first. Its
/// clones are one semaphore.
#[doc(alias = "DeferredSemaphore")]
#[derive(Clone, Debug)]
pub struct Semaphore(Rc<Permits>);

#[derive(Debug)]
struct Permits {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits for it.
    free: Cell<usize>,
    /// Filled by `acquire`; served by a permit's drop, left by a cancel.
    queue: RefCell<VecDeque<(u64, Firer<Permit>)>>,
    /// How many have queued so far: names the places.
    queued: Cell<u64>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        let (queue, queued) = (RefCell::default(), Cell::new(0));
        Self(Rc::new(Permits { free: Cell::new(permits), queue, queued }))
    }

    /// Fires with a permit, which is given back when it is dropped.
    pub fn acquire(&self) -> Deferred<Permit> {
        let Permits { free, queue, queued } = &*self.0;
        if free.get() > 0 {
            free.set(free.get() - 1);
            return succeed(Permit(self.clone()));
        }
        queued.set(queued.get() + 1);
        let (place, semaphore) = (queued.get(), self.clone());
        let (firer, deferred) = Deferred::with_canceller(move |_| semaphore.leave(place));
        queue.borrow_mut().push_back((place, firer));
        deferred
    }

    fn leave(&self, place: u64) {
        let mut queue = self.0.queue.borrow_mut();
        let index = queue.iter().position(|(other, _)| *other == place);
        let left = index.and_then(|index| queue.remove(index));
        drop(queue);
        drop(left);
    }

    /// Hands a permit to whoever waited longest, or keeps it.
    fn release(&self) {
        let next = self.0.queue.borrow_mut().pop_front();
        match next {
            Some((_, firer)) => drop(firer.fire(Ok(Permit(self.clone())))),
            None => self.0.free.set(self.0.free.get() + 1),
        }
    }
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit(Semaphore);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}
