//! Sockets: try the call; if it would block, park and try again.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::task::{Poll, Waker};

use reactor::{Direction, Key};

use crate::event_loop::{current, try_current};

/// A listening socket.
pub struct TcpListener {
    inner: reactor::TcpListener<Waker>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = current().reactor.listen(address)?;
        Ok(Self { inner })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for a connection.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        let key = self.inner.key();
        let inner = retry(key, Direction::Read, || self.inner.accept()).await?;
        Ok(TcpStream { inner })
    }
}

/// A connected socket. Dropping it closes it.
pub struct TcpStream {
    inner: reactor::TcpStream<Waker>,
}

impl TcpStream {
    /// Connects to `address`.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let inner = current().reactor.connect(address)?;
        retry(inner.key(), Direction::Write, || inner.connected()).await?;
        Ok(Self { inner })
    }

    /// Reads what has arrived; zero bytes mean that the peer is done.
    pub async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        retry(self.inner.key(), Direction::Read, || self.inner.read(buffer)).await
    }

    /// Writes everything, as fast as the peer reads.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let key = self.inner.key();
            let n = retry(key, Direction::Write, || self.inner.write(bytes)).await?;
            bytes = &bytes[n..];
        }
        Ok(())
    }

    /// Tells the peer that nothing more will be written.
    #[doc(alias = "write_eof")]
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Our end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

/// Tries `operation` until it no longer would block. In between the task parks: this is
/// where it leaves its waker with the reactor.
///
/// One task can wait for each direction of a socket. A second one is told that it is busy:
/// who would get the bytes?
async fn retry<T>(
    key: Key,
    direction: Direction,
    mut operation: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut parked = Parked { key, direction, waker: None };
    poll_fn(|context| match operation() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            match parked.park(context.waker()) {
                Ok(()) => Poll::Pending,
                Err(busy) => Poll::Ready(Err(busy)),
            }
        }
        result => Poll::Ready(result),
    })
    .await
}

/// A task's place at a socket. Dropped, because the task was cancelled, it is given up.
struct Parked {
    key: Key,
    direction: Direction,
    /// The waker that was left with the reactor, which hands it back to be woken.
    waker: Option<Waker>,
}

impl Parked {
    fn park(&mut self, waker: &Waker) -> io::Result<()> {
        let event_loop = current();
        let leave = |waker| event_loop.reactor.wait_for(self.key, self.direction, waker);
        if let Some(other) = leave(waker.clone()).filter(|other| !other.will_wake(waker))
        {
            drop(leave(other));
            let message = "another task already waits for this direction of the socket";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        self.waker = Some(waker.clone());
        Ok(())
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let (Some(waker), Some(event_loop)) = (&self.waker, try_current()) else {
            return;
        };
        let left = event_loop.reactor.stop_waiting(self.key, self.direction);
        // By now it may be somebody else who waits there.
        if let Some(other) = left.filter(|left| !left.will_wake(waker)) {
            let displaced = event_loop.reactor.wait_for(self.key, self.direction, other);
            drop(displaced);
        }
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
