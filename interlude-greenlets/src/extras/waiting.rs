//! Who waits on a loop, and what for.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::event_loop::{EventLoop, GreenletId};
use crate::extras::deadlock::What;
use crate::failure::Failure;
use crate::greenlet::Greenlet;

impl GreenletId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who waits, and what for: to go on, or to have something raised.
pub(crate) struct Waiter {
    pub(crate) greenlet: Greenlet,
    pub(crate) what: What,
    pub(crate) raise: Option<Raise>,
}

/// A failure, and how many unwindings deep a stack may be for it.
pub(crate) type Raise = (Failure, u32);

impl EventLoop {
    /// An id under which `greenlet` will go on, or have something raised.
    pub(crate) fn expect(
        &self,
        greenlet: &Greenlet,
        what: What,
        raise: Option<Raise>,
    ) -> GreenletId {
        let (id, greenlet) = (GreenletId::next(), greenlet.clone());
        self.waiting.borrow_mut().insert(id, Waiter { greenlet, what, raise });
        id
    }

    pub(crate) fn is_waiting(&self, id: GreenletId) -> bool {
        self.waiting.borrow().contains_key(&id)
    }

    pub(crate) fn take(&self, id: GreenletId) -> Option<Waiter> {
        self.waiting.borrow_mut().remove(&id)
    }
}
