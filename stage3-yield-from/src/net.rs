//! Sockets: try the call; if it would block, wait for a future and try again.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use reactor::trace::Place;
use reactor::{Direction, Key};

use crate::event_loop::{current, try_current};
use crate::failure::Failure;
use crate::future::Future;
use crate::task::{Coroutine, coroutine, yield_from_at};

/// How much one read gives at the most, in bytes.
const CHUNK: usize = 16 * 1024;

/// A listening socket. Its clones are one socket.
///
/// ```
/// use stage3_yield_from::net::{TcpListener, TcpStream};
/// use stage3_yield_from::{coroutine, run, spawn, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let address = listener.local_addr()?;
///     let server = spawn(coroutine(async move {
///         let stream = yield_from(listener.accept()).await?;
///         yield_from(stream.write_all(b"good day".to_vec())).await
///     }));
///     let stream = yield_from(TcpStream::connect(address)).await?;
///     assert_eq!(yield_from(stream.read()).await?, b"good day");
///     yield_from(&server).await
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TcpListener {
    pub(crate) inner: Rc<reactor::TcpListener<Future<()>>>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = Rc::new(current().reactor.listen(address)?);
        Ok(Self { inner })
    }

    /// Waits for a connection.
    #[track_caller]
    pub fn accept(&self) -> Coroutine<TcpStream> {
        let listener = Rc::clone(&self.inner);
        retry(Place::here(), self.inner.key(), Direction::Read, move || {
            let inner = Rc::new(listener.accept()?);
            Ok(TcpStream { inner })
        })
    }
}

/// A connected socket. Its clones are one socket, which is closed with the last of them.
#[derive(Clone, Debug)]
pub struct TcpStream {
    pub(crate) inner: Rc<reactor::TcpStream<Future<()>>>,
}

impl TcpStream {
    /// Connects to `address`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Coroutine<Self> {
        let place = Place::here();
        coroutine(async move {
            let stream = Self { inner: Rc::new(current().reactor.connect(address)?) };
            let inner = Rc::clone(&stream.inner);
            let connected = move || inner.connected();
            let key = stream.inner.key();
            yield_from_at(place, retry(place, key, Direction::Write, connected)).await?;
            Ok(stream)
        })
    }

    /// Reads what has arrived; nothing at all means that the peer is done.
    #[track_caller]
    pub fn read(&self) -> Coroutine<Vec<u8>> {
        let stream = Rc::clone(&self.inner);
        retry(Place::here(), self.inner.key(), Direction::Read, move || {
            let event_loop = current();
            let mut buffer = event_loop.buffer.borrow_mut();
            buffer.resize(CHUNK, 0); // which writes zeros the first time, and never again
            let n = stream.read(&mut buffer)?;
            Ok(buffer[..n].to_vec())
        })
    }

    /// Writes everything, as fast as the peer reads.
    #[track_caller]
    pub fn write_all(&self, bytes: Vec<u8>) -> Coroutine<()> {
        let stream = Rc::clone(&self.inner);
        let mut written = 0;
        retry(Place::here(), self.inner.key(), Direction::Write, move || {
            while written < bytes.len() {
                written += stream.write(&bytes[written..])?;
            }
            Ok(())
        })
    }
}

/// Tries `operation` until it no longer would block. In between the task parks: this is
/// where a future is left with the reactor.
///
/// One task can wait for each direction of a socket. A second one is told that it is busy:
/// who would get the bytes?
fn retry<T: 'static>(
    place: Place,
    key: Key,
    direction: Direction,
    mut operation: impl FnMut() -> io::Result<T> + 'static,
) -> Coroutine<T> {
    coroutine(async move {
        loop {
            match operation() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let parked = Parked::park(place, key, direction)?;
                    yield_from_at(place, &parked.future).await?;
                }
                result => return result.map_err(Failure::from),
            }
        }
    })
}

/// A task's place at a socket. Dropped, because the task was cancelled, it is given up.
struct Parked {
    key: Key,
    direction: Direction,
    /// What was left with the reactor, which hands it back to be finished.
    future: Future<()>,
}

impl Parked {
    fn park(place: Place, key: Key, direction: Direction) -> io::Result<Self> {
        let _place = place.enter();
        let (event_loop, future) = (current(), Future::named("a socket"));
        let leave = |future| event_loop.reactor.wait_for(key, direction, future);
        // Who was cancelled is done, and about to leave.
        if let Some(other) = leave(future.clone()).filter(|other| !other.done()) {
            drop(leave(other));
            let message = "another task already waits for this direction of the socket";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        Ok(Self { key, direction, future })
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let Some(event_loop) = try_current() else { return };
        let left = event_loop.reactor.stop_waiting(self.key, self.direction);
        // By now it may be somebody else who waits there.
        if let Some(other) = left.filter(|left| !left.is(&self.future)) {
            let displaced = event_loop.reactor.wait_for(self.key, self.direction, other);
            drop(displaced);
        }
    }
}
