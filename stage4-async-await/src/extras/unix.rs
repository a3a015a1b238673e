//! Sockets in the file system: the same streams, listeners and datagrams; a path in place of
//! address and port.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::{SocketAddr, UnixStream as StdStream};
use std::path::Path;
use std::task::Waker;

use reactor::Direction;
use reactor::trace::Place;

use crate::event_loop::current;
use crate::extras::datagram::DatagramSocket;
use crate::extras::incoming::Incoming;
use crate::extras::streams::{ReadHalf, WriteHalf};
use crate::net::{Side, TcpListener, TcpStream, retry};

/// A listening socket in the file system. Dropping it closes it; the file remains, and has to
/// be removed before anybody can bind to that path again.
#[derive(Debug)]
pub struct UnixListener(pub(crate) TcpListener);

impl UnixListener {
    /// Makes a socket at `path` on the running loop.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when there is a file of that name, even if nobody listens there any more.
    #[doc(alias = "start_unix_server")]
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        let inner = current().reactor.listen_unix(path)?;
        let accepts = Side::new(inner.key(), Direction::Read);
        Ok(Self(TcpListener { inner, accepts }))
    }

    /// The path that it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner.local_unix_addr()
    }

    /// Waits for a connection.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<UnixStream>> {
        retry(Place::here(), &self.0.accepts, || Ok(self.0.inner.accept()?.into()))
    }

    /// The connections that come, as a stream.
    #[track_caller]
    pub fn incoming(&mut self) -> Incoming<'_, UnixStream> {
        Incoming::of(&mut self.0)
    }
}

/// A connected socket in the file system. Dropping it closes it.
#[derive(Debug)]
pub struct UnixStream(pub(crate) TcpStream);

impl UnixStream {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`; `WouldBlock` when too many wait there to be accepted,
    /// which is no promise that anybody says when to try again.
    #[doc(alias = "open_unix_connection")]
    #[track_caller]
    pub fn connect(path: impl AsRef<Path>) -> impl Future<Output = io::Result<Self>> {
        let place = Place::here();
        async move {
            let Self(stream) = current().reactor.connect_unix(path)?.into();
            retry(place, &stream.writes, || stream.inner.connected()).await?;
            Ok(Self(stream))
        }
    }

    /// Two streams that are connected to each other.
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = StdStream::pair()?;
        let reactor = &current().reactor;
        Ok((reactor.adopt_unix(one)?.into(), reactor.adopt_unix(other)?.into()))
    }

    /// As [`TcpStream::read`].
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.0.read(buffer)
    }

    /// As [`TcpStream::read_exact`].
    #[track_caller]
    pub fn read_exact(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>> {
        self.0.read_exact(buffer)
    }

    /// As [`TcpStream::write`].
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.0.write(bytes)
    }

    /// As [`TcpStream::write_all`].
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.0.write_all(bytes)
    }

    /// Tells the peer that nothing more will be written.
    pub fn shutdown(&self) -> io::Result<()> {
        self.0.inner.shutdown(Shutdown::Write)
    }

    /// Our end: the path that was bound to, or no name at all at the end that has connected.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner.local_unix_addr()
    }

    /// Their end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.inner.peer_unix_addr()
    }

    /// Two halves, for two tasks.
    pub fn split(self) -> (ReadHalf, WriteHalf) {
        self.0.split()
    }
}

impl From<reactor::UnixStream<Waker>> for UnixStream {
    fn from(inner: reactor::UnixStream<Waker>) -> Self {
        Self(TcpStream::new(inner))
    }
}

/// A socket for datagrams in the file system.
pub type UnixDatagram = DatagramSocket<SocketAddr>;

impl UnixDatagram {
    /// Makes a socket at `path` on the running loop.
    ///
    /// # Errors
    ///
    /// As [`UnixListener::bind`].
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self::new(current().reactor.bind_unix(Some(path.as_ref()))?))
    }

    /// A socket without a name: it can send, and nobody can answer.
    pub fn unbound() -> io::Result<Self> {
        Ok(Self::new(current().reactor.bind_unix(None)?))
    }
}
