//! The seam: what an engine must be able to do to serve a [`Reactor`](crate::Reactor).
//!
//! A backend never sees the `T` that callers leave behind. It reports [`Event`]s by
//! [`Token`], and hands out sockets that can be *tried*. The traits are used through `dyn`:
//! the choice of an engine is made at run time, by [`scope`], and no stage notices.

use std::cell::RefCell;
use std::fmt::Debug;
use std::io;
use std::net::{self, Shutdown, SocketAddr};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
#[cfg(unix)]
use std::os::unix::net as unix;
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

pub use crate::clockwork::Clockwork;
pub use crate::mio::Mio;
use crate::waiting::Direction;

/// Names a socket between the reactor and its backend. The top bit is always clear.
pub type Token = u64;

/// A socket that is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which socket.
    pub token: Token,
    /// A read may succeed, or fail for good.
    pub readable: bool,
    /// A write may succeed, or fail for good.
    pub writable: bool,
    /// The peer will send no more: no later event will tell of it.
    pub closed: bool,
}

/// An engine: sockets, a clock, and a way to wait for both.
pub trait Backend: Debug {
    /// What time it is here. It never goes back.
    fn now(&self) -> Instant;

    /// Opens a listening socket.
    ///
    /// # Errors
    ///
    /// Whatever the engine's `bind` answers.
    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>>;

    /// Starts to connect; [`Stream::connected`] says how it ended.
    ///
    /// # Errors
    ///
    /// What can be said at once.
    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>>;

    /// Opens a socket for datagrams, UDP.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows datagrams; whatever its `bind` answers.
    fn bind(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        let _ = (token, address);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a listening socket in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows such sockets; whatever its `bind` answers.
    #[cfg(unix)]
    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        let _ = (token, path);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Starts to connect to a socket in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows such sockets; what can be said at once.
    #[cfg(unix)]
    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let _ = (token, path);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a socket for datagrams in the file system, or one without a name.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows such sockets; whatever its `bind` answers.
    #[cfg(unix)]
    fn bind_unix(
        &self,
        token: Token,
        path: Option<&Path>,
    ) -> io::Result<Box<dyn Datagram<UnixAddr>>> {
        let _ = (token, path);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes over a listening socket that was opened elsewhere. It does not block from now on.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows sockets from outside.
    fn adopt_listener(
        &self,
        token: Token,
        listener: net::TcpListener,
    ) -> io::Result<Box<dyn Listener>> {
        let _ = (token, listener);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes over a connected socket.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    fn adopt_stream(
        &self,
        token: Token,
        stream: net::TcpStream,
    ) -> io::Result<Box<dyn Stream>> {
        let _ = (token, stream);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes over a socket for datagrams.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    fn adopt_datagram(
        &self,
        token: Token,
        socket: net::UdpSocket,
    ) -> io::Result<Box<dyn Datagram>> {
        let _ = (token, socket);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes over a connected socket that has no address: one of a pair, say.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    #[cfg(unix)]
    fn adopt_unix(
        &self,
        token: Token,
        stream: unix::UnixStream,
    ) -> io::Result<Box<dyn Stream>> {
        let _ = (token, stream);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Takes over one end of a pipe. It does not block from now on, and neither do its clones.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows pipes.
    #[cfg(unix)]
    fn adopt(
        &self,
        token: Token,
        end: OwnedFd,
        direction: Direction,
    ) -> io::Result<Box<dyn Stream>> {
        let _ = (token, end, direction);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens a file, to be read from its beginning; nobody waits for the disk. What is wrong with
    /// it, the first read says.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine makes the calls itself: there is no readiness of files,
    /// they are always ready, and make their reader wait all the same.
    fn open(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let _ = (token, path);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits for a descriptor, and does nothing else with it. Nothing is remembered of it:
    /// each [`arm`](Self::arm) asks anew, and is answered by an event as soon as it is ready.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine knows descriptors.
    #[cfg(unix)]
    fn watch(&self, token: Token, descriptor: OwnedFd) -> io::Result<Box<dyn Watched>> {
        let _ = (token, descriptor);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Somebody tried, was told `WouldBlock`, and parks. An engine of completions starts
    /// the operation here; an engine of readiness has nothing to do, unless it is asked for a
    /// descriptor that it only watches.
    fn arm(&self, token: Token, direction: Direction);

    /// Sleeps until something happens or `timeout` is over, and appends what happened to
    /// `events`. It may end late, but not before `timeout` without a reason.
    ///
    /// # Errors
    ///
    /// `Interrupted` when a signal came: the reactor calls again with the time left.
    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()>;

    /// Ends a [`wait`](Self::wait), the present or the next one, from any thread.
    fn waker(&self) -> Waker;
}

/// A listening socket that can be tried. Dropping it closes it.
pub trait Listener: Debug {
    /// Takes a connection that has arrived, and registers it under `token`.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or whatever `accept` answers.
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>>;

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Where it listens in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is not there that it listens.
    #[cfg(unix)]
    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A stream of bytes that can be tried. Dropping it closes it. What a kind of stream cannot
/// do is `Unsupported`: a pipe has no addresses.
pub trait Stream: Debug {
    /// Takes what has arrived.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what went wrong for good.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = buffer;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether a read that did not fill its buffer has taken all there was, so that an event
    /// will tell of whatever comes later.
    fn is_emptied_by_a_short_read(&self) -> bool {
        false
    }

    /// Hands over what fits.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what went wrong for good.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let _ = bytes;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Has the kernel hand over up to `count` bytes of a file, from `offset` on. None are taken at
    /// its end.
    ///
    /// # Errors
    ///
    /// `Unsupported`, unless the engine can; `InvalidInput` if the kernel cannot, with this file;
    /// otherwise as [`write`](Self::write).
    #[cfg(unix)]
    fn send_file(
        &self,
        file: BorrowedFd<'_>,
        offset: u64,
        count: usize,
    ) -> io::Result<usize> {
        let _ = (file, offset, count);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether the connection is established. Once it has said, or once a read or a write has
    /// failed, nobody relies on a second answer.
    ///
    /// # Errors
    ///
    /// `WouldBlock` while nobody knows, or why it failed.
    fn connected(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Closes one direction or both.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let _ = how;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether to send a few bytes at once, or to wait for more (Nagle's algorithm) as long as
    /// the peer has not confirmed the last. Where nothing waits, there is nothing to do.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        let _ = at_once;
        Ok(())
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Their end.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Our end, in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is not there.
    #[cfg(unix)]
    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Their end, in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported` if it is not there.
    #[cfg(unix)]
    fn peer_unix_addr(&self) -> io::Result<UnixAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The address of a socket in the file system; of one without a name, too.
#[cfg(unix)]
pub type UnixAddr = unix::SocketAddr;

/// A socket for datagrams that can be tried. Dropping it closes it.
pub trait Datagram<A = SocketAddr>: Debug {
    /// Takes the next datagram, as much of it as fits, and says who sent it.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or what went wrong, perhaps with an earlier datagram.
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, A)>;

    /// Sends a datagram to `address`, all of it or nothing.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or whatever the engine answers.
    fn send_to(&self, bytes: &[u8], address: &A) -> io::Result<usize>;

    /// From now on, `address` is the other end.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn connect(&self, address: &A) -> io::Result<()>;

    /// Sends a datagram to the other end, all of it or nothing.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, or whatever the engine answers.
    fn send(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Our end.
    ///
    /// # Errors
    ///
    /// Whatever the engine answers.
    fn local_addr(&self) -> io::Result<A>;
}

/// A descriptor that is waited for. Dropping it ends that, and closes it.
#[cfg(unix)]
pub trait Watched: Debug + AsFd {}

/// Opens an engine.
pub type Factory = fn() -> io::Result<Rc<dyn Backend>>;

/// What reactors of this process run on, unless a scope says otherwise. Set by `install`; read
/// by `Reactor::new`.
static INSTALLED: Mutex<Option<Factory>> = Mutex::new(None);

thread_local! {
    /// Set for the length of a `scope`; read by `Reactor::new`.
    static SCOPE: RefCell<Option<Rc<dyn Backend>>> = const { RefCell::new(None) };
}

/// Has every reactor of this process run on a backend that `factory` opens for it, unless a
/// [`scope`] says otherwise. Without this, it is the selector of the platform, [`Mio`].
///
/// ```
/// use reactor::backend::{self, Clockwork};
///
/// # fn main() -> std::io::Result<()> {
/// backend::install(|| Ok(Clockwork::new()));
/// let reactor = reactor::Reactor::<()>::new()?;
/// assert!(reactor.listen(([127, 0, 0, 1], 0).into()).is_err(), "a clock has no network");
/// # Ok(())
/// # }
/// ```
pub fn install(factory: Factory) {
    *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = Some(factory);
}

/// Makes every reactor that `body` creates on this thread run on `backend`.
///
/// ```
/// use reactor::{Reactor, backend};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// backend::scope(backend::Clockwork::new(), || {
///     let reactor = Reactor::new()?;
///     let start = reactor.now();
///     let hour = Duration::from_hours(1);
///     reactor.wait_until(start + hour, "an hour later, at once");
///     let mut ready = Vec::new();
///     reactor.select(None, &mut ready)?;
///     assert_eq!(ready, ["an hour later, at once"]);
///     assert_eq!(reactor.now() - start, hour);
///     Ok(())
/// })
/// # }
/// ```
pub fn scope<R>(backend: Rc<dyn Backend>, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Rc<dyn Backend>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let inner = SCOPE.replace(self.0.take());
            drop(inner);
        }
    }
    let _restore = Restore(SCOPE.replace(Some(backend)));
    body()
}

/// The backend that [`scope`] chose, or else a new one of those that are installed.
pub(crate) fn chosen() -> io::Result<Rc<dyn Backend>> {
    let installed = || *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    match (SCOPE.with_borrow(Clone::clone), installed()) {
        (Some(backend), _) => Ok(backend),
        (None, Some(open)) => open(),
        (None, None) => Ok(Rc::new(Mio::new()?)),
    }
}
