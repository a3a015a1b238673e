//! Sockets: try the call; if it would block, park and try again.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};

use reactor::trace::Place;
use reactor::{Direction, Key};

use crate::event_loop::{GreenletId, current};

/// A listening socket.
pub struct TcpListener {
    inner: reactor::TcpListener<GreenletId>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    ///
    /// # Errors
    ///
    /// Address in use, no descriptors left.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = current().reactor.listen(address)?;
        Ok(Self { inner })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    ///
    /// No descriptors left: wait a moment before you try again.
    #[track_caller]
    pub fn accept(&self) -> io::Result<TcpStream> {
        let key = self.inner.key();
        let inner = retry(key, Direction::Read, || self.inner.accept())?;
        Ok(TcpStream { inner })
    }
}

/// A connected socket. Dropping it closes it.
pub struct TcpStream {
    inner: reactor::TcpStream<GreenletId>,
}

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` and its like; no descriptors left.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let inner = current().reactor.connect(address)?;
        retry(inner.key(), Direction::Write, || inner.connected())?;
        Ok(Self { inner })
    }

    /// Reads what has arrived; zero bytes mean that the peer is done.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` when the peer broke off.
    #[doc(alias = "recv")]
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(self.inner.key(), Direction::Read, || self.inner.read(buffer))
    }

    /// Writes everything, as fast as the peer reads.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` or `ConnectionReset` when the peer is gone.
    #[doc(alias = "sendall")]
    #[track_caller]
    pub fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let key = self.inner.key();
            let n = retry(key, Direction::Write, || self.inner.write(bytes))?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer broke off before.
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

/// Tries `operation` until it no longer would block. In between the greenlet parks: this is
/// where it leaves its id with the reactor.
///
/// One greenlet can wait for each direction of a socket. A second one is told that it is
/// busy: who would get the bytes?
#[track_caller]
fn retry<T>(
    key: Key,
    direction: Direction,
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let (event_loop, place) = (current(), Place::here());
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let id = event_loop.expect_wake();
        let leave = |id| {
            let _place = place.enter();
            event_loop.reactor.wait_for(key, direction, id)
        };
        // Whoever was thrown out of its wait has left an id that is not waited for.
        if let Some(other) = leave(id).filter(|other| event_loop.is_waiting(*other)) {
            let ours = leave(other).expect("it was left a line ago");
            event_loop.forget(ours);
            let message =
                "another greenlet already waits for this direction of the socket";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        event_loop.park(id).map_err(io::Error::other)?;
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
