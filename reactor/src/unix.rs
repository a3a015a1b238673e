//! Sockets in the file system: to a reactor, streams, listeners and datagrams like any other.

use std::io;
use std::net::Shutdown;

use crate::backend::UnixAddr;
use crate::datagram::DatagramSocket;
use crate::net::{TcpListener, TcpStream};
use crate::waiting::Key;

/// A socket for datagrams in the file system. To send, an address needs a path.
pub type UnixDatagram<T> = DatagramSocket<T, UnixAddr>;

/// A listening socket in the file system. Dropping it closes it, and drops who waited on it;
/// the file remains.
#[derive(Debug)]
pub struct UnixListener<T>(pub(crate) TcpListener<T>);

impl<T> UnixListener<T> {
    /// What to wait for.
    pub fn key(&self) -> Key {
        self.0.key()
    }

    /// Takes a connection that has arrived.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::accept`].
    pub fn accept(&self) -> io::Result<UnixStream<T>> {
        self.0.accept().map(UnixStream)
    }
}

/// A connected socket in the file system. Dropping it closes it, and drops who waited on it.
#[derive(Debug)]
pub struct UnixStream<T>(pub(crate) TcpStream<T>);

impl<T> UnixStream<T> {
    /// What to wait for.
    pub fn key(&self) -> Key {
        self.0.key()
    }

    /// Takes what has arrived; zero bytes mean that the peer is done.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::read`].
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    /// Hands over what fits, which may be less than all of it.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::write`].
    pub fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    /// How [`Reactor::connect_unix`](crate::Reactor::connect_unix) ended.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::connected`].
    pub fn connected(&self) -> io::Result<()> {
        self.0.connected()
    }

    /// Closes one direction or both.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }
}
