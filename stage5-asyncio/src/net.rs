//! Sockets: try the call; if it would block, park and try again.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::task::{Context, Poll};

use reactor::trace::Place;
use reactor::{Direction, Key};

use crate::event_loop::try_current;
use crate::events::{Ready, get_running_loop};
use crate::extras::waiter::Waiter;
use crate::tasks::{WaitsFor, waits};

/// A listening socket.
#[derive(Debug)]
pub struct TcpListener {
    pub(crate) inner: reactor::TcpListener<Ready>,
    pub(crate) accepts: Side,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = get_running_loop().reactor().listen(address)?;
        let accepts = Side::new(inner.key(), Direction::Read);
        Ok(Self { inner, accepts })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for a connection.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<TcpStream>> {
        retry(&self.accepts, || Ok(TcpStream::new(self.inner.accept()?)))
    }
}

/// A connected socket. Dropping it closes it.
#[derive(Debug)]
pub struct TcpStream {
    pub(crate) inner: reactor::TcpStream<Ready>,
    pub(crate) reads: Side,
    pub(crate) writes: Side,
}

impl TcpStream {
    /// Connects to `address`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self>> {
        let place = Place::here();
        async move {
            let stream = Self::new(get_running_loop().reactor().connect(address)?);
            retry_at(place, &stream.writes, || stream.inner.connected()).await?;
            Ok(stream)
        }
    }

    pub(crate) fn new(inner: reactor::TcpStream<Ready>) -> Self {
        let [reads, writes] =
            [Direction::Read, Direction::Write].map(|it| Side::new(inner.key(), it));
        Self { inner, reads, writes }
    }

    /// Reads what has arrived; zero bytes mean that the peer is done.
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        retry(&self.reads, || self.inner.read(buffer))
    }

    /// Writes everything, as fast as the peer reads.
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        let mut written = 0;
        retry(&self.writes, move || {
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
pub(crate) fn retry<T>(
    side: &Side,
    operation: impl FnMut() -> io::Result<T>,
) -> impl Future<Output = io::Result<T>> {
    retry_at(Place::here(), side, operation)
}

/// The same, for a caller whose `place` is known already.
pub(crate) fn retry_at<T>(
    place: Place,
    side: &Side,
    mut operation: impl FnMut() -> io::Result<T>,
) -> impl Future<Output = io::Result<T>> {
    let mut parked = Parked { side, place, number: 0 };
    poll_fn(move |context| match operation() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            match parked.park(context) {
                Ok(()) => Poll::Pending,
                Err(busy) => Poll::Ready(Err(busy)),
            }
        }
        result => Poll::Ready(result),
    })
}

/// A direction of a socket.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) key: Key,
    pub(crate) direction: Direction,
    /// How often somebody has parked here: the last one has that number.
    pub(crate) parked: Cell<u64>,
}

impl Side {
    pub(crate) fn new(key: Key, direction: Direction) -> Self {
        Self { key, direction, parked: Cell::new(0) }
    }
}

/// A task's place at a socket. Dropped, because the task was cancelled, it is given up.
struct Parked<'a> {
    side: &'a Side,
    place: Place,
    /// Given by the last `park`; zero before the first.
    number: u64,
}

impl Parked<'_> {
    fn park(&mut self, context: &Context<'_>) -> io::Result<()> {
        waits(WaitsFor::Other("a socket"), self.place);
        let _place = self.place.enter();
        let (event_loop, Side { key, direction, parked }) =
            (get_running_loop(), self.side);
        let reactor = event_loop.reactor();
        let leave = |ready| reactor.wait_for(*key, *direction, ready);
        let before = leave(Ready::wake(Waiter::of(context)));
        // Whoever is polled again finds its own waker there.
        if let Some(other) = before.filter(|_| self.number != parked.get()) {
            drop(leave(other));
            let message = "another task already waits for this direction of the socket";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        self.number = parked.get() + 1;
        parked.set(self.number);
        Ok(())
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        // By now it may be somebody else who waits there.
        if self.number == self.side.parked.get()
            && let Some(event_loop) = try_current()
        {
            let left =
                event_loop.reactor().stop_waiting(self.side.key, self.side.direction);
            drop(left);
        }
    }
}
