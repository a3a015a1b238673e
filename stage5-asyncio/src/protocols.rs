//! What a connection means: an object that is told what happens to it.
//!
//! PEP 3156 took it over from Twisted: a protocol is what you write, a
//! [transport](crate::transports) is what you are given. Nobody waits here, so there is no task
//! for a connection: whatever has to be remembered between two calls, the object remembers.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::transports::{DatagramTransport, Transport};

/// What is done with one connection, or with a pipe.
///
/// The calls are, in this order: [`connection_made`](Self::connection_made) once;
/// [`data_received`](Self::data_received) any number of times;
/// [`eof_received`](Self::eof_received) once at most; [`connection_lost`](Self::connection_lost)
/// once. A call that panics is told to the loop's exception handler, and ends the connection.
///
/// An echo server:
///
/// ```
/// use stage5_asyncio::protocols::Protocol;
/// use stage5_asyncio::transports::Transport;
/// use stage5_asyncio::{get_running_loop, run, streams::open_connection};
/// use std::cell::OnceCell;
/// use std::rc::Rc;
///
/// #[derive(Default)]
/// struct Echo(OnceCell<Rc<dyn Transport>>);
///
/// impl Protocol for Echo {
///     fn connection_made(&self, transport: Rc<dyn Transport>) {
///         let _ = self.0.set(transport);
///     }
///
///     fn data_received(&self, data: &[u8]) {
///         self.0.get().expect("it is connected").write(data);
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let server = get_running_loop().create_server(Echo::default, ("127.0.0.1", 0)).await?;
///     // For a server alone, that would be `server.serve_forever().await`.
///     let (mut reader, writer) = open_connection(server.sockets()[0]).await?;
///     writer.write(b"hello\n");
///     assert_eq!(reader.readline().await?, b"hello\n");
///     Ok(())
/// })?
/// # }
/// ```
#[doc(alias("BaseProtocol", "asyncio.Protocol"))]
pub trait Protocol: 'static {
    /// The connection is there, and this is how to act on it.
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        drop(transport);
    }

    /// Some bytes have arrived. Where one message ends and the next begins is for you to see.
    fn data_received(&self, data: &[u8]) {
        let _ = data;
    }

    /// The peer sends no more. `true` leaves our own direction open until you close it; `false`
    /// closes the transport. A transport whose two directions cannot be apart closes either way.
    fn eof_received(&self) -> bool {
        false
    }

    /// The connection is gone. The last call, and made once, in a turn of its own. Without a
    /// reason, it has ended well, or you [aborted](Transport::abort) it.
    fn connection_lost(&self, reason: Option<io::Error>) {
        drop(reason);
    }

    /// More is written than the peer takes: the buffer is above its high water. Called inside
    /// your `write`, and once until [`resume_writing`](Self::resume_writing) is.
    fn pause_writing(&self) {}

    /// The buffer is at its low water, or below.
    fn resume_writing(&self) {}

    /// Whether it has a buffer of its own to read into: `Some(self)`. Asked as it gets its
    /// transport; then [`data_received`](Self::data_received) is not called.
    #[doc(alias = "BufferedProtocol")]
    fn buffered(&self) -> Option<&dyn BufferedProtocol> {
        None
    }

    /// The server that this is a client of [closes its clients]: that is to close the transport.
    /// A protocol that is a transport for another one has something to say before.
    ///
    /// [closes its clients]: crate::base_events::Server::close_clients
    fn server_closes(&self, transport: &dyn Transport) {
        transport.close();
    }
}

/// A protocol that says where to read into, so that nothing has to be copied.
///
/// Instead of [`data_received`](Protocol::data_received), the calls are
/// [`get_buffer`](Self::get_buffer) and [`buffer_updated`](Self::buffer_updated), in turn. In
/// Python the buffer is shared meanwhile; here it is given away, and given back.
///
/// ```
/// use stage5_asyncio::protocols::{BufferedProtocol, Protocol};
/// use std::cell::{Cell, RefCell};
///
/// /// Keeps the first kilobyte, in one buffer from beginning to end.
/// #[derive(Default)]
/// struct First {
///     buffer: Cell<Vec<u8>>,
///     received: RefCell<Vec<u8>>,
/// }
///
/// impl Protocol for First {
///     fn buffered(&self) -> Option<&dyn BufferedProtocol> {
///         Some(self)
///     }
/// }
///
/// impl BufferedProtocol for First {
///     fn get_buffer(&self, _: usize) -> Vec<u8> {
///         let mut buffer = self.buffer.take();
///         buffer.resize(1024, 0);
///         buffer
///     }
///
///     fn buffer_updated(&self, buffer: Vec<u8>, n: usize) {
///         let mut received = self.received.borrow_mut();
///         let n = n.min(1024 - received.len());
///         received.extend(&buffer[..n]);
///         drop(received);
///         self.buffer.set(buffer);
///     }
/// }
/// ```
#[doc(alias = "asyncio.BufferedProtocol")]
pub trait BufferedProtocol: Protocol {
    /// A buffer to be read into, from its beginning. `sizehint` is how much would be good, or 0
    /// if nobody knows; but any length will do, except none.
    fn get_buffer(&self, sizehint: usize) -> Vec<u8>;

    /// The buffer is back, and its first `n` bytes have arrived; none, if there was nothing to
    /// read in the end.
    fn buffer_updated(&self, buffer: Vec<u8>, n: usize);
}

/// What is done with datagrams, from and to addresses of type `A`: of the internet, or paths in the
/// file system.
#[doc(alias = "asyncio.DatagramProtocol")]
pub trait DatagramProtocol<A = SocketAddr>: 'static {
    /// The socket is there, and this is how to act on it.
    fn connection_made(&self, transport: Rc<dyn DatagramTransport<A>>) {
        drop(transport);
    }

    /// A datagram has arrived.
    fn datagram_received(&self, data: &[u8], sender: A) {
        let _ = (data, sender);
    }

    /// Something went wrong that does not end it: an earlier datagram has found nobody, say.
    fn error_received(&self, error: io::Error) {
        drop(error);
    }

    /// The socket is gone. The last call, and made once.
    fn connection_lost(&self, reason: Option<io::Error>) {
        drop(reason);
    }

    /// More is written than the network takes.
    fn pause_writing(&self) {}

    /// It takes more now.
    fn resume_writing(&self) {}
}

/// To share a protocol is to be one: a factory may give one that is known elsewhere, too.
impl<P: Protocol + ?Sized> Protocol for Rc<P> {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        (**self).connection_made(transport);
    }

    fn data_received(&self, data: &[u8]) {
        (**self).data_received(data);
    }

    fn eof_received(&self) -> bool {
        (**self).eof_received()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        (**self).connection_lost(reason);
    }

    fn pause_writing(&self) {
        (**self).pause_writing();
    }

    fn resume_writing(&self) {
        (**self).resume_writing();
    }

    fn buffered(&self) -> Option<&dyn BufferedProtocol> {
        (**self).buffered()
    }

    fn server_closes(&self, transport: &dyn Transport) {
        (**self).server_closes(transport);
    }
}
