//! Sockets by their options: those that listen, and those that connect from somewhere.

use std::io::{self, ErrorKind};
use std::net::{self, SocketAddr};

use log::Level;
use socket2::{Domain, Protocol, Socket, Type};

use super::address::Purpose;
use super::server::Listener;
use super::{Address, Bound, ServerOptions, addresses};
use crate::event_loop::EventLoop;
use crate::extras::report::tell;

impl EventLoop {
    /// Listens at all addresses that this machine has.
    pub(super) async fn listen(
        &self,
        options: ServerOptions,
        address: impl Into<Address>,
    ) -> io::Result<Vec<(Listener, Bound)>> {
        let addresses = addresses(address, Purpose::Listen).await?;
        let mut listening = Vec::new();
        for address in &addresses {
            match self.listen_at(options, *address) {
                Ok(listener) => {
                    let address = listener.local_addr()?;
                    listening.push((listener, Bound::Address(address)));
                }
                // bpo-30945: the family is known, and no interface has it.
                Err(error) if is_not_here(&error) => {
                    let error = in_words(*address, &error);
                    tell(Level::Warn, None, format_args!("{error}"));
                }
                Err(error) => return Err(in_words(*address, &error)),
            }
        }
        if listening.is_empty() {
            let message = format!("could not bind on any address out of {addresses:?}");
            return Err(io::Error::new(ErrorKind::AddrNotAvailable, message));
        }
        Ok(listening)
    }

    fn listen_at(
        &self,
        options: ServerOptions,
        address: SocketAddr,
    ) -> io::Result<Listener> {
        // An engine that is invented has no other sockets.
        let is_usual =
            ServerOptions { start_serving: true, ..options } == ServerOptions::default();
        let is_everything = address.is_ipv6() && address.ip().is_unspecified();
        if is_usual && !is_everything {
            return self.reactor().listen(address);
        }
        self.reactor().adopt_listener(listener(options, address)?)
    }
}

fn listener(options: ServerOptions, address: SocketAddr) -> io::Result<net::TcpListener> {
    let socket = socket(address)?;
    if options.reuse_address.unwrap_or(cfg!(unix)) {
        socket.set_reuse_address(true)?;
    }
    if options.reuse_port {
        share_port(&socket)?;
    }
    if options.keep_alive {
        // Whom it accepts inherits that.
        socket.set_keepalive(true)?;
    }
    if address.is_ipv6() {
        // Otherwise it takes IPv4 as well, and there is no place for the other socket.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    let most = i32::MAX;
    socket
        .listen(options.backlog.map_or(most, |it| i32::try_from(it).unwrap_or(most)))?;
    Ok(socket.into())
}

/// A socket that has begun to connect.
pub(super) fn connecting_from(
    local: SocketAddr,
    address: SocketAddr,
) -> io::Result<net::TcpStream> {
    if local.is_ipv4() != address.is_ipv4() {
        let message = format!("no way from {local} to {address}: the families differ");
        return Err(io::Error::new(ErrorKind::AddrNotAvailable, message));
    }
    let socket = socket(address)?;
    socket.set_nonblocking(true)?;
    socket.bind(&local.into()).map_err(|error| in_words(local, &error))?;
    match socket.connect(&address.into()) {
        Err(error) if !is_under_way(&error) => Err(error),
        _ => Ok(socket.into()),
    }
}

fn socket(address: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))
}

#[cfg(unix)]
fn share_port(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(unix))]
fn share_port(_: &Socket) -> io::Result<()> {
    let message = "reuse_port is not supported by this platform";
    Err(io::Error::new(ErrorKind::Unsupported, message))
}

pub(crate) fn is_under_way(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) {
        return true;
    }
    error.kind() == ErrorKind::WouldBlock
}

/// Whether this machine has no such address, or no such family.
fn is_not_here(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) {
        return true;
    }
    error.kind() == ErrorKind::AddrNotAvailable
}

fn in_words(address: SocketAddr, error: &io::Error) -> io::Error {
    let message = format!("error while attempting to bind on address {address}: {error}");
    io::Error::new(error.kind(), message)
}
