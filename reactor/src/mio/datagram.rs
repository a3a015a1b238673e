//! UDP, through mio.

use std::io;
use std::net::SocketAddr;

use mio::net::UdpSocket;

use super::Registered;
use crate::backend::Datagram;

impl Datagram for Registered<UdpSocket> {
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.source.recv_from(buffer)
    }

    fn send_to(&self, bytes: &[u8], address: &SocketAddr) -> io::Result<usize> {
        self.source.send_to(bytes, *address)
    }

    fn connect(&self, address: &SocketAddr) -> io::Result<()> {
        self.source.connect(*address)
    }

    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.source.send(bytes)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.source.local_addr()
    }
}
