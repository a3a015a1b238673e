//! What a socket answers at once: where its ends are. And how to close one half of it.

use std::io;
use std::net::{Shutdown, SocketAddr};

use crate::net::{TcpListener, TcpStream};

impl TcpListener {
    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl TcpStream {
    /// Tells the peer that nothing more will be written.
    #[doc(alias = "write_eof")]
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Our end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}
