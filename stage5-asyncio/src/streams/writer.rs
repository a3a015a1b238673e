//! The half of a stream that is written, and the protocol under both halves.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

#[cfg(feature = "tls")]
use reactor::trace::Place;

use super::StreamReader;
use super::reader::{Fed, again};
#[cfg(feature = "tls")]
use crate::events::get_running_loop;
use crate::locks::Event;
use crate::protocols::Protocol;
use crate::time::sleep;
#[cfg(feature = "tls")]
use crate::tls::{Tls, Upgrade};
use crate::transports::Transport;

/// What is written to a connection, or to a pipe. Dropped, it closes that, when all is sent.
#[doc(alias = "asyncio.StreamWriter")]
pub struct StreamWriter {
    transport: Rc<dyn Transport>,
    protocol: Rc<StreamReaderProtocol>,
}

impl StreamWriter {
    /// One for a transport whose protocol that is.
    pub(crate) fn new(
        transport: Rc<dyn Transport>,
        protocol: Rc<StreamReaderProtocol>,
    ) -> Self {
        Self { transport, protocol }
    }

    /// Sends the bytes, now or as the peer takes them: it does not wait. Whoever writes a lot
    /// awaits [`drain`](Self::drain) in between, or keeps it all in memory.
    ///
    /// # Panics
    ///
    /// Panics after [`write_eof`](Self::write_eof).
    pub fn write(&self, data: &[u8]) {
        self.transport.write(data);
    }

    /// Sends one after the other.
    ///
    /// # Panics
    ///
    /// As [`write`](Self::write).
    pub fn writelines<B: AsRef<[u8]>>(&self, lines: impl IntoIterator<Item = B>) {
        let lines: Vec<_> = lines.into_iter().collect();
        let lines: Vec<_> = lines.iter().map(AsRef::as_ref).collect();
        self.transport.writelines(&lines);
    }

    /// Waits until there is room, if too much is written that the peer has not taken: above the
    /// transport's high water, until its low. Otherwise it does not wait at all.
    ///
    /// # Errors
    ///
    /// What broke the connection; `ConnectionReset` once it is closed.
    #[track_caller]
    pub fn drain(&self) -> impl Future<Output = io::Result<()>> {
        let has_room = self.protocol.can_write.wait();
        async {
            self.protocol.fed.check()?;
            if self.transport.is_closing() {
                // What closed it may be told in this turn: a loop of writes is to hear of it.
                sleep(Duration::ZERO).await;
            }
            self.protocol.expect_connected()?;
            if self.protocol.is_paused.get() {
                has_room.await;
                self.protocol.check()?;
            }
            Ok(())
        }
    }

    /// Sends what is written, and says that it was all. The peer's answer can still be read.
    pub fn write_eof(&self) {
        self.transport.write_eof();
    }

    /// Whether there is a [`write_eof`](Self::write_eof).
    pub fn can_write_eof(&self) -> bool {
        self.transport.can_write_eof()
    }

    /// Sends what is written, and closes, in both directions. It does not wait:
    /// [`wait_closed`](Self::wait_closed) does.
    pub fn close(&self) {
        self.transport.close();
    }

    /// Whether it is closed, or about to be.
    pub fn is_closing(&self) -> bool {
        self.transport.is_closing()
    }

    /// Waits until the connection is gone: so, after [`close`](Self::close), all is sent.
    ///
    /// # Errors
    ///
    /// What broke the connection.
    #[track_caller]
    pub fn wait_closed(&self) -> impl Future<Output = io::Result<()>> {
        let closed = self.protocol.closed.wait();
        async {
            closed.await;
            self.protocol.check()
        }
    }

    /// Encrypts the connection from here on, for both halves. What is written before is sent as it
    /// is; what has arrived and was not read yet is taken for the beginning of TLS, and never for
    /// something that the peer has said in secret.
    ///
    /// # Errors
    ///
    /// What broke the connection; as [`EventLoop::start_tls`](crate::EventLoop::start_tls).
    #[cfg(feature = "tls")]
    #[track_caller]
    pub fn start_tls(&mut self, tls: Tls) -> impl Future<Output = io::Result<()>> {
        let place = Place::here();
        async move {
            self.drain().await?;
            let (below, above) = (Rc::clone(&self.transport), Rc::clone(&self.protocol));
            let (fed, early) = (Rc::clone(&above.fed), above.fed.take_all());
            let upgrade = Upgrade { below, above, early };
            let begun = |transport: Rc<dyn Transport>| {
                self.transport = Rc::clone(&transport);
                fed.set_transport(transport);
            };
            get_running_loop().start_tls_at(place, tls, upgrade, begun).await?;
            Ok(())
        }
    }

    /// Their end, if it has an address.
    #[doc(alias = "get_extra_info")]
    pub fn peername(&self) -> Option<SocketAddr> {
        self.transport.peername()
    }

    /// Our end, if it has an address.
    #[doc(alias = "get_extra_info")]
    pub fn sockname(&self) -> Option<SocketAddr> {
        self.transport.sockname()
    }

    /// What it writes to.
    pub fn transport(&self) -> &Rc<dyn Transport> {
        &self.transport
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        self.transport.close();
    }
}

/// What turns calls into streams: it feeds a reader, and has writers wait.
#[doc(alias = "FlowControlMixin")]
pub(crate) struct StreamReaderProtocol {
    own: Weak<Self>,
    fed: Rc<Fed>,
    /// Called with the two halves, once it is connected.
    connected: Cell<Option<Box<ClientConnected>>>,
    is_paused: Cell<bool>,
    /// Set but for the time between `pause_writing` and `resume_writing`.
    can_write: Event,
    is_lost: Cell<bool>,
    /// Why.
    reason: RefCell<Option<io::Error>>,
    /// Set when it is lost.
    closed: Event,
}

type ClientConnected = dyn FnOnce(StreamReader, StreamWriter);

impl StreamReaderProtocol {
    /// One that feeds `reader`, and calls `connected` with the halves.
    pub(crate) fn new(
        reader: &StreamReader,
        connected: Option<Box<ClientConnected>>,
    ) -> Rc<Self> {
        Rc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            fed: Rc::clone(&reader.0),
            connected: Cell::new(connected),
            is_paused: Cell::default(),
            can_write: Event::new(),
            is_lost: Cell::default(),
            reason: RefCell::default(),
            closed: Event::new(),
        })
    }

    fn expect_connected(&self) -> io::Result<()> {
        if self.is_lost.get() {
            let message = "Connection lost";
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, message));
        }
        Ok(())
    }

    /// Fails as the connection did.
    fn check(&self) -> io::Result<()> {
        self.reason.borrow().as_ref().map_or(Ok(()), |reason| Err(again(reason)))
    }
}

impl Protocol for StreamReaderProtocol {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.fed.set_transport(Rc::clone(&transport));
        if let (Some(connected), Some(own)) = (self.connected.take(), self.own.upgrade())
        {
            let reader = StreamReader(Rc::clone(&self.fed));
            connected(reader, StreamWriter::new(transport, own));
        }
    }

    fn data_received(&self, data: &[u8]) {
        self.fed.feed_data(data);
    }

    fn eof_received(&self) -> bool {
        self.fed.feed_eof();
        // What cannot end one direction alone ends both.
        self.fed.can_write_eof()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        match &reason {
            Some(reason) => self.fed.fail(again(reason)),
            None => self.fed.feed_eof(),
        }
        self.reason.replace(reason);
        self.is_lost.set(true);
        self.can_write.set();
        self.closed.set();
    }

    fn pause_writing(&self) {
        self.is_paused.set(true);
        self.can_write.clear();
    }

    fn resume_writing(&self) {
        self.is_paused.set(false);
        self.can_write.set();
    }
}

impl fmt::Debug for StreamWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamWriter").field(&self.transport).finish()
    }
}
