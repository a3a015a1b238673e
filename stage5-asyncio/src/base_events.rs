//! Connections and servers: from an address to a protocol that is told.

mod address;
mod datagram;
mod sendfile;
mod server;
mod sockets;

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::Direction;
use reactor::trace::Place;

use crate::event_loop::EventLoop;
use crate::events::Ready;
use crate::net::{Side, retry_at};
use crate::protocols::Protocol;
use crate::staggered::staggered_race;
use crate::tasks::within;
use crate::threads::to_thread;
use crate::transports::{Channel, StreamTransport, Transport};

pub use address::Address;
use address::Purpose;
pub use datagram::Endpoint;
pub(crate) use server::{Bound, Clients};
pub use server::{Server, ServerOptions};
use sockets::connecting_from;
#[cfg(unix)]
pub(crate) use sockets::is_under_way;

/// A connection, as whoever opened it has it: how to act on it, and who is told.
pub type Connected<P> = (Rc<dyn Transport>, Rc<P>);

/// How to connect where a name has several addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConnectOptions {
    /// An attempt that takes longer does not keep the next one from beginning; the first that
    /// is through wins, and the others are given up (RFC 8305, "Happy Eyeballs"). `None`: one
    /// after the other, as they fail. A quarter of a second is usual.
    pub happy_eyeballs_delay: Option<Duration>,
    /// How many addresses of the first family are tried before one of the other; then they
    /// alternate. `None`: one, with a delay; without, the order is the resolver's.
    pub interleave: Option<usize>,
    /// From where to connect: one of this machine's addresses, and a port or 0 for any. Addresses
    /// of the other family are no good then. On a backend that is invented, that is `Unsupported`.
    pub local_addr: Option<SocketAddr>,
}

/// Connections and servers.
impl EventLoop {
    /// Asks for the addresses of a name; on a thread, for that may take its time. Whatever is an
    /// address already asks nobody.
    ///
    /// # Errors
    ///
    /// What the resolver answers.
    #[doc(alias = "loop.getaddrinfo")]
    #[track_caller]
    pub fn getaddrinfo(
        &self,
        name: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Vec<SocketAddr>>> {
        within(Place::here(), addresses(name, Purpose::Connect))
    }

    /// Connects to `address`, and has a protocol told what happens to the connection: it has
    /// been told that it is connected when this returns.
    ///
    /// # Errors
    ///
    /// What the resolver answers, or `connect`; of several addresses, what the first one's did,
    /// and all in words.
    #[track_caller]
    pub fn create_connection<P: Protocol>(
        &self,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        let options = ConnectOptions::default();
        self.create_connection_at(Place::here(), options, factory, address)
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`create_connection`](Self::create_connection).
    #[track_caller]
    pub fn create_connection_with<P: Protocol>(
        &self,
        options: ConnectOptions,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        self.create_connection_at(Place::here(), options, factory, address)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn create_connection_at<P: Protocol>(
        &self,
        place: Place,
        options: ConnectOptions,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        within(place, async move {
            let addresses = addresses(address, Purpose::Connect).await?;
            let stream = self.connect(place, options, addresses).await?;
            self.begin(place, Channel::Socket(stream), factory).await
        })
    }

    /// Has a protocol told what happens to a connection that is there already.
    ///
    /// # Errors
    ///
    /// What the registration answers; `Unsupported` on a backend that is invented.
    #[track_caller]
    pub fn connect_accepted_socket<P: Protocol>(
        &self,
        factory: impl FnOnce() -> P,
        socket: std::net::TcpStream,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        let place = Place::here();
        within(place, async move {
            let stream = self.reactor().adopt_stream(socket)?;
            self.begin(place, Channel::Socket(stream), factory).await
        })
    }

    /// Makes a protocol for the channel, and waits until it has been told.
    pub(crate) async fn begin<P: Protocol>(
        &self,
        place: Place,
        channel: Channel,
        factory: impl FnOnce() -> P,
    ) -> io::Result<Connected<P>> {
        /// Whoever gives up has no connection.
        struct Begun(Option<Rc<StreamTransport>>);
        impl Drop for Begun {
            fn drop(&mut self) {
                self.0.iter().for_each(|it| it.close());
            }
        }
        let (protocol, waiter) = (Rc::new(factory()), self.create_future());
        let told = Rc::clone(&protocol) as Rc<dyn Protocol>;
        let begun = StreamTransport::begin(
            self,
            place,
            channel,
            told,
            None,
            Some(waiter.clone()),
        );
        let mut begun = Begun(Some(begun));
        waiter.await;
        let transport = begun.0.take().expect("only this takes it");
        Ok((transport, protocol))
    }

    /// Connects to one of the addresses.
    async fn connect(
        &self,
        place: Place,
        options: ConnectOptions,
        addresses: Vec<SocketAddr>,
    ) -> io::Result<reactor::TcpStream<Ready>> {
        let ConnectOptions { happy_eyeballs_delay: delay, interleave, local_addr } =
            options;
        let first = interleave.or(delay.and(Some(1)));
        let addresses = match first {
            Some(first) => address::interleave(addresses, first),
            None => addresses,
        };
        let attempts = addresses.into_iter().map(|address| {
            let event_loop = self.clone();
            move || async move { event_loop.connect_one(place, local_addr, address).await }
        });
        staggered_race(attempts, delay).await.map_err(all_in_words)
    }

    async fn connect_one(
        &self,
        place: Place,
        local: Option<SocketAddr>,
        address: SocketAddr,
    ) -> io::Result<reactor::TcpStream<Ready>> {
        let stream = match local {
            None => self.reactor().connect(address)?,
            Some(local) => {
                self.reactor().adopt_stream(connecting_from(local, address)?)?
            }
        };
        let side = Side::new(stream.key(), Direction::Write);
        retry_at(place, &side, || stream.connected()).await?;
        Ok(stream)
    }
}

/// The addresses of a name; they are asked for on a thread, for that may take its time.
async fn addresses(
    name: impl Into<Address>,
    purpose: Purpose,
) -> io::Result<Vec<SocketAddr>> {
    let name = name.into();
    if name.is_known() {
        return name.resolve(purpose);
    }
    to_thread(move || name.resolve(purpose)).await
}

/// One error for several.
fn all_in_words(mut errors: Vec<io::Error>) -> io::Error {
    let words: Vec<_> = errors.iter().map(ToString::to_string).collect();
    match errors.len() {
        0 => io::Error::new(io::ErrorKind::NotFound, "the name has no address"),
        1 => errors.remove(0),
        _ if words.iter().all(|it| *it == words[0]) => errors.remove(0),
        _ => io::Error::new(
            errors[0].kind(),
            format!("Multiple exceptions: {}", words.join(", ")),
        ),
    }
}
