//! The backend of every day: epoll, kqueue or IOCP, through mio.
//!
//! A socket is registered once, for both directions, edge-triggered. There is nothing to
//! deregister: closing a descriptor takes it off the selector.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::{Events, Interest, Poll, Registry, net};

use crate::backend::{Backend, Event, Listener, Stream, Token};
use crate::waiting::Direction;

/// How many events one wait can report. What does not fit is reported by the next.
const EVENTS: usize = 1024;

/// The remote waker's token, which no socket can have.
const WAKE: mio::Token = mio::Token(usize::MAX);

/// The longest that one call of the selector may sleep. epoll counts milliseconds in 31 bits,
/// which is 24 days: a longer sleep is several.
const NAP: Duration = Duration::from_hours(24);

/// The selector of the platform.
#[derive(Debug)]
pub struct Mio {
    /// Used by `wait` alone.
    poll: RefCell<(Poll, Events)>,
    /// Shared with the listeners, which register what they accept.
    registry: Rc<Registry>,
    waker: Waker,
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
        Ok(Self { poll, registry, waker })
    }
}

impl Backend for Mio {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let mut inner = net::TcpListener::bind(address)?;
        self.registry.register(&mut inner, at(token), Interest::READABLE)?;
        Ok(Box::new(MioListener { inner, registry: Rc::clone(&self.registry) }))
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let mut inner = net::TcpStream::connect(address)?;
        register(&self.registry, token, &mut inner)?;
        Ok(Box::new(MioStream(inner)))
    }

    #[cfg(unix)]
    fn adopt(
        &self,
        token: Token,
        end: std::os::fd::OwnedFd,
        direction: Direction,
    ) -> io::Result<Box<dyn Stream>> {
        match direction {
            Direction::Read => {
                let mut inner =
                    mio::unix::pipe::Receiver::from(std::process::ChildStdout::from(end));
                inner.set_nonblocking(true)?;
                self.registry.register(&mut inner, at(token), Interest::READABLE)?;
                Ok(Box::new(ReadingEnd(inner)))
            }
            Direction::Write => {
                let mut inner =
                    mio::unix::pipe::Sender::from(std::process::ChildStdin::from(end));
                inner.set_nonblocking(true)?;
                self.registry.register(&mut inner, at(token), Interest::WRITABLE)?;
                Ok(Box::new(WritingEnd(inner)))
            }
        }
    }

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
        }));
        Ok(())
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
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

fn register(
    registry: &Registry,
    token: Token,
    stream: &mut impl Source,
) -> io::Result<()> {
    registry.register(stream, at(token), Interest::READABLE | Interest::WRITABLE)
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

#[derive(Debug)]
struct MioListener {
    inner: net::TcpListener,
    registry: Rc<Registry>,
}

impl Listener for MioListener {
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>> {
        let (mut inner, _) = self.inner.accept()?;
        register(&self.registry, token, &mut inner)?;
        Ok(Box::new(MioStream(inner)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

#[derive(Debug)]
struct MioStream(net::TcpStream);

impl Stream for MioStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    fn connected(&self) -> io::Result<()> {
        if let Some(error) = self.0.take_error()? {
            return Err(error);
        }
        match self.0.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            result => result.map(drop),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct ReadingEnd(mio::unix::pipe::Receiver);

#[cfg(unix)]
impl Stream for ReadingEnd {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct WritingEnd(mio::unix::pipe::Sender);

#[cfg(unix)]
impl Stream for WritingEnd {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::{NAP, in_naps};

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
