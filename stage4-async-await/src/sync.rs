//! What tasks share: a number of permits, handed out first come, first served.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use reactor::wake;

/// A number of permits. Who finds none waits; who waited longest is served first.
#[derive(Debug)]
pub struct Semaphore {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits for it.
    free: Cell<usize>,
    /// Filled by `acquire`; served by a permit's drop.
    queue: RefCell<VecDeque<Rc<Waiter>>>,
}

/// Somebody in the queue.
#[derive(Debug)]
struct Waiter {
    /// Left by the waiting task; woken by who serves it.
    waker: RefCell<Waker>,
    /// Set by who serves it: a permit is now this waiter's.
    served: Cell<bool>,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self { free: Cell::new(permits), queue: RefCell::default() }
    }

    /// Waits for a permit, which is given back when it is dropped.
    pub async fn acquire(&self) -> Permit<'_> {
        let mut place = Place { semaphore: self, waiter: None };
        poll_fn(|context| place.poll(context)).await;
        Permit(self)
    }

    /// Hands a permit to whoever waited longest, or keeps it.
    fn release(&self) {
        let next = self.queue.borrow_mut().pop_front();
        match next {
            Some(waiter) => {
                waiter.served.set(true);
                wake(waiter.waker.borrow().clone());
            }
            None => self.free.set(self.free.get() + 1),
        }
    }
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit<'a>(&'a Semaphore);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// A task's place in the queue. Dropped, because the task was cancelled, it is given up,
/// and a permit that had just been handed over goes to the next.
struct Place<'a> {
    semaphore: &'a Semaphore,
    /// `None` before the first poll, and once the permit is taken.
    waiter: Option<Rc<Waiter>>,
}

impl Place<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Semaphore { free, queue } = self.semaphore;
        match &self.waiter {
            Some(waiter) if waiter.served.get() => {
                self.waiter = None;
                Poll::Ready(())
            }
            Some(waiter) => {
                waiter.waker.borrow_mut().clone_from(context.waker());
                Poll::Pending
            }
            None if free.get() > 0 => {
                free.set(free.get() - 1);
                Poll::Ready(())
            }
            None => {
                let waker = RefCell::new(context.waker().clone());
                let waiter = Rc::new(Waiter { waker, served: Cell::new(false) });
                queue.borrow_mut().push_back(Rc::clone(&waiter));
                self.waiter = Some(waiter);
                Poll::Pending
            }
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        if waiter.served.get() {
            self.semaphore.release();
        } else {
            let mut queue = self.semaphore.queue.borrow_mut();
            queue.retain(|other| !Rc::ptr_eq(other, &waiter));
        }
    }
}
