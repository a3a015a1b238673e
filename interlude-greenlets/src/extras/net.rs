//! What else can be done with a socket, and known about it.

use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};

use crate::net::{TcpListener, TcpStream};

impl TcpListener {
    /// The address it is bound to.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl TcpStream {
    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer broke off before.
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Our end.
    ///
    /// # Errors
    ///
    /// What the system answers.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    ///
    /// # Errors
    ///
    /// `NotConnected` when the peer is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
