//! Sockets that belong to a reactor: they can be tried, and waited for by their key.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use crate::backend::{Listener, Stream, Token};
use crate::reactor::Shared;
use crate::waiting::{Direction, Key};

/// A listening socket. Dropping it closes it, and drops who waited on it.
pub struct TcpListener<T> {
    inner: Box<dyn Listener>,
    slot: Slot<T>,
}

impl<T> TcpListener<T> {
    pub(crate) fn new(inner: Box<dyn Listener>, slot: Slot<T>) -> Self {
        Self { inner, slot }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }

    /// Takes a connection that has arrived.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; whatever `accept` answers, for instance that there
    /// are no descriptors left: then wait a moment before you try again.
    pub fn accept(&self) -> io::Result<TcpStream<T>> {
        let slot = Slot::new(&self.slot.shared);
        let accept = || self.inner.accept(slot.token());
        let inner = self.slot.attempt(Direction::Read, accept)?;
        Ok(TcpStream { inner, slot })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname` answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connected socket. Dropping it closes it, and drops who waited on it.
pub struct TcpStream<T> {
    inner: Box<dyn Stream>,
    slot: Slot<T>,
}

impl<T> TcpStream<T> {
    pub(crate) fn new(inner: Box<dyn Stream>, slot: Slot<T>) -> Self {
        Self { inner, slot }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }

    /// Takes what has arrived; zero bytes mean that the peer is done.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing has arrived, or so much in this turn that the others come
    /// first; `ConnectionReset` when the peer broke off.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.slot.attempt(Direction::Read, || self.inner.read(buffer))
    }

    /// Hands over what fits, which may be less than all of it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing fits; `BrokenPipe` or `ConnectionReset` when the peer is
    /// gone.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.slot.attempt(Direction::Write, || self.inner.write(bytes))
    }

    /// How [`Reactor::connect`](crate::Reactor::connect) ended.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while nobody knows; `ConnectionRefused` and its like when it failed.
    pub fn connected(&self) -> io::Result<()> {
        self.slot.attempt(Direction::Write, || self.inner.connected())
    }

    /// Closes one direction or both.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer broke off before.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.inner.shutdown(how)
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname` answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer is gone, or not there yet.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

/// A socket's place among those that can be waited for; dropping it gives the place up.
pub(crate) struct Slot<T> {
    shared: Rc<Shared<T>>,
    pub(crate) key: Key,
}

impl<T> Slot<T> {
    pub(crate) fn new(shared: &Rc<Shared<T>>) -> Self {
        Self { key: shared.waiting.borrow_mut().open(), shared: Rc::clone(shared) }
    }

    pub(crate) fn token(&self) -> Token {
        self.key.token()
    }

    /// Makes an attempt, and takes note if it used the readiness up. Who always finds
    /// something would keep the loop from the others: after a while it is told to wait.
    pub(crate) fn attempt<V>(
        &self,
        direction: Direction,
        attempt: impl FnOnce() -> io::Result<V>,
    ) -> io::Result<V> {
        let waiting = &self.shared.waiting;
        if !waiting.borrow_mut().may_try(self.key, direction) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let result = attempt();
        if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            waiting.borrow_mut().used_up(self.key, direction);
        }
        result
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        let waiters = self.shared.waiting.borrow_mut().close(self.key);
        drop(waiters);
    }
}

impl<T> fmt::Debug for TcpListener<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.inner).finish()
    }
}

impl<T> fmt::Debug for TcpStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(&self.inner).finish()
    }
}
