//! Descriptors that are only waited for.
//!
//! Nobody here tries them, so nobody knows when readiness is used up. To register one anew
//! makes the selector look: that is what [`arm`](Watches::arm) does.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use mio::unix::SourceFd;
use mio::{Interest, Registry};

use super::at;
use crate::backend::{Event, Token, Watched};
use crate::waiting::Direction;

/// All descriptors that are watched.
#[derive(Debug, Default)]
pub(super) struct Watches(Rc<RefCell<HashMap<Token, Armed>>>);

#[derive(Debug)]
struct Armed {
    descriptor: Rc<OwnedFd>,
    /// Set by `arm`; cleared by the event that answers.
    asked: [bool; 2],
}

impl Watches {
    /// Registers a descriptor, to see whether that can be done at all.
    pub(super) fn add(
        &self,
        registry: &Rc<Registry>,
        token: Token,
        descriptor: OwnedFd,
    ) -> io::Result<Box<dyn Watched>> {
        let number = descriptor.as_raw_fd();
        registry.register(&mut SourceFd(&number), at(token), Interest::READABLE)?;
        let descriptor = Rc::new(descriptor);
        let armed = Armed { descriptor: Rc::clone(&descriptor), asked: [false; 2] };
        self.0.borrow_mut().insert(token, armed);
        let (watches, registry) = (Self(Rc::clone(&self.0)), Rc::clone(registry));
        Ok(Box::new(Watch { descriptor, token, watches, registry }))
    }

    /// Has the selector look whether that direction is ready. Sockets are none of its business.
    pub(super) fn arm(&self, registry: &Registry, token: Token, direction: Direction) {
        let mut watches = self.0.borrow_mut();
        let Some(watch) = watches.get_mut(&token) else { return };
        watch.asked[direction as usize] = true;
        let interest = match watch.asked {
            [true, true] => Interest::READABLE | Interest::WRITABLE,
            [true, false] => Interest::READABLE,
            _ => Interest::WRITABLE,
        };
        let number = watch.descriptor.as_raw_fd();
        registry
            .reregister(&mut SourceFd(&number), at(token), interest)
            .expect("what is registered and open can be registered anew");
    }

    /// What was asked for is answered.
    pub(super) fn answered(&self, events: &[Event]) {
        let mut watches = self.0.borrow_mut();
        if watches.is_empty() {
            return;
        }
        for event in events {
            let Some(watch) = watches.get_mut(&event.token) else { continue };
            watch.asked[Direction::Read as usize] &= !event.readable;
            watch.asked[Direction::Write as usize] &= !event.writable;
        }
    }
}

/// A descriptor, for as long as it is watched.
#[derive(Debug)]
struct Watch {
    descriptor: Rc<OwnedFd>,
    token: Token,
    /// Where `arm` finds the descriptor.
    watches: Watches,
    registry: Rc<Registry>,
}

impl Watched for Watch {}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // There is nobody to tell, and it is closed next.
        let _ = self.registry.deregister(&mut SourceFd(&self.descriptor.as_raw_fd()));
        self.watches.0.borrow_mut().remove(&self.token);
    }
}
