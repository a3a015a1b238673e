//! What carries the bytes of a transport: a socket, or one end of a pipe.

use std::fs::File;
use std::io;
use std::net::{Shutdown, SocketAddr};

use reactor::Key;

use crate::events::Ready;

/// What carries the bytes.
#[derive(Debug)]
pub(crate) enum Channel {
    /// TCP, or a socket in the file system.
    Socket(reactor::TcpStream<Ready>),
    #[cfg(unix)]
    ReadPipe(reactor::Pipe<Ready>),
    #[cfg(unix)]
    WritePipe(reactor::Pipe<Ready>),
}

impl Channel {
    pub(super) fn key(&self) -> Key {
        match self {
            Self::Socket(stream) => stream.key(),
            #[cfg(unix)]
            Self::ReadPipe(pipe) | Self::WritePipe(pipe) => pipe.key(),
        }
    }

    /// Their end, and ours, where there are such names. A few bytes are not to wait for more.
    pub(super) fn open(&self) -> (Option<SocketAddr>, Option<SocketAddr>) {
        match self {
            Self::Socket(stream) => {
                // Where nothing can be set, nothing waits.
                let _ = stream.set_nodelay(true);
                (stream.peer_addr().ok(), stream.local_addr().ok())
            }
            #[cfg(unix)]
            _ => (None, None),
        }
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::ReadPipe(pipe) | Self::WritePipe(pipe) => pipe.read(buffer),
        }
    }

    pub(super) fn write(&self, data: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.write(data),
            #[cfg(unix)]
            Self::ReadPipe(pipe) | Self::WritePipe(pipe) => pipe.write(data),
        }
    }

    /// Has the kernel send part of a file.
    #[cfg(unix)]
    pub(super) fn send_file(
        &self,
        file: &File,
        from: u64,
        most: usize,
    ) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.send_file(file, from, most),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    #[cfg(not(unix))]
    pub(super) fn send_file(&self, _: &File, _: u64, _: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Says that it was all. A pipe says so by being closed.
    pub(super) fn shut_down(&self) {
        if let Self::Socket(stream) = self {
            // If the peer broke off, that is told when it is read.
            let _ = stream.shutdown(Shutdown::Write);
        }
    }

    /// Whether its two directions can be apart.
    pub(super) fn is_a_socket(&self) -> bool {
        matches!(self, Self::Socket(_))
    }

    pub(super) fn can_read(&self) -> bool {
        #[cfg(unix)]
        return !matches!(self, Self::WritePipe(_));
        #[cfg(not(unix))]
        true
    }

    pub(super) fn can_write(&self) -> bool {
        #[cfg(unix)]
        return !matches!(self, Self::ReadPipe(_));
        #[cfg(not(unix))]
        true
    }
}
