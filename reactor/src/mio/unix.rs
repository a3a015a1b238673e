//! Sockets in the file system, through mio.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
#[cfg(target_os = "linux")]
use std::os::fd::BorrowedFd;

use mio::net::{UnixDatagram, UnixListener, UnixStream};

use super::{BOTH, Registered};
use crate::backend::{Datagram, Listener, Stream, Token, UnixAddr};

impl Listener for Registered<UnixListener> {
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>> {
        let (stream, _) = self.source.accept()?;
        Ok(Registered::new(&self.registry, token, stream, BOTH)?)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        self.source.local_addr()
    }
}

impl Stream for Registered<UnixStream> {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.source).read(buffer)
    }

    fn is_emptied_by_a_short_read(&self) -> bool {
        true
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
        super::send_file(&self.source, file, offset, count)
    }

    /// There is no way between the two ends: it is established at once, or not at all.
    fn connected(&self) -> io::Result<()> {
        self.source.take_error()?.map_or(Ok(()), Err)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.source.shutdown(how)
    }

    fn local_unix_addr(&self) -> io::Result<UnixAddr> {
        self.source.local_addr()
    }

    fn peer_unix_addr(&self) -> io::Result<UnixAddr> {
        self.source.peer_addr()
    }
}

impl Datagram<UnixAddr> for Registered<UnixDatagram> {
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, UnixAddr)> {
        self.source.recv_from(buffer)
    }

    fn send_to(&self, bytes: &[u8], address: &UnixAddr) -> io::Result<usize> {
        self.source.send_to(bytes, path(address)?)
    }

    fn connect(&self, address: &UnixAddr) -> io::Result<()> {
        self.source.connect(path(address)?)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.send(bytes)
    }

    fn local_addr(&self) -> io::Result<UnixAddr> {
        self.source.local_addr()
    }
}

fn path(address: &UnixAddr) -> io::Result<&std::path::Path> {
    let message = "a socket without a name cannot be sent to";
    address
        .as_pathname()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, message))
}
