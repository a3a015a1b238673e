//! Sockets: try the call; if it would block, park and try again.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use reactor::trace::Place;
use reactor::{Direction, Key};

use crate::event_loop::{EventLoop, GreenletId};
use crate::extras::current::current_or_exit;
use crate::extras::deadlock::What;
use crate::extras::wait::Wait;

/// A listening socket.
///
/// ```
/// use interlude_greenlets::net::{TcpListener, TcpStream};
/// use interlude_greenlets::{run, spawn};
/// use std::io;
///
/// /// A greenlet for each guest: it reads as if there were no others.
/// fn serve(listener: TcpListener) -> io::Result<()> {
///     loop {
///         let guest = listener.accept()?;
///         drop(spawn(move || guest.write_all(b"good day")));
///     }
/// }
///
/// # fn main() -> io::Result<()> {
/// run(|| -> io::Result<()> {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let address = listener.local_addr()?;
///     let server = spawn(move || serve(listener));
///     for _ in 0..2 {
///         let mut said = [0; 8];
///         TcpStream::connect(address)?.read(&mut said)?;
///         assert_eq!(&said, b"good day");
///     }
///     server.kill(); // the end of `run` would do the same
///     Ok(())
/// })?
/// # }
/// ```
pub struct TcpListener {
    pub(crate) inner: reactor::TcpListener<GreenletId>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    ///
    /// # Errors
    ///
    /// Address in use, no descriptors left.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = running()?.reactor.listen(address)?;
        Ok(Self { inner })
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
///
/// ```
/// use interlude_greenlets::net::{TcpListener, TcpStream};
/// use interlude_greenlets::{run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// let echoed = run(|| -> std::io::Result<[u8; 5]> {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let address = listener.local_addr()?;
///     drop(spawn(move || -> std::io::Result<()> {
///         let stream = listener.accept()?;
///         let mut buffer = [0; 5];
///         let n = stream.read(&mut buffer)?;
///         stream.write_all(&buffer[..n])
///     }));
///     let stream = TcpStream::connect(address)?;
///     stream.write_all(b"hello")?;
///     let mut buffer = [0; 5];
///     stream.read(&mut buffer)?; // waits, and the other one runs
///     Ok(buffer)
/// })??;
/// assert_eq!(&echoed, b"hello");
/// # Ok(())
/// # }
/// ```
pub struct TcpStream {
    pub(crate) inner: reactor::TcpStream<GreenletId>,
}

impl TcpStream {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` and its like; no descriptors left.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let inner = running()?.reactor.connect(address)?;
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
    let (event_loop, place) = (running()?, Place::here());
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return result,
        }
        let parked = Parked::new(&event_loop, place, key, direction)?;
        parked.wait.park().map_err(io::Error::other)?;
    }
}

/// The loop that is running, unless it is over.
fn running() -> io::Result<Rc<EventLoop>> {
    current_or_exit().map_err(io::Error::other)
}

/// A greenlet's place at a socket. Dropped, because it was thrown out of the wait, the place
/// is given up.
struct Parked {
    wait: Wait,
    key: Key,
    direction: Direction,
}

impl Parked {
    fn new(
        event_loop: &Rc<EventLoop>,
        place: Place,
        key: Key,
        direction: Direction,
    ) -> io::Result<Self> {
        let wait = event_loop.expect_wake(What::Socket);
        let _place = place.enter();
        if let Some(other) = event_loop.reactor.wait_for(key, direction, wait.id) {
            let ours = event_loop.reactor.wait_for(key, direction, other);
            assert_eq!(ours, Some(wait.id), "it was left a line ago");
            let message =
                "another greenlet already waits for this direction of the socket";
            return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
        }
        Ok(Self { wait, key, direction })
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        let Wait { event_loop, id } = &self.wait;
        if !event_loop.is_waiting(*id) {
            return;
        }
        let left = event_loop.reactor.stop_waiting(self.key, self.direction);
        // It was handed back already, and by now somebody else waits there.
        if let Some(other) = left.filter(|left| left != id) {
            let none = event_loop.reactor.wait_for(self.key, self.direction, other);
            assert_eq!(none, None, "it was taken back a line ago");
        }
    }
}
