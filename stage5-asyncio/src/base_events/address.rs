//! Where to connect to, or to listen: an address, or a name that has some.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};

/// Where to connect to, or to listen. Whatever looks like one is made one: `("example.org", 80)`,
/// `"example.org:80"`, a [`SocketAddr`], a port alone (`8080_u16`), or several of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address: nobody has to be asked.
    Socket(SocketAddr),
    /// A name, and a port.
    Host(String, u16),
    /// Both in one, as std takes it.
    Text(String),
    /// A port alone: to listen, at all interfaces of this machine, by both families; to connect,
    /// this machine. asyncio's `host=None`; also an empty name beside a port: `("", 8080)`.
    Any(u16),
    /// One after the other: to listen, all of them; to connect, one.
    Several(Vec<Self>),
}

impl Address {
    /// Whether nobody has to be asked.
    pub(crate) fn is_known(&self) -> bool {
        match self {
            Self::Socket(_) | Self::Any(_) => true,
            Self::Host(..) | Self::Text(_) => false,
            Self::Several(all) => all.iter().all(Self::is_known),
        }
    }

    /// Asks the resolver, which blocks, unless they [are known](Self::is_known). Of several, none
    /// comes twice.
    pub(crate) fn resolve(self, purpose: Purpose) -> io::Result<Vec<SocketAddr>> {
        Ok(match self {
            Self::Socket(address) => vec![address],
            Self::Host(host, port) => (host, port).to_socket_addrs()?.collect(),
            Self::Text(text) => text.to_socket_addrs()?.collect(),
            Self::Any(port) => purpose.interfaces().map(|it| (it, port).into()).to_vec(),
            Self::Several(all) => {
                let mut found = Vec::new();
                for address in all {
                    for address in address.resolve(purpose)? {
                        if !found.contains(&address) {
                            found.push(address);
                        }
                    }
                }
                found
            }
        })
    }
}

/// What an address is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    Connect,
    #[doc(alias = "AI_PASSIVE")]
    Listen,
}

impl Purpose {
    /// What no name stands for.
    fn interfaces(self) -> [IpAddr; 2] {
        match self {
            Self::Connect => [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            Self::Listen => [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        }
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
            Err(_) if host.is_empty() => Self::Any(port),
            Err(_) => Self::Host(host.to_owned(), port),
        }
    }
}

impl From<u16> for Address {
    fn from(port: u16) -> Self {
        Self::Any(port)
    }
}

impl<A: Into<Self>> From<Vec<A>> for Address {
    fn from(all: Vec<A>) -> Self {
        Self::Several(all.into_iter().map(Into::into).collect())
    }
}

impl<A: Into<Self>, const N: usize> From<[A; N]> for Address {
    fn from(all: [A; N]) -> Self {
        Self::from(Vec::from(all))
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
