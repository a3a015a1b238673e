//! A peer: who sits at the other end, as a state machine inside the network.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::network::Network;
use super::socket::End;

/// Somebody at the other end of a connection, who is told what happens and acts on it.
pub trait Peer {
    /// Something happened.
    fn on(&mut self, event: Event, link: &mut Link<'_>);
}

/// What happens to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The connection is there.
    Connected,
    /// There are bytes to [`read`](Link::read). Told once for each segment.
    Readable,
    /// The other end has read some of what was sent.
    Sent,
    /// The other end will send nothing more, once what has arrived is read.
    Ended,
    /// The connection is broken, or was refused.
    Broken(ErrorKind),
    /// A timer that was set under that name.
    Timer(u64),
}

/// A peer's end of the connection, while it is told something.
#[allow(missing_debug_implementations, reason = "it lives for the length of a call")]
pub struct Link<'a> {
    network: &'a RefCell<Network>,
    end: End,
}

impl<'a> Link<'a> {
    pub(super) fn new(network: &'a RefCell<Network>, end: End) -> Self {
        Self { network, end }
    }

    /// Takes at most that many of the bytes that have arrived. What is not taken keeps its
    /// place, and the other end has to wait once there is no more.
    pub fn read(&mut self, most: usize) -> Vec<u8> {
        self.network.borrow_mut().take(self.end, most)
    }

    /// Sends everything, as soon as there is room.
    pub fn send(&mut self, bytes: &[u8]) {
        self.network.borrow_mut().queue(self.end, bytes);
    }

    /// How many bytes wait for room.
    pub fn unsent(&self) -> usize {
        self.network.borrow().unsent(self.end)
    }

    /// Sends nothing more, once everything is sent.
    pub fn finish(&mut self) {
        // Before it is connected there is nothing to finish.
        drop(self.network.borrow_mut().finish(self.end));
    }

    /// Has [`Event::Timer`] told after `delay`.
    pub fn after(&mut self, delay: Duration, name: u64) {
        self.network.borrow_mut().set_timer(self.end, delay, name);
    }

    /// Breaks the connection off. The peer is told nothing more, and dropped.
    pub fn reset(&mut self) {
        self.network.borrow_mut().reset(self.end);
    }

    /// Closes the connection. The peer is told nothing more, and dropped.
    pub fn close(&mut self) {
        self.network.borrow_mut().close(self.end);
    }

    /// When it is, since the start of the story.
    pub fn now(&self) -> Duration {
        self.network.borrow().now()
    }

    pub(super) fn is_closed(&self) -> bool {
        !self.network.borrow().is_open(self.end)
    }
}

/// Makes the peer of a connection that comes in.
type Maker = Box<dyn FnMut() -> Box<dyn Peer>>;

/// Everybody who sits at an end.
#[derive(Default)]
pub(super) struct Peers {
    seated: BTreeMap<End, Box<dyn Peer>>,
    makers: BTreeMap<SocketAddr, Maker>,
}

impl Peers {
    pub(super) fn serve(&mut self, address: SocketAddr, maker: Maker) {
        self.makers.insert(address, maker);
    }

    pub(super) fn join(&mut self, end: End, peer: Box<dyn Peer>) {
        self.seated.insert(end, peer);
    }

    /// Whoever sits at `end`, or a new one of the server whose address that is. `None`: it
    /// has left.
    pub(super) fn take(
        &mut self,
        end: End,
        network: &Rc<RefCell<Network>>,
    ) -> Option<Box<dyn Peer>> {
        let mut network = network.borrow_mut();
        if !network.is_open(end) {
            self.seated.remove(&end);
            return None;
        }
        let seated = self.seated.remove(&end);
        seated
            .or_else(|| self.makers.get_mut(&network.local_addr(end)).map(|make| make()))
    }
}
