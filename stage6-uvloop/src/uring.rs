//! The engine of completions: io_uring behind the reactor's seam.
//!
//! epoll says that a socket is ready, and the program makes the call. A ring is asked for the
//! call itself, and says that it is done. So bytes are received into a buffer before anybody
//! reads, and sent from a buffer after somebody wrote; and many such calls are handed over
//! together, with the one call that sleeps. To the reactor it looks as ever: try, be told
//! `WouldBlock`, leave something behind, try again.
//!
//! Two things differ, and a program may notice. What is written is on its way when the loop has
//! its turn, and not before; and what a peer has sent is taken from the kernel though nobody
//! reads it yet, up to a bound.
//!
//! # Reading order
//!
//! `operation.rs`: what the kernel is busy with, and who owns what it touches; `ring.rs`: the gate
//! to the kernel; `buffers.rs`: those it helps itself to; `stream.rs`, `listener.rs`, `polled.rs`,
//! `file.rs`: what can be open; `engine.rs`: who is told of what; `handle.rs`: what the reactor holds;
//! `abilities.rs`: what this kernel can do; `by_hand.rs`: a server without any of this, to measure
//! against.

mod abilities;
mod buffers;
#[cfg(feature = "by-hand")]
pub mod by_hand;
mod engine;
mod file;
mod handle;
mod listener;
mod operation;
mod polled;
mod ring;
mod stream;
mod wake;

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net as unix;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use reactor::Direction;
use reactor::backend::{
    Backend, Datagram, Event, Listener, Stream, Token, UnixAddr, Watched,
};
use socket2::{Domain, SockAddr, Socket, Type};

pub use abilities::Ability;
use engine::Engine;
use handle::{FileHandle, Handle, Tried};
use ring::Ring;

/// How many connections may wait to be accepted: whatever the system allows, which cuts this
/// down.
const BACKLOG: i32 = i32::MAX;

/// What a ring makes use of, if the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// One request that is answered many times: to accept (5.19), and to receive into buffers
    /// of a common group (6.0).
    pub many: bool,
    /// Whatever the kernel has put off is done when the loop waits, and not in between (6.1).
    pub deferred: bool,
}

impl Default for Settings {
    /// All of it.
    fn default() -> Self {
        Self { many: true, deferred: true }
    }
}

/// A ring of this process, as an engine for a reactor.
#[derive(Clone, Debug)]
pub struct Uring {
    engine: Rc<RefCell<Engine>>,
    waker: Waker,
}

impl Uring {
    /// Opens a ring, as good as this kernel can.
    ///
    /// # Errors
    ///
    /// Where the kernel has none (`ENOSYS`, before Linux 5.1), forbids it (`EPERM`: the switch
    /// `kernel.io_uring_disabled`, or a sandbox), has no memory for it (`ENOMEM`: `ulimit -l`), or
    /// where it is too old (`Unsupported`, before 5.11).
    pub fn new() -> io::Result<Self> {
        Self::with(Settings::default())
    }

    /// The same, without what the settings leave out: as on an older kernel.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with(settings: Settings) -> io::Result<Self> {
        let wakes = wake::open()?;
        let remote = wake::Remote::new(wakes.try_clone()?);
        let engine = Engine::new(Ring::new(settings)?, &Rc::new(wakes));
        Ok(Self { engine: Rc::new(RefCell::new(engine)), waker: Arc::new(remote).into() })
    }

    /// How many operations the kernel has not finished, not counting the one that waits for
    /// wakes.
    pub fn in_flight(&self) -> usize {
        self.engine.borrow_mut().ring().in_flight() - 1
    }

    /// How often the kernel was called so far, to hand over or to wait.
    pub fn calls(&self) -> u64 {
        self.engine.borrow_mut().ring().calls()
    }

    /// What is made use of, as far as that is known by now: a kernel may turn out to be older
    /// when it is first asked.
    pub fn settings(&self) -> Settings {
        self.engine.borrow_mut().ring().settings()
    }

    /// What this kernel can do, of what this engine has a use for.
    pub fn abilities(&self) -> Vec<Ability> {
        abilities::of(self.engine.borrow_mut().ring())
    }

    fn handle(
        &self,
        token: Token,
        socket: engine::Socket,
        descriptor: Rc<Socket>,
    ) -> Handle {
        self.engine.borrow_mut().open(token, socket);
        Handle::new(&self.engine, token, descriptor)
    }

    fn listener(&self, token: Token, listener: Socket) -> io::Result<Box<dyn Listener>> {
        let descriptor = Rc::new(blocking(listener)?);
        let socket =
            engine::Socket::Listener(listener::Listener::new(token, &descriptor));
        Ok(Box::new(self.handle(token, socket, descriptor)))
    }

    /// One that is connected.
    fn stream(&self, token: Token, stream: Socket) -> io::Result<Box<dyn Stream>> {
        let descriptor = Rc::new(blocking(stream)?);
        Ok(Box::new(self.connected(token, descriptor)))
    }

    fn connected(&self, token: Token, descriptor: Rc<Socket>) -> Handle {
        let stream = stream::Stream::connected(token, &descriptor);
        self.handle(token, engine::Socket::Stream(Box::new(stream)), descriptor)
    }

    fn tried<S: AsFd + 'static>(&self, token: Token, source: S) -> Tried<S> {
        let source = Rc::new(source);
        let polled = polled::Polled::new(token, Rc::clone(&source) as _);
        self.engine.borrow_mut().open(token, engine::Socket::Polled(polled));
        Tried::new(&self.engine, token, source)
    }
}

impl Backend for Uring {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let listener = Socket::from(net::TcpListener::bind(address)?);
        listener.listen(BACKLOG)?;
        self.listener(token, listener)
    }

    /// The first step is taken here and not in the next turn: a peer may wait for it meanwhile.
    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        let descriptor = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        let descriptor = Rc::new(descriptor);
        let mut engine = self.engine.borrow_mut();
        let address = SockAddr::from(address);
        let stream =
            stream::Stream::connecting(token, &descriptor, address, engine.ring());
        engine.open(token, engine::Socket::Stream(Box::new(stream)));
        engine.look()?;
        drop(engine);
        Ok(Box::new(Handle::new(&self.engine, token, descriptor)))
    }

    fn bind(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Datagram>> {
        self.adopt_datagram(token, net::UdpSocket::bind(address)?)
    }

    fn listen_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Listener>> {
        let listener = Socket::from(OwnedFd::from(unix::UnixListener::bind(path)?));
        listener.listen(BACKLOG)?;
        self.listener(token, listener)
    }

    fn connect_unix(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let stream = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // There is no way between the two ends: it is there at once, or not at all.
        stream.set_nonblocking(true)?;
        stream.connect(&SockAddr::unix(path)?)?;
        self.stream(token, stream)
    }

    fn bind_unix(
        &self,
        token: Token,
        path: Option<&Path>,
    ) -> io::Result<Box<dyn Datagram<UnixAddr>>> {
        let socket = match path {
            Some(path) => unix::UnixDatagram::bind(path)?,
            None => unix::UnixDatagram::unbound()?,
        };
        socket.set_nonblocking(true)?;
        Ok(Box::new(self.tried(token, socket)))
    }

    fn adopt_listener(
        &self,
        token: Token,
        listener: net::TcpListener,
    ) -> io::Result<Box<dyn Listener>> {
        self.listener(token, listener.into())
    }

    fn adopt_stream(
        &self,
        token: Token,
        stream: net::TcpStream,
    ) -> io::Result<Box<dyn Stream>> {
        if stream.peer_addr().is_ok() {
            return self.stream(token, stream.into());
        }
        let descriptor = Rc::new(blocking(stream.into())?);
        let mut engine = self.engine.borrow_mut();
        let stream = stream::Stream::begun(token, &descriptor, engine.ring());
        engine.open(token, engine::Socket::Stream(Box::new(stream)));
        drop(engine);
        Ok(Box::new(Handle::new(&self.engine, token, descriptor)))
    }

    fn adopt_datagram(
        &self,
        token: Token,
        socket: net::UdpSocket,
    ) -> io::Result<Box<dyn Datagram>> {
        socket.set_nonblocking(true)?;
        Ok(Box::new(self.tried(token, socket)))
    }

    fn adopt_unix(
        &self,
        token: Token,
        stream: unix::UnixStream,
    ) -> io::Result<Box<dyn Stream>> {
        self.stream(token, OwnedFd::from(stream).into())
    }

    fn adopt(
        &self,
        token: Token,
        end: OwnedFd,
        direction: Direction,
    ) -> io::Result<Box<dyn Stream>> {
        let end = pollable(end)?;
        rustix::io::ioctl_fionbio(&end, true)?;
        Ok(match direction {
            Direction::Read => Box::new(handle::ReadEnd(self.tried(token, end))),
            Direction::Write => Box::new(handle::WriteEnd(self.tried(token, end))),
        })
    }

    fn open(&self, token: Token, path: &Path) -> io::Result<Box<dyn Stream>> {
        let mut engine = self.engine.borrow_mut();
        let file = file::File::open(token, path, engine.ring())?;
        engine.open(token, engine::Socket::File(Box::new(file)));
        drop(engine);
        Ok(Box::new(FileHandle::new(&self.engine, token)))
    }

    fn watch(&self, token: Token, descriptor: OwnedFd) -> io::Result<Box<dyn Watched>> {
        Ok(Box::new(self.tried(token, pollable(descriptor)?)))
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.engine.borrow_mut().arm(token, direction);
    }

    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.engine.borrow_mut().wait(timeout, events)
    }

    fn waker(&self) -> Waker {
        self.waker.clone()
    }
}

/// Here the kernel waits, and never the caller. Told not to block, it would not wait either, but
/// give up.
fn blocking(socket: Socket) -> io::Result<Socket> {
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// A ring would call a regular file ready, always. It is refused as epoll refuses it.
fn pollable(descriptor: OwnedFd) -> io::Result<File> {
    let file = File::from(descriptor);
    let kind = file.metadata()?.file_type();
    if kind.is_file() || kind.is_dir() {
        return Err(rustix::io::Errno::PERM.into());
    }
    Ok(file)
}
