//! What a protocol acts on: something that sends bytes, and keeps what cannot be sent yet.
//!
//! A [protocol](crate::protocols) never sees a socket. It sees one of these, by `dyn`: so it
//! cannot tell TCP from a pipe, or from another protocol that encrypts what passes through it.

mod channel;
mod datagram;
mod file;
mod flow_control;
mod stream;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use crate::futures::Future as Promise;
use crate::protocols::{DatagramProtocol, Protocol};

pub(crate) use channel::Channel;
pub(crate) use datagram::{DatagramEndpoint, Name};
pub use file::{FilePart, SendfileOptions};
pub(crate) use file::{Sending, has_no_fallback, has_to_be_read};
pub(crate) use flow_control::FlowControl;
pub(crate) use stream::StreamTransport;

/// A connection, as its protocol sees it; or one end of a pipe. None of the calls waits.
///
/// It holds its protocol, and mostly the other way round, until the connection is lost. It lives
/// as long as it is not closed, even if nobody but the loop knows of it.
#[doc(alias("BaseTransport", "ReadTransport", "WriteTransport", "asyncio.Transport"))]
pub trait Transport: fmt::Debug {
    /// Sends the bytes, after all that was written before. What the socket does not take now is
    /// kept, and sent as it does. Once the connection is lost, this does nothing.
    ///
    /// # Panics
    ///
    /// Panics after [`write_eof`](Self::write_eof), and where nothing can be written.
    fn write(&self, data: &[u8]);

    /// Sends one after the other.
    ///
    /// # Panics
    ///
    /// As [`write`](Self::write).
    fn writelines(&self, pieces: &[&[u8]]) {
        self.write(&pieces.concat());
    }

    /// Sends what is written, and says that it was all; what comes is still received.
    ///
    /// # Panics
    ///
    /// Panics where that cannot be said.
    fn write_eof(&self);

    /// Has the kernel send part of a file, after what was written before; nothing may be written
    /// until that has ended. `None`: its bytes have to be read, and written, for each has to come
    /// by here. A program calls [`sendfile`](crate::EventLoop::sendfile), which does either.
    ///
    /// # Panics
    ///
    /// As [`write`](Self::write).
    #[doc(alias = "_sendfile_compatible")]
    fn send_file(&self, part: &FilePart) -> Option<Promise<io::Result<()>>> {
        let _ = part;
        None
    }

    /// Whether there is a [`write_eof`](Self::write_eof).
    fn can_write_eof(&self) -> bool;

    /// Receives no more, sends what is written, and then the connection is lost.
    fn close(&self);

    /// The connection is lost; what is not sent yet never will be.
    fn abort(&self);

    /// Whether it is closed, or about to be.
    fn is_closing(&self) -> bool;

    /// Receives no more for now: the peer will find that we do not take what it sends.
    fn pause_reading(&self);

    /// Receives again.
    fn resume_reading(&self);

    /// Whether it receives.
    fn is_reading(&self) -> bool;

    /// Has the protocol paused above `high` bytes, and resumed at `low` or below. Left out, they
    /// are 64 KiB, or four times `low`, and a quarter of `high`.
    ///
    /// # Panics
    ///
    /// Panics if `low` is more than `high`.
    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>);

    /// The low water, and the high.
    fn get_write_buffer_limits(&self) -> (usize, usize);

    /// How many bytes are written, and not sent yet.
    fn get_write_buffer_size(&self) -> usize;

    /// From now on, that one is told. It is not told that it is connected.
    fn set_protocol(&self, protocol: Rc<dyn Protocol>);

    /// Who is told. `None` once the connection is lost.
    fn get_protocol(&self) -> Option<Rc<dyn Protocol>>;

    /// Their end, if it has an address; also when they are gone.
    #[doc(alias = "get_extra_info")]
    fn peername(&self) -> Option<SocketAddr> {
        None
    }

    /// Our end, if it has an address.
    #[doc(alias = "get_extra_info")]
    fn sockname(&self) -> Option<SocketAddr> {
        None
    }

    /// What both ends have agreed on, if it encrypts; also when they are gone.
    #[cfg(feature = "tls")]
    #[doc(alias = "get_extra_info")]
    fn tls(&self) -> Option<&crate::tls::Agreed> {
        None
    }
}

/// A socket for datagrams, as its protocol sees it. Its addresses are of type `A`.
#[doc(alias = "asyncio.DatagramTransport")]
pub trait DatagramTransport<A = SocketAddr>: fmt::Debug {
    /// Sends a datagram to that address; `None` is whom the socket is connected to. What cannot
    /// be sent now is kept.
    ///
    /// # Panics
    ///
    /// Panics with an address where it is connected to another one, and without where it is not.
    fn sendto(&self, data: &[u8], address: Option<A>);

    /// Receives no more, sends what is left, and closes.
    fn close(&self);

    /// Closes at once.
    fn abort(&self);

    /// Whether it is closed, or about to be.
    fn is_closing(&self) -> bool;

    /// As [`Transport::set_write_buffer_limits`].
    ///
    /// # Panics
    ///
    /// Panics if `low` is more than `high`.
    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>);

    /// How many bytes are not sent yet.
    fn get_write_buffer_size(&self) -> usize;

    /// Who is told. `None` once it is closed.
    fn get_protocol(&self) -> Option<Rc<dyn DatagramProtocol<A>>>;

    /// Whom it is connected to, if it is.
    #[doc(alias = "get_extra_info")]
    fn peername(&self) -> Option<A>;

    /// Our end.
    #[doc(alias = "get_extra_info")]
    fn sockname(&self) -> Option<A>;
}
