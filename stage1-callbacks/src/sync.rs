//! What callbacks share: a number of permits, handed out first come, first served.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::deferred::{Deferred, Firer, succeed};
use crate::extras::line::Line;

/// A number of permits. Whoever finds none waits; whoever waited longest is served first. Its
/// clones are one semaphore.
#[doc = include_str!("../docs/semaphore.md")]
#[doc(alias = "DeferredSemaphore")]
#[derive(Clone, Debug)]
pub struct Semaphore(Rc<Permits>);

#[derive(Debug)]
struct Permits {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits for it.
    free: Cell<usize>,
    /// Filled by `acquire`; served by a permit's drop, left by a cancel.
    queue: RefCell<Line<Firer<Permit>>>,
    /// Somebody is being served, and may give its permit back at once.
    serving: Cell<bool>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        let (queue, serving) = Default::default();
        Self(Rc::new(Permits { free: Cell::new(permits), queue, serving }))
    }

    /// Fires with a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> Deferred<Permit> {
        let Permits { free, queue, .. } = &*self.0;
        if free.get() > 0 && queue.borrow().is_empty() {
            free.set(free.get() - 1);
            return succeed(Permit(self.clone()));
        }
        let (firer, deferred) = Deferred::new();
        let number = queue.borrow_mut().join(firer);
        let permits = Rc::downgrade(&self.0); // whoever waits does not keep what it waits for
        deferred.given_up_by(move || {
            let permits = permits.upgrade();
            let left = permits.and_then(|it| it.queue.borrow_mut().leave(number));
            drop(left);
        })
    }

    /// Gives a permit back, and serves whoever waited longest: one after the other, never
    /// one inside the other.
    fn release(&self) {
        let Permits { free, queue, serving } = &*self.0;
        free.set(free.get() + 1);
        if serving.replace(true) {
            return;
        }
        while free.get() > 0 {
            let next = queue.borrow_mut().next();
            let Some(firer) = next else { break };
            free.set(free.get() - 1);
            let _ = firer.fire(Ok(Permit(self.clone())));
        }
        serving.set(false);
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
