//! What a protocol acts on: a connection that keeps what cannot be sent yet, and tells whoever
//! produces it when that is too much. Twisted's `Transport`, with its producers and consumers.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use reactor::TimerId;
use reactor::trace::Uncalled;

use super::protocol::{ConnectionAborted, ConnectionDone, ConnectionLost, Protocol};
use crate::event_loop::{call_soon, current, once, try_current};
use crate::failure::{Failure, bury, guard, report};
use crate::net::{TcpStream, Waiting};

/// More than that is not joined for one write, in bytes: Twisted's `SEND_LIMIT`.
const CHUNK: usize = 128 * 1024;

/// From here on a producer is paused, in bytes: Twisted's `bufferSize`.
const HIGH: usize = 64 * 1024;

/// Somebody who has bytes for a transport, as fast as it takes them. Each call may come inside
/// a call to the transport.
///
/// ```
/// use stage1_callbacks::extras::transport::{Producer, Transport};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// /// A mebibyte of zeros: given to a transport, by
/// /// `transport.register_producer(Zeros::to(transport))`, as fast as the peer takes them.
/// struct Zeros {
///     to: Transport,
///     left: Cell<usize>,
///     is_paused: Cell<bool>,
/// }
///
/// impl Zeros {
///     fn to(to: &Transport) -> Rc<Self> {
///         Rc::new(Self { to: to.clone(), left: Cell::new(1 << 20), is_paused: Cell::new(false) })
///     }
/// }
///
/// impl Producer for Zeros {
///     fn resume_producing(&self) {
///         self.is_paused.set(false);
///         while !self.is_paused.get() && self.left.get() > 0 {
///             self.left.set(self.left.get() - 4096);
///             self.to.write([0; 4096]); // and in here it may be paused
///         }
///         if self.left.get() == 0 {
///             self.to.unregister_producer();
///         }
///     }
///
///     fn pause_producing(&self) {
///         self.is_paused.set(true);
///     }
///
///     fn stop_producing(&self) {
///         self.pause_producing();
///         self.left.set(0);
///     }
/// }
/// ```
pub trait Producer {
    /// Go on: one that streams, until it is paused; one that is pulled, once.
    fn resume_producing(&self);

    /// No more for now. (It does no harm to finish what you are at.)
    fn pause_producing(&self);

    /// Nobody takes any more.
    fn stop_producing(&self);
}

/// A connection, as its protocol sees it. Its clones are one connection, and keep nothing of
/// it: once that is lost, nothing they do does anything.
///
/// It is a [`Producer`] itself: register the transport of one connection with another, and
/// whoever sends there is held up by whoever does not read here.
///
/// ```
/// use stage1_callbacks::extras::connector::connect_tcp;
/// use stage1_callbacks::extras::listening::listen_tcp;
/// use stage1_callbacks::extras::protocol::{ConnectionDone, Protocol};
/// use stage1_callbacks::extras::transport::Transport;
/// use stage1_callbacks::{Failure, run, stop};
/// use std::time::Duration;
///
/// /// Says good day, and hangs up.
/// struct Host;
///
/// impl Protocol for Host {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write_sequence(["good ", "day"]);
///         transport.lose_connection(); // once that is sent
///         assert!(transport.disconnecting() && transport.unsent() == 8);
///     }
/// }
///
/// #[derive(Default)]
/// struct Guest(Vec<u8>);
///
/// impl Protocol for Guest {
///     fn data_received(&mut self, data: &[u8]) {
///         self.0.extend(data);
///     }
///
///     fn connection_lost(&mut self, reason: Failure) {
///         assert!(reason.is::<ConnectionDone>() && self.0 == b"good day");
///         stop();
///     }
/// }
///
/// # fn main() -> std::io::Result<()> {
/// run(|| {
///     let host = |_| Some(Box::new(Host) as Box<dyn Protocol>);
///     let guest = |_| Some(Box::new(Guest::default()) as Box<dyn Protocol>);
///     let port = listen_tcp(([127, 0, 0, 1], 0).into(), host)?;
///     connect_tcp(port.get_host(), guest, Duration::from_secs(5));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Clone)]
pub struct Transport {
    connection: Weak<Connection>,
    host: Option<SocketAddr>,
    peer: SocketAddr,
}

impl Transport {
    /// Sends the bytes, after all that was written before. What the socket does not take is
    /// kept. After [`lose_connection`](Self::lose_connection) it still may come in time; once
    /// we send no more, it is ignored.
    pub fn write(&self, bytes: impl Into<Vec<u8>>) {
        if let Some(connection) = self.connection.upgrade() {
            connection.write(bytes.into());
        }
    }

    /// Sends one after the other.
    #[doc(alias = "writeSequence")]
    pub fn write_sequence<B: Into<Vec<u8>>>(&self, pieces: impl IntoIterator<Item = B>) {
        pieces.into_iter().for_each(|piece| self.write(piece));
    }

    /// Reads no more, sends what is written, waits for its producer to unregister, and closes.
    #[doc(alias = "loseConnection")]
    pub fn lose_connection(&self) {
        self.act(|connection| {
            connection.is_disconnecting.set(true);
            connection.stop_reading();
            connection.finish_soon();
        });
    }

    /// Closes without sending what is left. (The system, and not this, says whether the peer
    /// sees a reset or an end.)
    #[doc(alias = "abortConnection")]
    pub fn abort_connection(&self) {
        self.act(|connection| {
            connection.stop_reading();
            connection.stop_writing();
            connection.is_aborting.set(true);
            connection.finish_soon();
        });
    }

    /// Sends what is written, and then no more; reads on.
    #[doc(alias = "loseWriteConnection")]
    pub fn lose_write_connection(&self) {
        self.act(|connection| {
            connection.ends_writing.set(true);
            connection.finish_soon();
        });
    }

    /// Has a producer told when to pause and when to go on. `unregister_producer` ends that.
    /// One that comes after the connection is told to stop.
    ///
    /// # Panics
    ///
    /// Panics when there is a producer already.
    #[doc(alias("registerProducer", "IPushProducer"))]
    pub fn register_producer(&self, producer: Rc<dyn Producer>) {
        self.register(producer, true);
    }

    /// Has a producer told whenever everything is sent: once now, and each time to give some
    /// more.
    ///
    /// # Panics
    ///
    /// Panics when there is a producer already.
    #[doc(alias("registerProducer", "IPullProducer"))]
    pub fn register_pull_producer(&self, producer: Rc<dyn Producer>) {
        self.register(Rc::clone(&producer), false);
        if self.connected() {
            producer.resume_producing();
        }
    }

    /// The producer has no more.
    #[doc(alias = "unregisterProducer")]
    pub fn unregister_producer(&self) {
        self.act(|connection| {
            let producer = connection.producer.take();
            bury(producer);
            connection.finish_soon();
        });
    }

    /// Has the producer paused from more than `high` bytes on, and resumed at `low` or less.
    /// At first that is 64 KiB, and none at all.
    ///
    /// # Panics
    ///
    /// Panics if `low` is more than `high`.
    #[doc(alias = "set_write_buffer_limits")]
    pub fn set_water(&self, high: usize, low: usize) {
        assert!(low <= high, "the low water is above the high");
        self.act(|connection| connection.water.set((high, low)));
    }

    /// How many bytes are written, and not sent yet.
    pub fn unsent(&self) -> usize {
        self.connection.upgrade().map_or(0, |connection| connection.unsent())
    }

    /// Whether the connection is there.
    pub fn connected(&self) -> bool {
        self.connection.upgrade().is_some_and(|connection| connection.is_open())
    }

    /// Whether somebody has closed it, and it is still there.
    pub fn disconnecting(&self) -> bool {
        let is_ending =
            |it: &Connection| it.is_disconnecting.get() || it.is_aborting.get();
        self.connection.upgrade().is_some_and(|it| it.is_open() && is_ending(&it))
    }

    /// Our end. `None` if it was gone before anybody could ask.
    #[doc(alias = "getHost")]
    pub fn get_host(&self) -> Option<SocketAddr> {
        self.host
    }

    /// Their end.
    #[doc(alias = "getPeer")]
    pub fn get_peer(&self) -> SocketAddr {
        self.peer
    }

    fn register(&self, producer: Rc<dyn Producer>, is_streaming: bool) {
        match self.connection.upgrade().filter(|it| it.is_open()) {
            None => producer.stop_producing(),
            Some(connection) => {
                let registered = Registered { producer, is_streaming, is_paused: false };
                let before = connection.producer.replace(Some(registered));
                assert!(
                    before.is_none(),
                    "there is a producer, who has not unregistered"
                );
            }
        }
    }

    /// Has the protocol called with nothing, in the next turn: it has something left to do.
    pub(super) fn call_again(&self) {
        let connection = Weak::clone(&self.connection);
        call_soon(move || {
            if let Some(connection) = connection.upgrade().filter(|it| it.is_open()) {
                connection.tell(|protocol| protocol.data_received(&[]));
            }
        });
    }

    fn act(&self, action: impl FnOnce(&Rc<Connection>)) {
        if let Some(connection) = self.connection.upgrade().filter(|it| it.is_open()) {
            action(&connection);
        }
    }
}

impl Producer for Transport {
    fn resume_producing(&self) {
        self.act(|connection| {
            connection.is_paused.set(false);
            connection.read();
        });
    }

    /// Reads no more for now: the peer will find that we do not take what it sends.
    fn pause_producing(&self) {
        self.act(|connection| {
            connection.is_paused.set(true);
            connection.stop_reading();
        });
    }

    fn stop_producing(&self) {
        self.lose_connection();
    }
}

/// A connection. The loop keeps it, by a timer that is never due, until it is lost.
pub(super) struct Connection {
    /// Gone once it is lost.
    stream: RefCell<Option<TcpStream>>,
    /// Taken for the length of a call; gone once it is lost.
    protocol: Cell<Option<Box<dyn Protocol>>>,
    /// Called after the protocol has heard that it is lost.
    lost: Cell<Option<Lost>>,
    kept_by: Cell<Option<TimerId>>,
    reading: RefCell<Option<Waiting>>,
    writing: RefCell<Option<Waiting>>,
    /// What is being written, in bytes.
    under_way: Cell<usize>,
    /// What is written after that, and how much it is.
    queue: RefCell<VecDeque<Vec<u8>>>,
    queued: Cell<usize>,
    producer: RefCell<Option<Registered>>,
    water: Cell<(usize, usize)>,
    is_paused: Cell<bool>,
    is_disconnecting: Cell<bool>,
    is_aborting: Cell<bool>,
    /// We are to send no more, and then we do not.
    ends_writing: Cell<bool>,
    has_ended_writing: Cell<bool>,
    /// The peer sends no more.
    has_ended_reading: Cell<bool>,
}

type Lost = Box<dyn FnOnce(Failure)>;

struct Registered {
    producer: Rc<dyn Producer>,
    is_streaming: bool,
    is_paused: bool,
}

impl Connection {
    /// Tells the protocol that there is a connection, and begins to read.
    pub(super) fn begin(
        stream: TcpStream,
        peer: SocketAddr,
        protocol: Box<dyn Protocol>,
        lost: impl FnOnce(Failure) + 'static,
    ) -> Transport {
        let host = stream.local_addr().ok();
        let own = Rc::new(Self {
            stream: RefCell::new(Some(stream)),
            protocol: Cell::new(Some(protocol)),
            lost: Cell::new(Some(Box::new(lost))),
            kept_by: Cell::default(),
            reading: RefCell::default(),
            writing: RefCell::default(),
            under_way: Cell::default(),
            queue: RefCell::default(),
            queued: Cell::default(),
            producer: RefCell::default(),
            water: Cell::new((HIGH, 0)),
            is_paused: Cell::default(),
            is_disconnecting: Cell::default(),
            is_aborting: Cell::default(),
            ends_writing: Cell::default(),
            has_ended_writing: Cell::default(),
            has_ended_reading: Cell::default(),
        });
        let kept = Rc::clone(&own);
        let never = once(Uncalled::default(), move || drop(kept));
        own.kept_by.set(Some(current().reactor.wait_until(None, never)));
        let transport = Transport { connection: Rc::downgrade(&own), host, peer };
        own.tell(|protocol| protocol.connection_made(&transport));
        own.read();
        transport
    }

    fn is_open(&self) -> bool {
        self.stream.borrow().is_some()
    }

    fn unsent(&self) -> usize {
        self.under_way.get() + self.queued.get()
    }

    /// Calls the protocol: nobody else does.
    fn tell(self: &Rc<Self>, what: impl FnOnce(&mut dyn Protocol)) {
        let Some(mut protocol) = self.protocol.take() else { return };
        let told = guard(|| what(&mut *protocol));
        self.protocol.set(Some(protocol));
        if let Err(panic) = told {
            report(format_args!("Unhandled error in a protocol: {panic}"));
            self.lose(panic);
        }
    }

    /// Leaves an operation on the stream, if there is one.
    fn operate(&self, begin: impl FnOnce(&TcpStream) -> Waiting) -> Option<Waiting> {
        let stream = self.stream.borrow().clone();
        stream.as_ref().map(begin)
    }

    fn read(self: &Rc<Self>) {
        let is_ending = self.is_disconnecting.get() || self.is_aborting.get();
        let is_reading = self.reading.borrow().is_some();
        if is_reading || is_ending || self.is_paused.get() || self.has_ended_reading.get()
        {
            return;
        }
        let own = Rc::downgrade(self);
        let reading = self.operate(|stream| {
            stream.read_then(move |result| {
                own.upgrade().iter().for_each(|own| own.has_read(&result));
            })
        });
        self.reading.replace(reading);
    }

    fn has_read(self: &Rc<Self>, result: &io::Result<Vec<u8>>) {
        self.reading.take();
        match result {
            Ok(bytes) if bytes.is_empty() => self.has_ended(),
            Ok(bytes) => {
                self.tell(|protocol| protocol.data_received(bytes));
                self.read();
            }
            Err(error) => self.lose(lost_by(error)),
        }
    }

    /// The peer sends no more.
    fn has_ended(self: &Rc<Self>) {
        self.has_ended_reading.set(true);
        if !self.is_half_closeable() || self.has_ended_writing.get() {
            return self.lose(ConnectionDone.into());
        }
        self.tell(Protocol::read_connection_lost);
    }

    fn is_half_closeable(self: &Rc<Self>) -> bool {
        let mut is_half_closeable = false;
        self.tell(|protocol| is_half_closeable = protocol.is_half_closeable());
        is_half_closeable
    }

    fn stop_reading(&self) {
        let reading = self.reading.take();
        reading.iter().for_each(Waiting::cancel);
    }

    fn stop_writing(&self) {
        let writing = self.writing.take();
        writing.iter().for_each(Waiting::cancel);
        self.queue.take();
        self.queued.set(0);
        self.under_way.set(0);
    }

    fn write(self: &Rc<Self>, bytes: Vec<u8>) {
        let is_over = self.has_ended_writing.get() || self.is_aborting.get();
        if bytes.is_empty() || is_over || !self.is_open() {
            return;
        }
        self.queued.set(self.queued.get() + bytes.len());
        self.queue.borrow_mut().push_back(bytes);
        self.send();
        if self.unsent() > self.water.get().0 {
            let paused = self.streaming(false);
            paused.iter().for_each(|producer| producer.pause_producing());
        }
    }

    /// Sends what is queued, unless something is being sent.
    fn send(self: &Rc<Self>) {
        if self.writing.borrow().is_some() || self.queued.get() == 0 {
            return;
        }
        let bytes = self.next_chunk();
        self.under_way.set(bytes.len());
        self.queued.set(self.queued.get() - bytes.len());
        let own = Rc::downgrade(self);
        let writing = self.operate(|stream| {
            stream.write_all_then(bytes, move |result| {
                own.upgrade().iter().for_each(|own| own.has_written(&result));
            })
        });
        self.writing.replace(writing);
    }

    fn next_chunk(&self) -> Vec<u8> {
        let mut queue = self.queue.borrow_mut();
        let mut bytes = queue.pop_front().unwrap_or_default();
        while let Some(more) = queue.front()
            && bytes.len() + more.len() <= CHUNK
        {
            bytes.extend_from_slice(more);
            queue.pop_front();
        }
        bytes
    }

    fn has_written(self: &Rc<Self>, result: &io::Result<()>) {
        self.writing.take();
        self.under_way.set(0);
        if let Err(error) = result {
            return self.lose(lost_by(error));
        }
        self.send();
        let goes_on = match self.unsent() {
            0 => self.pulled().or_else(|| self.streaming(true)),
            unsent if unsent <= self.water.get().1 => self.streaming(true),
            _ => None,
        };
        let told =
            guard(|| goes_on.iter().for_each(|producer| producer.resume_producing()));
        match told {
            Ok(()) => self.finish(),
            Err(panic) => {
                report(format_args!("Unhandled error in a producer: {panic}"));
                self.lose(panic);
            }
        }
    }

    /// The producer, if it streams and was not told so before.
    fn streaming(&self, goes_on: bool) -> Option<Rc<dyn Producer>> {
        let mut producer = self.producer.borrow_mut();
        let registered = producer.as_mut().filter(|it| it.is_streaming)?;
        let was_paused = mem::replace(&mut registered.is_paused, !goes_on);
        (was_paused == goes_on).then(|| Rc::clone(&registered.producer))
    }

    fn pulled(&self) -> Option<Rc<dyn Producer>> {
        let producer = self.producer.borrow();
        let registered = producer.as_ref().filter(|it| !it.is_streaming)?;
        Some(Rc::clone(&registered.producer))
    }

    fn finish_soon(self: &Rc<Self>) {
        let own = Rc::downgrade(self);
        call_soon(move || own.upgrade().iter().for_each(Self::finish));
    }

    /// Does what waited until everything was sent.
    fn finish(self: &Rc<Self>) {
        if self.is_aborting.get() {
            return self.lose(ConnectionAborted.into());
        }
        if self.unsent() > 0 || self.producer.borrow().is_some() {
            return;
        }
        if self.is_disconnecting.get() {
            self.lose(ConnectionDone.into());
        } else if self.ends_writing.get() && !self.has_ended_writing.replace(true) {
            self.end_writing();
        }
    }

    fn end_writing(self: &Rc<Self>) {
        let stream = self.stream.borrow().clone();
        let ended = stream.map_or(Ok(()), |stream| stream.shutdown());
        match ended {
            Err(error) => self.lose(lost_by(&error)),
            Ok(()) if self.has_ended_reading.get() => self.lose(ConnectionDone.into()),
            Ok(()) if self.is_half_closeable() => {
                self.tell(Protocol::write_connection_lost);
            }
            Ok(()) => {}
        }
    }

    /// Ends it, once.
    fn lose(&self, reason: Failure) {
        self.stop_reading();
        self.stop_writing();
        let stream = self.stream.take();
        if stream.is_none() {
            return;
        }
        drop(stream);
        if let Some(registered) = self.producer.take()
            && let Err(panic) = guard(|| registered.producer.stop_producing())
        {
            report(format_args!("Unhandled error in a producer: {panic}"));
        }
        if let Some(mut protocol) = self.protocol.take() {
            let told = guard(|| protocol.connection_lost(reason.clone()));
            if let Err(panic) = told {
                report(format_args!("Unhandled error in a protocol: {panic}"));
            }
            bury([protocol]);
        }
        self.lost.take().into_iter().for_each(|lost| lost(reason.clone()));
        let kept_by = self.kept_by.take().zip(try_current());
        bury(kept_by.and_then(|(timer, it)| it.reactor.cancel(timer)));
    }
}

/// At the end of its loop.
impl Drop for Connection {
    fn drop(&mut self) {
        self.lose(ConnectionLost(None).into());
    }
}

fn lost_by(error: &io::Error) -> Failure {
    let copy = || io::Error::new(error.kind(), error.to_string());
    let copy = error.raw_os_error().map_or_else(copy, io::Error::from_raw_os_error);
    ConnectionLost(Some(copy)).into()
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Transport");
        f.field("peer", &self.peer).field("connected", &self.connected()).finish()
    }
}
