//! What a connection means: an object that is told what happens to it, and who makes one for
//! each. Twisted's `Protocol` and `Factory`, which asyncio took over.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use super::connector::Connector;
use super::transport::Transport;
use crate::failure::Failure;

/// What is done with one connection. Nothing here is called inside another call of the same
/// protocol: what you do to the transport shows later. A call that panics is reported, and
/// ends the connection with that.
///
/// ```
/// use stage1_callbacks::extras::listening::listen_tcp;
/// use stage1_callbacks::extras::protocol::Protocol;
/// use stage1_callbacks::extras::transport::Transport;
/// use stage1_callbacks::failure::Failure;
/// # use reactor::{backend, sim::{Event, Link, Peer, Sim, Weather}};
/// # use std::net::SocketAddr;
///
/// #[derive(Default)]
/// struct Echo(Option<Transport>);
///
/// impl Protocol for Echo {
///     fn connection_made(&mut self, transport: &Transport) {
///         self.0 = Some(transport.clone());
///     }
///
///     fn data_received(&mut self, data: &[u8]) {
///         self.0.as_ref().expect("it is connected").write(data);
///     }
///
///     fn connection_lost(&mut self, _reason: Failure) {
///         # stage1_callbacks::stop();
///         // and it is dropped
///     }
/// }
///
/// # struct Client;
/// # impl Peer for Client {
/// #     fn on(&mut self, event: Event, link: &mut Link<'_>) {
/// #         match event {
/// #             Event::Connected => link.send(b"hello"),
/// #             Event::Readable => {
/// #                 assert_eq!(link.read(10), b"hello");
/// #                 link.close();
/// #             }
/// #             _ => {}
/// #         }
/// #     }
/// # }
/// # let address: SocketAddr = ([10, 0, 0, 1], 7).into();
/// # let sim = Sim::new(1, Weather::calm());
/// # sim.connect_peer(std::time::Duration::from_millis(1), address, Box::new(Client));
/// # backend::scope(sim, || stage1_callbacks::run(|| {
/// listen_tcp(address, |_peer| Some(Box::new(Echo::default()) as Box<dyn Protocol>))?;
/// # Ok(())
/// # })).unwrap();
/// ```
pub trait Protocol: 'static {
    /// The connection is there, and this is how to act on it.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Some bytes have arrived. Where one message ends and the next begins is for you to see.
    fn data_received(&mut self, data: &[u8]) {
        let _ = data;
    }

    /// The connection is gone, for this reason: [`ConnectionDone`], [`ConnectionLost`],
    /// [`ConnectionAborted`], or the panic of a call. It is the last call, and made once.
    fn connection_lost(&mut self, reason: Failure) {
        drop(reason);
    }

    /// Whether one half of the connection may be closed without the other: Twisted's
    /// `IHalfCloseableProtocol`. If not, it is over when the peer sends no more.
    fn is_half_closeable(&self) -> bool {
        false
    }

    /// The peer sends no more; only told to one that is half-closeable. The connection is over
    /// when we send no more, either.
    fn read_connection_lost(&mut self) {}

    /// What we had to send is sent, and we send no more; only told to one that is
    /// half-closeable.
    fn write_connection_lost(&mut self) {}
}

/// Makes a protocol for each connection. A function does, too.
pub trait Factory: 'static {
    /// Who takes this connection. `None` refuses it: it is closed.
    fn build_protocol(&mut self, peer: SocketAddr) -> Option<Box<dyn Protocol>>;
}

/// A factory that hears what becomes of the attempts to connect: for one connection after the
/// other, if it likes.
pub trait ClientFactory: Factory {
    /// An attempt begins.
    fn started_connecting(&mut self, connector: &Connector) {
        let _ = connector;
    }

    /// There will be no connection: an [`io::Error`], [`Elapsed`](crate::time::Elapsed) or
    /// [`UserError`](super::connector::UserError) says why. To try again, tell the connector
    /// to [`connect`](Connector::connect).
    fn client_connection_failed(&mut self, connector: &Connector, reason: Failure) {
        let _ = (connector, reason);
    }

    /// The connection is gone; its protocol has heard of it. To have another one, tell the
    /// connector to [`connect`](Connector::connect).
    fn client_connection_lost(&mut self, connector: &Connector, reason: Failure) {
        let _ = (connector, reason);
    }
}

impl<F: FnMut(SocketAddr) -> Option<Box<dyn Protocol>> + 'static> Factory for F {
    fn build_protocol(&mut self, peer: SocketAddr) -> Option<Box<dyn Protocol>> {
        self(peer)
    }
}

impl<F: FnMut(SocketAddr) -> Option<Box<dyn Protocol>> + 'static> ClientFactory for F {}

/// The connection was closed cleanly, by us or by the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionDone;

/// The connection broke, or its loop ended.
#[derive(Debug)]
pub struct ConnectionLost(pub Option<io::Error>);

/// We broke the connection off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionAborted;

impl fmt::Display for ConnectionDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was closed cleanly")
    }
}

impl fmt::Display for ConnectionLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(error) => write!(f, "the connection broke: {error}"),
            None => f.write_str("the loop of the connection has ended"),
        }
    }
}

impl fmt::Display for ConnectionAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection was broken off")
    }
}

impl Error for ConnectionDone {}
impl Error for ConnectionAborted {}

impl Error for ConnectionLost {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_ref().map(|error| error as _)
    }
}
