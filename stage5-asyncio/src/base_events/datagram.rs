//! Datagram endpoints: a socket for UDP, and a protocol that is told what arrives.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use reactor::trace::Place;

use super::Address;
use super::address::Purpose;
use crate::event_loop::EventLoop;
use crate::events::Ready;
use crate::protocols::DatagramProtocol;
use crate::tasks::within;
use crate::transports::{DatagramEndpoint, DatagramTransport, Name};

/// A socket for datagrams, as whoever opened it has it: how to act on it, and who is told.
pub type Endpoint<P, A = SocketAddr> = (Rc<dyn DatagramTransport<A>>, Rc<P>);

/// Datagrams.
impl EventLoop {
    /// Opens a socket for datagrams. It is bound to `local`, or to any port; and connected to
    /// `remote`, if there is one: then it only talks to that one.
    ///
    /// ```
    /// use stage5_asyncio::protocols::DatagramProtocol;
    /// use stage5_asyncio::transports::DatagramTransport;
    /// use stage5_asyncio::{get_running_loop, run};
    /// use std::cell::OnceCell;
    /// use std::net::SocketAddr;
    /// use std::rc::Rc;
    ///
    /// #[derive(Default)]
    /// struct Shout(OnceCell<Rc<dyn DatagramTransport>>);
    ///
    /// impl DatagramProtocol for Shout {
    ///     fn connection_made(&self, transport: Rc<dyn DatagramTransport>) {
    ///         let _ = self.0.set(transport);
    ///     }
    ///
    ///     fn datagram_received(&self, data: &[u8], sender: SocketAddr) {
    ///         let answer = data.to_ascii_uppercase();
    ///         self.0.get().expect("it is connected").sendto(&answer, Some(sender));
    ///     }
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(async {
    ///     let event_loop = get_running_loop();
    ///     let local = Some(("127.0.0.1", 0));
    ///     let (transport, _protocol) =
    ///         event_loop.create_datagram_endpoint(Shout::default, local, None::<&str>).await?;
    ///     assert!(transport.sockname().is_some());
    ///     Ok(())
    /// })?
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What the resolver answers, `bind` or `connect`; `Unsupported` on a backend that is
    /// invented.
    #[track_caller]
    pub fn create_datagram_endpoint<P: DatagramProtocol>(
        &self,
        factory: impl FnOnce() -> P,
        local: Option<impl Into<Address>>,
        remote: Option<impl Into<Address>>,
    ) -> impl Future<Output = io::Result<Endpoint<P>>> {
        let place = Place::here();
        within(place, self.open_datagram(place, factory, local, remote))
    }

    async fn open_datagram<P: DatagramProtocol>(
        &self,
        place: Place,
        factory: impl FnOnce() -> P,
        local: Option<impl Into<Address>>,
        remote: Option<impl Into<Address>>,
    ) -> io::Result<Endpoint<P>> {
        let remote = match remote {
            Some(remote) => Some(self.first_address(remote).await?),
            None => None,
        };
        let local = match local {
            Some(local) => self.first_address(local).await?,
            None if remote.is_some_and(|it| it.is_ipv6()) => ([0_u16; 8], 0).into(),
            None => ([0_u8; 4], 0).into(),
        };
        let socket = self.reactor().bind(local)?;
        self.begin_datagrams(place, socket, remote, factory).await
    }

    /// Connects the socket, if it is to be; makes a protocol, and waits until it has been told.
    pub(crate) async fn begin_datagrams<A: Name, P: DatagramProtocol<A>>(
        &self,
        place: Place,
        socket: reactor::DatagramSocket<Ready, A::Address>,
        remote: Option<A>,
        factory: impl FnOnce() -> P,
    ) -> io::Result<Endpoint<P, A>> {
        if let Some(remote) = &remote {
            socket.connect(&remote.address()?)?;
        }
        let protocol = Rc::new(factory());
        let told = self.create_future();
        let (tell, told_of) = (told.clone(), Rc::clone(&protocol) as _);
        let tell = move || {
            // Whoever waits may have gone.
            let _ = tell.set_result(());
        };
        let transport =
            DatagramEndpoint::begin(self, place, socket, remote, told_of, tell);
        told.await;
        Ok((transport, protocol))
    }

    async fn first_address(&self, name: impl Into<Address>) -> io::Result<SocketAddr> {
        let addresses = super::addresses(name, Purpose::Connect).await?;
        addresses.into_iter().next().ok_or_else(|| super::all_in_words(Vec::new()))
    }
}
