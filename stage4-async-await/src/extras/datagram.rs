//! Datagrams: whole messages, each from somebody, and no promise that they arrive.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use reactor::Direction;
use reactor::trace::Place;

use crate::event_loop::current;
use crate::net::{Side, retry};

/// A socket for UDP.
///
/// A server that answers whoever asks:
///
/// ```
/// use stage4_async_await::extras::datagram::UdpSocket;
/// use stage4_async_await::time::timeout;
/// use stage4_async_await::{run, spawn};
/// use std::io;
/// use std::time::Duration;
///
/// async fn serve(socket: UdpSocket) -> io::Result<()> {
///     let mut buffer = [0; 1500];
///     loop {
///         let (n, sender) = socket.recv_from(&mut buffer).await?;
///         socket.send_to(&buffer[..n].to_ascii_uppercase(), &sender).await?;
///     }
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// run(async {
///     let server = UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
///     let address = server.local_addr()?;
///     drop(spawn(serve(server)));
///
///     let client = UdpSocket::bind(([127, 0, 0, 1], 0).into())?;
///     client.connect(&address)?;
///     client.send(b"hello").await?;
///     let mut buffer = [0; 16];
///     // An answer that is lost would never come.
///     let n = timeout(Duration::from_secs(5), client.recv(&mut buffer)).await??;
///     assert_eq!(&buffer[..n], b"HELLO");
///     Ok(())
/// })?
/// # }
/// ```
#[doc(alias = "create_datagram_endpoint")]
pub type UdpSocket = DatagramSocket<SocketAddr>;

/// A socket for datagrams, from and to addresses of type `A`. Dropping it closes it.
#[doc(alias = "DatagramTransport")]
pub struct DatagramSocket<A> {
    inner: reactor::DatagramSocket<Waker, A>,
    reads: Side,
    writes: Side,
}

impl UdpSocket {
    /// Binds to `address` on the running loop; port 0 is any.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(current().reactor.bind(address)?))
    }
}

impl<A> DatagramSocket<A> {
    pub(crate) fn new(inner: reactor::DatagramSocket<Waker, A>) -> Self {
        let [reads, writes] =
            [Direction::Read, Direction::Write].map(|it| Side::new(inner.key(), it));
        Self { inner, reads, writes }
    }

    /// Waits for a datagram, and says who sent it. What does not fit into `buffer` is lost.
    #[doc(alias("datagram_received", "sock_recvfrom"))]
    #[track_caller]
    pub fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, A)>> {
        retry(Place::here(), &self.reads, || self.inner.recv_from(buffer))
    }

    /// The same, for whoever knows who sends.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` when what was sent to the other end has found nobody.
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        retry(Place::here(), &self.reads, || Ok(self.inner.recv_from(buffer)?.0))
    }

    /// Sends a datagram to `address`, all of it or nothing.
    #[doc(alias("sendto", "sock_sendto"))]
    #[track_caller]
    pub fn send_to(
        &self,
        bytes: &[u8],
        address: &A,
    ) -> impl Future<Output = io::Result<usize>> {
        retry(Place::here(), &self.writes, || self.inner.send_to(bytes, address))
    }

    /// Makes `address` the other end: whatever comes from elsewhere is not let in any more.
    pub fn connect(&self, address: &A) -> io::Result<()> {
        self.inner.connect(address)
    }

    /// Sends a datagram to the other end, all of it or nothing.
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        retry(Place::here(), &self.writes, || self.inner.send(bytes))
    }

    /// Our end.
    pub fn local_addr(&self) -> io::Result<A> {
        self.inner.local_addr()
    }
}

impl<A> fmt::Debug for DatagramSocket<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
