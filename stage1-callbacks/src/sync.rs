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
    /// Somebody is being served, and may give its permit back at once.
    serving: Cell<bool>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        let (queue, queued, serving) = Default::default();
        Self(Rc::new(Permits { free: Cell::new(permits), queue, queued, serving }))
    }

    /// Fires with a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        let Permits { free, queue, queued, .. } = &*self.0;
        if free.get() > 0 && queue.borrow().is_empty() {
            free.set(free.get() - 1);
            return succeed(Permit(self.clone()));
        }
        queued.set(queued.get() + 1);
        // Who waits does not keep what it waits for, which keeps its place.
        let (place, permits) = (queued.get(), Rc::downgrade(&self.0));
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            permits.upgrade().iter().for_each(|permits| permits.leave(place));
        });
        queue.borrow_mut().push_back((place, firer));
        deferred
    }

    /// Gives a permit back, and serves whoever waited longest: one after the other, never
    /// one inside the other.
    fn release(&self) {
        let Permits { free, queue, serving, .. } = &*self.0;
        free.set(free.get() + 1);
        if serving.replace(true) {
            return;
        }
        while free.get() > 0 {
            let next = queue.borrow_mut().pop_front();
            let Some((_, firer)) = next else { break };
            free.set(free.get() - 1);
            let _ = firer.fire(Ok(Permit(self.clone())));
        }
        serving.set(false);
    }
}

impl Permits {
    fn leave(&self, place: u64) {
        let mut queue = self.queue.borrow_mut();
        let index = queue.iter().position(|(other, _)| *other == place);
        let left = index.and_then(|index| queue.remove(index));
        drop(queue);
        drop(left);
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
