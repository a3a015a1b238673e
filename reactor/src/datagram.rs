//! Sockets for datagrams: each message is by itself, and has a sender.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use crate::backend::Datagram;
use crate::net::Slot;
use crate::waiting::{Direction, Key};

/// A socket for UDP.
pub type UdpSocket<T> = DatagramSocket<T, SocketAddr>;

/// A socket that takes and gives whole messages, from and to addresses of type `A`. Dropping it
/// closes it, and drops who waited on it.
pub struct DatagramSocket<T, A> {
    inner: Box<dyn Datagram<A>>,
    slot: Slot<T>,
}

impl<T, A> DatagramSocket<T, A> {
    pub(crate) fn new(inner: Box<dyn Datagram<A>>, slot: Slot<T>) -> Self {
        Self { inner, slot }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }

    /// Takes the next datagram, and says who sent it. What does not fit into `buffer` is lost.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none has arrived; `ConnectionRefused` when an earlier one, sent to the
    /// address that this is connected to, found nobody.
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, A)> {
        self.slot.attempt(Direction::Read, || self.inner.recv_from(buffer))
    }

    /// Sends a datagram to `address`, all of it or nothing.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room for it now; whatever `sendto` answers, for instance
    /// that it is too long.
    pub fn send_to(&self, bytes: &[u8], address: &A) -> io::Result<usize> {
        self.slot.attempt(Direction::Write, || self.inner.send_to(bytes, address))
    }

    /// Makes `address` the other end: whatever comes from elsewhere is not let in any more, and
    /// [`send`](Self::send) needs no address.
    ///
    /// # Errors
    ///
    /// Whatever `connect` answers.
    pub fn connect(&self, address: &A) -> io::Result<()> {
        self.inner.connect(address)
    }

    /// Sends a datagram to the other end, all of it or nothing.
    ///
    /// # Errors
    ///
    /// As [`send_to`](Self::send_to); that there is no other end.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.slot.attempt(Direction::Write, || self.inner.send(bytes))
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname` answers.
    pub fn local_addr(&self) -> io::Result<A> {
        self.inner.local_addr()
    }
}

impl<T, A> fmt::Debug for DatagramSocket<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatagramSocket").field(&self.inner).finish()
    }
}
