//! The links that wait for their turn: a list that goes through the links themselves, so that
//! to wait in it takes no memory.

use std::cell::RefCell;
use std::rc::Rc;

use crate::deferred::Link;

/// Links, in the order in which they came.
#[derive(Default)]
pub(crate) struct Linked {
    first: Links,
    last: Links,
}

/// Whom a link, or a list, points at.
#[derive(Default)]
pub(crate) struct Links(RefCell<Option<Rc<dyn Link>>>);

impl Linked {
    /// Adds one behind all others.
    pub(crate) fn push(&self, link: Rc<dyn Link>) {
        match self.last.0.replace(Some(Rc::clone(&link))) {
            Some(before) => before.links().0.replace(Some(link)),
            None => self.first.0.replace(Some(link)),
        };
    }

    /// Takes out the first one.
    pub(crate) fn pop(&self) -> Option<Rc<dyn Link>> {
        let first = self.first.0.take()?;
        let next = first.links().0.take();
        if next.is_none() {
            self.last.0.take();
        }
        self.first.0.replace(next);
        Some(first)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.0.borrow().is_none()
    }
}
