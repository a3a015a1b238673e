//! A listener: connections are taken before anybody accepts.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use reactor::backend::{Event, Token};
use rustix::io::Errno;
use socket2::Socket;

use super::operation::{Operation, Purpose};
use super::ring::{Completion, OperationId, Ring, opened};

/// How many connections may wait here before the kernel is told to leave off.
const UNACCEPTED: usize = 64;

/// What the ring knows of a listener.
pub(super) struct Listener {
    token: Token,
    descriptor: Rc<Socket>,
    /// Filled by completions, emptied by `accept`.
    arrived: VecDeque<OwnedFd>,
    /// Told to whoever accepts next.
    failure: Option<io::Error>,
    in_flight: Option<OperationId>,
    /// Whether that was told to leave off.
    is_called_off: bool,
    /// Whether somebody was told `WouldBlock` and waits.
    is_awaited: bool,
}

impl Listener {
    pub(super) fn new(token: Token, descriptor: &Rc<Socket>) -> Self {
        Self {
            token,
            descriptor: Rc::clone(descriptor),
            arrived: VecDeque::new(),
            failure: None,
            in_flight: None,
            is_called_off: false,
            is_awaited: false,
        }
    }

    pub(super) fn accept(&mut self) -> io::Result<OwnedFd> {
        match (self.arrived.pop_front(), self.failure.take()) {
            (Some(stream), failure) => {
                self.failure = failure;
                Ok(stream)
            }
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Somebody waits: asks for connections, or says at once that there is one.
    pub(super) fn arm(&mut self, ring: &mut Ring, events: &mut Vec<Event>) {
        self.is_awaited = true;
        if self.arrived.is_empty() && self.failure.is_none() {
            self.start(ring);
        } else {
            self.tell(events);
        }
    }

    fn start(&mut self, ring: &mut Ring) {
        if self.in_flight.is_none() {
            let purpose = Purpose::Accept { many: ring.settings().many };
            let operation =
                Operation::new(self.token, Rc::clone(&self.descriptor) as _, purpose);
            self.in_flight = Some(ring.start(operation));
            self.is_called_off = false;
        }
    }

    fn tell(&mut self, events: &mut Vec<Event>) {
        self.is_awaited = false;
        let (readable, writable, closed) = (true, false, false);
        events.push(Event { token: self.token, readable, writable, closed });
    }

    /// The kernel has something to say.
    pub(super) fn completed(
        &mut self,
        ring: &mut Ring,
        done: Completion,
        events: &mut Vec<Event>,
    ) {
        if !done.more {
            self.in_flight = None;
            drop(ring.finished(done.id));
        }
        match done.result {
            Ok(descriptor) => {
                self.arrived.push_back(opened(descriptor));
                self.leave_off(ring);
            }
            Err(error)
                if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) =>
            {
                if self.is_awaited {
                    self.start(ring);
                }
                return;
            }
            Err(error)
                if error.kind() == ErrorKind::InvalidInput && ring.settings().many =>
            {
                ring.give_up_many();
                return self.start(ring);
            }
            Err(error) => self.failure = Some(error),
        }
        self.tell(events);
    }

    /// Nobody accepts: the kernel is to keep the rest, so that peers have to wait.
    fn leave_off(&mut self, ring: &mut Ring) {
        if let Some(id) = self.in_flight
            && self.arrived.len() >= UNACCEPTED
            && !self.is_called_off
        {
            ring.cancel(id);
            self.is_called_off = true;
        }
    }

    /// It is closed.
    pub(super) fn call_off(self, ring: &mut Ring) {
        if let Some(id) = self.in_flight {
            ring.cancel(id);
        }
    }
}
