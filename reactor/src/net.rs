//! Sockets that belong to a reactor: they can be tried, and waited for by their key.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::AsFd;
use std::rc::Rc;

#[cfg(unix)]
use crate::backend::UnixAddr;
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
        let stream = TcpStream::new(inner, slot);
        stream.is_connected.set(true);
        Ok(stream)
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname` answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The path of a socket in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is another socket.
    #[cfg(unix)]
    pub fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        self.inner.local_unix_addr()
    }
}

/// A connected socket. Dropping it closes it, and drops who waited on it.
pub struct TcpStream<T> {
    inner: Box<dyn Stream>,
    slot: Slot<T>,
    /// Set by `connected`, and by `accept`; read when the backend has nothing more to say.
    is_connected: Cell<bool>,
    /// Set by `shutdown`: what is written behind it fails, and that says nothing.
    is_finished: Cell<bool>,
    /// Set by the first attempt that failed for good, for `connected` to give again: the
    /// kernel tells an error once, to whoever happens to ask.
    failure: OnceCell<io::Error>,
}

impl<T> TcpStream<T> {
    pub(crate) fn new(inner: Box<dyn Stream>, slot: Slot<T>) -> Self {
        let (is_connected, is_finished) = (Cell::default(), Cell::default());
        Self { inner, slot, is_connected, is_finished, failure: OnceCell::new() }
    }

    /// What to wait for.
    pub fn key(&self) -> Key {
        self.slot.key
    }

    /// Takes what has arrived; zero bytes mean that the peer is done.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing has arrived as far as the last [`select`] knows, or so much
    /// in this turn that the others come first; `ConnectionReset` when the peer broke off.
    ///
    /// [`select`]: crate::Reactor::select
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.slot.attempt(Direction::Read, || self.inner.read(buffer));
        self.keep_failure(&result);
        let is_short = matches!(result, Ok(n) if 0 < n && n < buffer.len());
        if is_short && self.inner.is_emptied_by_a_short_read() {
            self.slot.emptied();
        }
        result
    }

    /// Hands over what fits, which may be less than all of it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when nothing fits; `BrokenPipe` or `ConnectionReset` when the peer is
    /// gone.
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.slot.attempt(Direction::Write, || self.inner.write(bytes));
        if !self.is_finished.get() {
            self.keep_failure(&result);
        }
        result
    }

    /// Hands over part of a file: up to `count` bytes from `offset` on, as many as fit. They do not
    /// come by here: the kernel has them already, or reads them now, and whoever calls waits for
    /// the disk. None fit at the end of the file.
    ///
    /// # Errors
    ///
    /// `Unsupported` where the engine cannot, and `InvalidInput` where the kernel cannot, with this
    /// file: read it, and [`write`](Self::write). Otherwise as that.
    #[cfg(unix)]
    #[doc(alias = "os.sendfile")]
    pub fn send_file(
        &self,
        file: impl AsFd,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        let send = || self.inner.send_file(file.as_fd(), offset, count);
        self.slot.attempt(Direction::Write, send)
    }

    /// How [`Reactor::connect`](crate::Reactor::connect) ended. It may be asked again.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while nobody knows; `ConnectionRefused` and its like when it failed; what
    /// a read or a write has failed with since, as long as the connection was there.
    pub fn connected(&self) -> io::Result<()> {
        if let Some(failure) = self.failure.get() {
            return Err(again(failure));
        }
        let result =
            self.slot.attempt(Direction::Write, || match self.inner.connected() {
                // Then it has come to its end since, and did not fail.
                Err(error) if would_block(&error) && self.is_connected.get() => Ok(()),
                result => result,
            });
        self.keep_failure(&result);
        self.is_connected.set(self.is_connected.get() || result.is_ok());
        result
    }

    /// Closes one direction or both.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer broke off before.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if !self.is_connected.get() {
            // Afterwards, one that has ended looks like one that never began.
            let _ = self.connected();
        }
        self.is_finished.set(self.is_finished.get() || how != Shutdown::Read);
        self.inner.shutdown(how)
    }

    /// Whether to send a few bytes at once. If not, they wait, for as long as the peer has not
    /// confirmed the last ones, for more to come.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt` answers.
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        self.inner.set_nodelay(at_once)
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

    /// The path of our end, if this is a socket in the file system: whoever connects has none,
    /// and what it answers is an address without a name.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is another socket.
    #[cfg(unix)]
    pub fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        self.inner.local_unix_addr()
    }

    /// The path of their end.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is another socket; `NotConnected` when the peer is not there.
    #[cfg(unix)]
    pub fn peer_unix_addr(&self) -> io::Result<UnixAddr> {
        self.inner.peer_unix_addr()
    }

    fn keep_failure<V>(&self, result: &io::Result<V>) {
        if let Err(error) = result
            && !would_block(error)
        {
            self.failure.get_or_init(|| again(error));
        }
    }
}

/// Whether it is only for now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

/// A socket's entry among those that can be waited for; dropping it takes the entry out.
pub(crate) struct Slot<T> {
    shared: Rc<Shared<T>>,
    pub(crate) key: Key,
}

impl<T> Slot<T> {
    pub(crate) fn new(shared: &Rc<Shared<T>>) -> Self {
        Self { key: shared.waiting.borrow_mut().open(true), shared: Rc::clone(shared) }
    }

    /// Of something that is tried elsewhere: whether it still is ready, nobody knows.
    #[cfg(unix)]
    pub(crate) fn forgetful(shared: &Rc<Shared<T>>) -> Self {
        Self { key: shared.waiting.borrow_mut().open(false), shared: Rc::clone(shared) }
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
        if matches!(&result, Err(error) if would_block(error)) {
            waiting.borrow_mut().used_up(self.key, direction);
        }
        result
    }

    /// A read took all there was.
    fn emptied(&self) {
        self.shared.waiting.borrow_mut().emptied(self.key);
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
