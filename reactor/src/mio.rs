//! The backend of every day: epoll, kqueue or IOCP, through mio.
//!
//! A socket is registered once, for both directions, edge-triggered.

mod datagram;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod watch;

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::event::Source;
#[cfg(unix)]
use mio::unix::pipe;
use mio::{Events, Interest, Poll, Registry, net};
use socket2::SockRef;

use crate::backend::{Backend, Datagram, Event, Listener, Stream, Token};
#[cfg(unix)]
use crate::backend::{UnixAddr, Watched};
use crate::waiting::Direction;

/// How many events one wait can report. What does not fit is reported by the next.
const EVENTS: usize = 1024;

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The remote waker's token, which no socket can have.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// How many connections may wait to be accepted: whatever the system allows, which cuts this
/// down. The 128 of std and of mio keep most of a burst waiting for a second.
const BACKLOG: i32 = i32::MAX;

/// The longest that one call of the selector may sleep. epoll counts milliseconds in 31 bits,
/// which is 24 days: a longer sleep is several.
const NAP: Duration = Duration::from_hours(24);

/// The selector of the platform.
#[derive(Debug)]
pub struct Mio {
    /// Used by `wait` alone.
    poll: RefCell<(Poll, Events)>,
    /// Shared with the sockets, which are taken off it when they are dropped.
    registry: Rc<Registry>,
    waker: Waker,
    /// Filled by `watch`, and by the drop of what that gives; asked by `arm` and `wait`.
    #[cfg(unix)]
    watches: watch::Watches,
}

impl Mio {
    /// Opens the selector of the platform.
    ///
    /// # Errors
    ///
    /// Fails when there are no descriptors left.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let registry = Rc::new(poll.registry().try_clone()?);
        let waker = Arc::new(Remote(mio::Waker::new(&registry, WAKE)?)).into();
        let poll = RefCell::new((poll, Events::with_capacity(EVENTS)));
        Ok(Self {
            poll,
            registry,
            waker,
            #[cfg(unix)]
            watches: watch::Watches::default(),
        })
    }
}

/// A selector can be waited for as well, by another one: it is readable when something has
/// happened, and would not sleep.
#[cfg(unix)]
impl AsFd for Mio {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.registry.as_fd()
    }
}

impl Backend for Mio {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = net::TcpListener::bind(address)?;
        SockRef::from(&listener).listen(BACKLOG)?;
        Ok(Registered::new(&self.registry, token, listener, Interest::READABLE)?)
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let stream = net::TcpStream::connect(address)?;
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    fn bind(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        let socket = net::UdpSocket::bind(address)?;
        Ok(Registered::new(&self.registry, token, socket, BOTH)?)
    }

    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        let listener = net::UnixListener::bind(path)?;
        SockRef::from(&listener).listen(BACKLOG)?;
        Ok(Registered::new(&self.registry, token, listener, Interest::READABLE)?)
    }

    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let stream = net::UnixStream::connect(path)?;
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    #[cfg(unix)]
    fn bind_unix(
        &self,
        token: Token,
        path: Option<&Path>,
    ) -> io::Result<Box<dyn Datagram<UnixAddr>>> {
        let socket = match path {
            Some(path) => net::UnixDatagram::bind(path)?,
            None => net::UnixDatagram::unbound()?,
        };
        Ok(Registered::new(&self.registry, token, socket, BOTH)?)
    }

    fn adopt_listener(
        &self,
        token: Token,
        listener: std::net::TcpListener,
    ) -> io::Result<Box<dyn Listener>> {
        listener.set_nonblocking(true)?;
        let listener = net::TcpListener::from_std(listener);
        Ok(Registered::new(&self.registry, token, listener, Interest::READABLE)?)
    }

    fn adopt_stream(
        &self,
        token: Token,
        stream: std::net::TcpStream,
    ) -> io::Result<Box<dyn Stream>> {
        stream.set_nonblocking(true)?;
        let stream = net::TcpStream::from_std(stream);
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    fn adopt_datagram(
        &self,
        token: Token,
        socket: std::net::UdpSocket,
    ) -> io::Result<Box<dyn Datagram>> {
        socket.set_nonblocking(true)?;
        let socket = net::UdpSocket::from_std(socket);
        Ok(Registered::new(&self.registry, token, socket, BOTH)?)
    }

    #[cfg(unix)]
    fn adopt_unix(
        &self,
        token: Token,
        stream: std::os::unix::net::UnixStream,
    ) -> io::Result<Box<dyn Stream>> {
        stream.set_nonblocking(true)?;
        let stream = net::UnixStream::from_std(stream);
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    #[cfg(unix)]
    fn adopt(
        &self,
        token: Token,
        end: OwnedFd,
        direction: Direction,
    ) -> io::Result<Box<dyn Stream>> {
        match direction {
            Direction::Read => {
                let end = pipe::Receiver::from(std::process::ChildStdout::from(end));
                end.set_nonblocking(true)?;
                Ok(Registered::new(&self.registry, token, end, Interest::READABLE)?)
            }
            Direction::Write => {
                let end = pipe::Sender::from(std::process::ChildStdin::from(end));
                end.set_nonblocking(true)?;
                Ok(Registered::new(&self.registry, token, end, Interest::WRITABLE)?)
            }
        }
    }

    #[cfg(unix)]
    fn watch(&self, token: Token, descriptor: OwnedFd) -> io::Result<Box<dyn Watched>> {
        self.watches.add(&self.registry, token, descriptor)
    }

    #[cfg(unix)]
    fn arm(&self, token: Token, direction: Direction) {
        self.watches.arm(&self.registry, token, direction);
    }

    #[cfg(not(unix))]
    fn arm(&self, _: Token, _: Direction) {}

    /// mio rounds the timeout up to the selector's grain, so that no timer is early.
    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let (poll, happened) = &mut *self.poll.borrow_mut();
        in_naps(timeout, |nap| {
            poll.poll(happened, nap)?;
            Ok(happened.is_empty())
        })?;
        let sockets = happened.iter().filter(|event| event.token() != WAKE);
        events.extend(sockets.map(|event| Event {
            token: event.token().0 as Token,
            // Who hangs up or breaks off must be noticed by whoever waits, either way.
            readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            writable: event.is_writable() || event.is_write_closed() || event.is_error(),
            closed: event.is_read_closed() || event.is_error(),
        }));
        #[cfg(unix)]
        self.watches.answered(events);
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

/// From the kernel's memory of the file into that of the socket.
#[cfg(target_os = "linux")]
fn send_file(
    socket: impl AsFd,
    file: BorrowedFd<'_>,
    offset: u64,
    count: usize,
) -> io::Result<usize> {
    let mut from = offset;
    Ok(rustix::fs::sendfile(socket, file, Some(&mut from), count)?)
}

/// Calls `nap` until it was for nothing no more, or for as long as `timeout`.
fn in_naps(
    timeout: Option<Duration>,
    mut nap: impl FnMut(Option<Duration>) -> io::Result<bool>,
) -> io::Result<()> {
    let Some(mut left) = timeout else { return nap(None).map(drop) };
    while nap(Some(left.min(NAP)))? && left > NAP {
        left -= NAP;
    }
    Ok(())
}

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a token, index and generation, has to fit into mio's: 64 bits");

#[expect(clippy::cast_possible_truncation, reason = "usize has 64 bits, see above")]
fn at(token: Token) -> mio::Token {
    mio::Token(token as usize)
}

/// Wakes the selector from any thread.
struct Remote(mio::Waker);

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // The one way to fail is a counter that is full, and then it is awake already.
        let _ = self.0.wake();
    }
}

/// Something that the selector reports on. Dropped, it is taken off the selector before it is
/// closed: epoll knows a file rather than its descriptor, and would go on with it for as long
/// as there is another one, a clone or a child's.
#[derive(Debug)]
struct Registered<S: Source> {
    source: S,
    /// Shared with the backend, and what a listener accepts is registered with it too.
    registry: Rc<Registry>,
}

impl<S: Source> Registered<S> {
    fn new(
        registry: &Rc<Registry>,
        token: Token,
        mut source: S,
        interest: Interest,
    ) -> io::Result<Box<Self>> {
        registry.register(&mut source, at(token), interest)?;
        Ok(Box::new(Self { source, registry: Rc::clone(registry) }))
    }
}

impl<S: Source> Drop for Registered<S> {
    fn drop(&mut self) {
        // There is nobody to tell, and it is closed next.
        let _ = self.registry.deregister(&mut self.source);
    }
}

impl Listener for Registered<net::TcpListener> {
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>> {
        let (stream, _) = self.source.accept()?;
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.local_addr()
    }
}

impl Stream for Registered<net::TcpStream> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.source).read(buffer)
    }

    /// So it is with the edges of epoll and kqueue. IOCP has none.
    fn is_emptied_by_a_short_read(&self) -> bool {
        cfg!(unix)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.source).write(bytes)
    }

    #[cfg(target_os = "linux")]
    fn send_file(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        send_file(&self.source, file, offset, count)
    }

    fn connected(&self) -> io::Result<()> {
        if let Some(error) = self.source.take_error()? {
            return Err(error);
        }
        match self.source.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            result => result.map(drop),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.shutdown(how)
    }

    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        self.source.set_nodelay(at_once)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.source.peer_addr()
    }
}

#[cfg(unix)]
impl Stream for Registered<pipe::Receiver> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.source).read(buffer)
    }
}

#[cfg(unix)]
impl Stream for Registered<pipe::Sender> {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.source).write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn tokens(mio: &Mio, timeout: Option<Duration>) -> Vec<Token> {
        let mut events = Vec::new();
        mio.wait(timeout, &mut events).unwrap();
        events.iter().map(|event| event.token).collect()
    }

    /// Somebody else, a child say, has a descriptor of the same file. What happens there does
    /// not concern us any more.
    #[cfg(unix)]
    #[test]
    fn a_socket_that_is_dropped_is_off_the_selector_though_a_clone_is_open() {
        let (soon, now) = (Some(Duration::from_secs(5)), Some(Duration::ZERO));
        let mio = Mio::new().unwrap();
        let listener = net::TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let its_clone = listener.as_fd().try_clone_to_owned().unwrap();
        let listener =
            Registered::new(&mio.registry, 1, listener, Interest::READABLE).unwrap();
        let mut peer = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(tokens(&mio, soon), [1]);
        let (stream, _) = listener.source.accept().unwrap();
        drop(listener);
        let _another_peer = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(tokens(&mio, now), []);

        let clone = stream.as_fd().try_clone_to_owned().unwrap();
        let stream = Registered::new(&mio.registry, 2, stream, BOTH).unwrap();
        assert_eq!(tokens(&mio, soon), [2]);
        drop(stream);
        peer.write_all(b"for the clone").unwrap();
        assert_eq!(tokens(&mio, now), []);
        drop((its_clone, clone));
    }

    /// So one loop can sleep in another.
    #[cfg(unix)]
    #[test]
    fn a_selector_can_be_waited_for_by_another() {
        let (soon, now) = (Some(Duration::from_secs(5)), Some(Duration::ZERO));
        let (inner, outer) = (Mio::new().unwrap(), Mio::new().unwrap());
        let its_clone = inner.as_fd().try_clone_to_owned().unwrap();
        let _watched = outer.watch(3, its_clone).unwrap();
        outer.arm(3, Direction::Read);
        assert_eq!(tokens(&outer, now), []);
        inner.waker().wake();
        assert_eq!(tokens(&outer, soon), [3]);
        assert_eq!(tokens(&inner, now), [], "it was a wake, and nothing else");
        outer.arm(3, Direction::Read);
        assert_eq!(tokens(&outer, now), []);
    }

    /// A sleep of fifty days ends after fifty days, though no selector sleeps for so long.
    #[test]
    fn a_long_sleep_is_made_of_naps_until_something_happens() {
        let naps = RefCell::new(Vec::new());
        let sleep = |timeout, ends_after| {
            naps.take();
            let nap = |nap| {
                naps.borrow_mut().push(nap);
                Ok(naps.borrow().len() < ends_after)
            };
            in_naps(timeout, nap).map(|()| naps.take()).unwrap()
        };
        let half = NAP / 2;
        assert_eq!(sleep(None, 1), [None]);
        assert_eq!(sleep(Some(half), 9), [Some(half)]);
        assert_eq!(sleep(Some(NAP), 9), [Some(NAP)]);
        assert_eq!(sleep(Some(2 * NAP + half), 9), [Some(NAP), Some(NAP), Some(half)]);
        assert_eq!(sleep(Some(50 * NAP), 2), [Some(NAP), Some(NAP)]);
    }
}
