//! Where to connect to, or to listen: an address, or a name that has some.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

/// Where to connect to, or to listen. Whatever looks like one is made one: `("example.org", 80)`,
/// `"example.org:80"`, a [`SocketAddr`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address: nobody has to be asked.
    Socket(SocketAddr),
    /// A name, and a port. Without a name, it is all interfaces of this machine.
    Host(String, u16),
    /// Both in one, as std takes it.
    Text(String),
}

impl Address {
    /// Asks the resolver, which blocks.
    pub(crate) fn resolve(self) -> io::Result<Vec<SocketAddr>> {
        let found = match self {
            Self::Socket(address) => return Ok(vec![address]),
            Self::Host(host, port) => (host, port).to_socket_addrs(),
            Self::Text(text) => text.to_socket_addrs(),
        };
        Ok(found?.collect())
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Socket(address)
    }
}

impl From<(IpAddr, u16)> for Address {
    fn from(address: (IpAddr, u16)) -> Self {
        Self::Socket(address.into())
    }
}

impl From<([u8; 4], u16)> for Address {
    fn from(address: ([u8; 4], u16)) -> Self {
        Self::Socket(address.into())
    }
}

impl From<(&str, u16)> for Address {
    fn from((host, port): (&str, u16)) -> Self {
        match host.parse::<IpAddr>() {
            Ok(address) => (address, port).into(),
            Err(_) => Self::Host(host.to_owned(), port),
        }
    }
}

impl From<(String, u16)> for Address {
    fn from((host, port): (String, u16)) -> Self {
        (&*host, port).into()
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Socket)
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        (&*text).into()
    }
}

/// Has the families alternate, after `first` addresses of the family that comes first.
#[doc(alias = "_interleave_addrinfos")]
pub(crate) fn interleave(addresses: Vec<SocketAddr>, first: usize) -> Vec<SocketAddr> {
    let Some(leader) = addresses.first().map(SocketAddr::is_ipv6) else {
        return addresses;
    };
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|it| it.is_ipv6() == leader);
    let mut mixed: Vec<_> = one.drain(..one.len().min(first.saturating_sub(1))).collect();
    while !one.is_empty() || !other.is_empty() {
        mixed.extend(one.pop_front());
        mixed.extend(other.pop_front());
    }
    mixed
}
