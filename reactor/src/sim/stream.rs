//! What the program holds: streams and listeners that can be tried.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;

use super::network::Network;
use super::socket::End;
use crate::backend::{Listener, Stream, Token};

/// One end of a simulated connection.
pub(super) struct SimStream {
    pub(super) network: Rc<RefCell<Network>>,
    pub(super) end: End,
}

impl Stream for SimStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.network.borrow_mut().read(self.end, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.network.borrow_mut().write(self.end, bytes)
    }

    fn connected(&self) -> io::Result<()> {
        self.network.borrow_mut().connected(self.end)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match how {
            Shutdown::Write => self.network.borrow_mut().finish(self.end),
            Shutdown::Read | Shutdown::Both => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.network.borrow_mut().local_addr(self.end))
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.network.borrow_mut().peer_addr(self.end))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.network.borrow_mut().close(self.end);
    }
}

/// A simulated listening socket.
pub(super) struct SimListener {
    pub(super) network: Rc<RefCell<Network>>,
    pub(super) address: SocketAddr,
}

impl Listener for SimListener {
    fn accept(&self, token: Token) -> io::Result<Box<dyn Stream>> {
        let end = self.network.borrow_mut().accept(self.address, token)?;
        Ok(Box::new(SimStream { network: Rc::clone(&self.network), end }))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        self.network.borrow_mut().close_listener(self.address);
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimStream").field(&self.end).finish()
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimListener").field(&self.address).finish()
    }
}
