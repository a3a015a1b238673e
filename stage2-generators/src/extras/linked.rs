//! The links that wait for their turn: a list that goes through the links themselves, so that
//! to wait in it takes no memory.

use std::cell::Cell;
use std::rc::Rc;

use crate::deferred::Link;

/// Links, in the order in which they came.
#[derive(Default)]
pub(crate) struct Linked {
    count: Cell<usize>,
    first: Links,
    last: Links,
}

/// Whom a link, or a list, points at.
#[derive(Default)]
pub(crate) struct Links(Cell<Option<Rc<dyn Link>>>);

impl Linked {
    /// Adds one behind all others.
    pub(crate) fn push(&self, link: Rc<dyn Link>) {
        self.count.set(self.count.get() + 1);
        match self.last.0.replace(Some(Rc::clone(&link))) {
            Some(before) => before.links().0.set(Some(link)),
            None => self.first.0.set(Some(link)),
        }
    }

    /// Takes out the first one.
    pub(crate) fn pop(&self) -> Option<Rc<dyn Link>> {
        self.count.set(self.count.get().checked_sub(1)?);
        let first = self.first.0.take()?;
        if self.is_empty() {
            self.last.0.take();
        } else {
            self.first.0.set(first.links().0.take());
        }
        Some(first)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count.get() == 0
    }
}
