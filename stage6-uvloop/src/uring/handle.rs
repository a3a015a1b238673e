//! What the reactor holds of a socket: its name in the engine, and the descriptor.

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;

use reactor::backend::{Datagram, Listener, Stream, Token, UnixAddr, Watched};
use socket2::{SockAddr, Socket};

use super::engine::{self, Engine};
use super::stream;

/// A stream or a listener: the ring makes the calls.
pub(super) struct Handle {
    name: Name,
    descriptor: Rc<Socket>,
}

/// Something that is tried by calls of ours: the ring says when.
pub(super) struct Tried<S> {
    _name: Name,
    source: Rc<S>,
}

/// A pipe, to be read from.
#[derive(Debug)]
pub(super) struct ReadEnd(pub(super) Tried<File>);

/// A pipe, to be written to.
#[derive(Debug)]
pub(super) struct WriteEnd(pub(super) Tried<File>);

/// A file: the ring makes the calls, also that which opens it.
#[derive(Debug)]
pub(super) struct FileHandle(Name);

/// Dropping it closes what it names.
struct Name {
    engine: Rc<RefCell<Engine>>,
    token: Token,
}

impl Handle {
    pub(super) fn new(
        engine: &Rc<RefCell<Engine>>,
        token: Token,
        descriptor: Rc<Socket>,
    ) -> Self {
        Self { name: Name { engine: Rc::clone(engine), token }, descriptor }
    }
}

impl FileHandle {
    pub(super) fn new(engine: &Rc<RefCell<Engine>>, token: Token) -> Self {
        Self(Name { engine: Rc::clone(engine), token })
    }
}

impl<S> Tried<S> {
    pub(super) fn new(engine: &Rc<RefCell<Engine>>, token: Token, source: Rc<S>) -> Self {
        Self { _name: Name { engine: Rc::clone(engine), token }, source }
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        self.engine.borrow_mut().close(self.token);
    }
}

impl Listener for Handle {
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>> {
        let Name { engine, token: ours } = &self.name;
        let mut borrowed = engine.borrow_mut();
        let descriptor = Rc::new(Socket::from(borrowed.accept(*ours)?));
        let stream = stream::Stream::connected(token, &descriptor);
        borrowed.open(token, engine::Socket::Stream(Box::new(stream)));
        Ok(Box::new(Self::new(engine, token, descriptor)))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.descriptor.local_addr()?)
    }

    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        file(&self.descriptor.local_addr()?)
    }
}

impl Stream for Handle {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Name { engine, token } = &self.name;
        engine.borrow_mut().read(*token, buffer)
    }

    fn is_emptied_by_a_short_read(&self) -> bool {
        let Name { engine, token } = &self.name;
        engine.borrow_mut().is_emptied(*token)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Name { engine, token } = &self.name;
        engine.borrow_mut().write(*token, bytes)
    }

    fn connected(&self) -> io::Result<()> {
        let Name { engine, token } = &self.name;
        engine.borrow_mut().is_connected(*token)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let Name { engine, token } = &self.name;
        engine.borrow_mut().shutdown(*token, how)
    }

    fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        self.descriptor.set_tcp_nodelay(at_once)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(self.descriptor.local_addr()?)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(self.descriptor.peer_addr()?)
    }

    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        file(&self.descriptor.local_addr()?)
    }

    fn peer_unix_addr(&self) -> io::Result<UnixAddr> {
        file(&self.descriptor.peer_addr()?)
    }
}

/// A socket in the file system has no such address.
fn internet(address: SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// Nor has any other socket an address in the file system.
fn file(address: &SockAddr) -> io::Result<UnixAddr> {
    address.as_unix().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl Stream for FileHandle {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.engine.borrow_mut().read(self.0.token, buffer)
    }
}

impl Stream for ReadEnd {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self.0.source).read(buffer)
    }
}

impl Stream for WriteEnd {
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0.source).write(bytes)
    }
}

impl Datagram for Tried<UdpSocket> {
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.recv_from(buffer)
    }

    fn send_to(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.source.send_to(bytes, address)
    }

    fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        self.source.connect(address)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.send(bytes)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.local_addr()
    }
}

impl Datagram<UnixAddr> for Tried<UnixDatagram> {
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, UnixAddr)> {
        self.source.recv_from(buffer)
    }

    fn send_to(&self, bytes: &[u8], address: &UnixAddr) -> io::Result<usize> {
        named(address)?;
        self.source.send_to_addr(bytes, address)
    }

    fn connect(&self, address: &UnixAddr) -> io::Result<()> {
        named(address)?;
        self.source.connect_addr(address)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.send(bytes)
    }

    fn local_addr(&self) -> io::Result<UnixAddr> {
        self.source.local_addr()
    }
}

fn named(address: &UnixAddr) -> io::Result<()> {
    let message = "a socket without a name cannot be sent to";
    if address.is_unnamed() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(())
}

impl Watched for Tried<File> {}

impl AsFd for Tried<File> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Name").field(&self.token).finish()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.descriptor).finish()
    }
}

impl<S: fmt::Debug> fmt::Debug for Tried<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tried").field(&self.source).finish()
    }
}
