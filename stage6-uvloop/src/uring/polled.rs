//! What is only waited for: it is tried by system calls, and the ring says when.
//!
//! Datagrams, pipes and foreign descriptors. This is readiness, as epoll's, asked of a ring.

use std::os::fd::AsFd;
use std::rc::Rc;

use reactor::Direction;
use reactor::backend::{Event, Token};

use super::operation::{Operation, Purpose};
use super::ring::{Completion, OperationId, Ring};

/// What the ring knows of it.
pub(super) struct Polled {
    token: Token,
    descriptor: Rc<dyn AsFd>,
    /// To read, and to write.
    in_flight: [Option<OperationId>; 2],
}

impl Polled {
    pub(super) fn new(token: Token, descriptor: Rc<dyn AsFd>) -> Self {
        Self { token, descriptor, in_flight: [None; 2] }
    }

    /// Somebody waits: the kernel is to say when it is worth trying, which may be at once.
    pub(super) fn arm(&mut self, ring: &mut Ring, direction: Direction) {
        let place = &mut self.in_flight[direction as usize];
        if place.is_none() {
            let (descriptor, purpose) =
                (Rc::clone(&self.descriptor), Purpose::Poll(direction));
            *place = Some(ring.start(Operation::new(self.token, descriptor, purpose)));
        }
    }

    /// It is worth trying. Whoever hangs up, or fails, is told of by the attempt.
    pub(super) fn completed(
        &mut self,
        ring: &mut Ring,
        done: Completion,
        events: &mut Vec<Event>,
    ) {
        let place = self.in_flight.iter().position(|it| *it == Some(done.id));
        let Some(place) = place else { return };
        self.in_flight[place] = None;
        drop(ring.finished(done.id));
        let readable = place == Direction::Read as usize;
        let (token, writable) = (self.token, !readable);
        events.push(Event { token, readable, writable, closed: false });
    }

    /// It is closed.
    pub(super) fn call_off(self, ring: &mut Ring) {
        self.in_flight.into_iter().flatten().for_each(|id| ring.cancel(id));
    }
}
