//! What tasks share: a number of permits, handed out first come, first served.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use reactor::trace;

use crate::extras::line::Line;
use crate::future::Future;
use crate::task::{Coroutine, coroutine, yield_from_at};

/// A number of permits. Whoever finds none waits; whoever waited longest is served first. Its
/// clones are one semaphore.
#[derive(Clone, Debug)]
pub struct Semaphore(Rc<Permits>);

#[derive(Debug)]
struct Permits {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits for it.
    free: Cell<usize>,
    /// Filled by `acquire`; served by a permit's drop.
    queue: RefCell<Line<Future<()>>>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self(Rc::new(Permits { free: Cell::new(permits), queue: RefCell::default() }))
    }

    /// Waits for a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> Coroutine<Permit> {
        let (place, semaphore) = (trace::Place::here(), self.clone());
        coroutine(async move {
            let Permits { free, queue } = &*semaphore.0;
            if free.get() > 0 {
                free.set(free.get() - 1);
            } else {
                let served = Future::named("a semaphore");
                let number = queue.borrow_mut().join(served.clone());
                let mut queued = Queued {
                    semaphore: &semaphore,
                    number,
                    served: Some(served.clone()),
                };
                yield_from_at(place, &served).await?;
                queued.served = None;
            }
            Ok(Permit(semaphore))
        })
    }

    /// Hands a permit to whoever waited longest, or keeps it. Whoever was cancelled
    /// meanwhile is passed over.
    fn release(&self) {
        loop {
            let next = self.0.queue.borrow_mut().next();
            match next {
                Some(waiter) if waiter.set_result(()).is_err() => {}
                Some(_) => return,
                None => return self.0.free.set(self.0.free.get() + 1),
            }
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

/// A task's place in the queue. Dropped, because the task was cancelled, it is given up,
/// and a permit that had just been handed over goes to the next.
struct Queued<'a> {
    semaphore: &'a Semaphore,
    /// What to leave the queue by.
    number: u64,
    /// Finished by whoever serves it; `None` once the permit is taken.
    served: Option<Future<()>>,
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        let Some(served) = self.served.take() else { return };
        if served.done() && !served.cancelled() {
            self.semaphore.release();
        } else {
            let left = self.semaphore.0.queue.borrow_mut().leave(self.number);
            drop(left);
        }
    }
}
