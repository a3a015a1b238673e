//! Sockets: try the call; if it would block, park and try again.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::task::{Poll, Waker};

use reactor::trace::Place;
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
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<TcpStream>> {
        retry(self.inner.key(), Direction::Read, || {
            let inner = self.inner.accept()?;
            Ok(TcpStream { inner })
        })
    }
}

/// A connected socket. Dropping it closes it.
pub struct TcpStream {
    inner: reactor::TcpStream<Waker>,
}

impl TcpStream {
    /// Connects to `address`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self>> {
        let place = Place::here();
        async move {
            let inner = current().reactor.connect(address)?;
            let connected = || inner.connected();
            retry_at(place, inner.key(), Direction::Write, connected).await?;
            Ok(Self { inner })
        }
    }

    /// Reads what has arrived; zero bytes mean that the peer is done.
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        retry(self.inner.key(), Direction::Read, || self.inner.read(buffer))
    }

    /// Writes everything, as fast as the peer reads.
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        let mut written = 0;
        retry(self.inner.key(), Direction::Write, move || {
            while written < bytes.len() {
                written += self.inner.write(&bytes[written..])?;
            }
            Ok(())
        })
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
#[track_caller]
fn retry<T>(
    key: Key,
    direction: Direction,
    operation: impl FnMut() -> io::Result<T>,
) -> impl Future<Output = io::Result<T>> {
    retry_at(Place::here(), key, direction, operation)
}

/// The same, for a caller whose `place` is known already.
fn retry_at<T>(
    place: Place,
    key: Key,
    direction: Direction,
    mut operation: impl FnMut() -> io::Result<T>,
) -> impl Future<Output = io::Result<T>> {
    let mut parked = Parked { key, direction, place, waker: None };
    poll_fn(move |context| match operation() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            match parked.park(context.waker()) {
                Ok(()) => Poll::Pending,
                Err(busy) => Poll::Ready(Err(busy)),
            }
        }
        result => Poll::Ready(result),
    })
}

/// A task's place at a socket. Dropped, because the task was cancelled, it is given up.
struct Parked {
    key: Key,
    direction: Direction,
    place: Place,
    /// The waker that was left with the reactor, which hands it back to be woken.
    waker: Option<Waker>,
}

impl Parked {
    fn park(&mut self, waker: &Waker) -> io::Result<()> {
        let _place = self.place.enter();
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
