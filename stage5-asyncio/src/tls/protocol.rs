//! What lies between: a protocol for the transport below, and a transport for the protocol above.
//!
//! All that is difficult is in the [session](super::Session), and knows nothing of loops. This
//! here only carries: what the transport below has received to the session, what that says to
//! the protocol above, and the other way round; and it has an eye on the clock, for a peer may
//! stop in the middle.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use log::Level;

use super::{Session, Tls, TlsTransport};
use crate::debug;
use crate::event_loop::{EventLoop, Inner};
use crate::events::TimerHandle;
use crate::extras::report::{bury, guard, report_panic, tell, text_of};
use crate::futures::Future as Promise;
use crate::protocols::Protocol;
use crate::streams::again;
use crate::transports::Transport;

/// How much is encrypted before it is handed down, in bytes: four records.
const PIECE: usize = 64 * 1024;

/// A protocol that decrypts. The transport below keeps it, until that is lost.
#[doc(alias = "SSLProtocol")]
pub(crate) struct TlsProtocol {
    own: Weak<Self>,
    event_loop: Weak<Inner>,
    session: RefCell<Session>,
    state: Cell<State>,
    handshake_timeout: Duration,
    shutdown_timeout: Duration,
    /// The protocol above. Gone once the connection is lost.
    above: RefCell<Option<Rc<dyn Protocol>>>,
    /// What the protocol above is given.
    upper: Rc<TlsTransport>,
    /// The transport below. Filled by `connection_made`; gone once it is lost.
    below: RefCell<Option<Rc<dyn Transport>>>,
    /// Whether the protocol above has been told that it is connected.
    is_told: Cell<bool>,
    /// What is decrypted, and is for the protocol above, as soon as it does not pause.
    heard: Cell<Vec<u8>>,
    is_paused: Cell<bool>,
    /// The protocol above has been told that the peer sends no more.
    has_ended: Cell<bool>,
    /// We are to send no more. Set by `write_eof`.
    ends: Cell<bool>,
    /// Aborts a handshake, or an end, that takes too long.
    alarm: RefCell<Option<TimerHandle>>,
    /// Why it is lost, if the transport below cannot know.
    reason: RefCell<Option<io::Error>>,
    /// Set at the end of the handshake.
    waiter: RefCell<Option<Promise<io::Result<()>>>>,
}

#[doc(alias = "SSLProtocolState")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is below yet.
    Unwrapped,
    Handshaking,
    /// The two can talk.
    Wrapped,
    /// We have closed, and said so. What still comes is thrown away, up to the peer's last word.
    Closing,
    Lost,
}

impl TlsProtocol {
    /// One between `above` and whatever it is going to be told of. `waiter` is set at the end of
    /// the handshake.
    pub(super) fn new(
        event_loop: &EventLoop,
        tls: &Tls,
        session: Session,
        above: Rc<dyn Protocol>,
        waiter: Option<Promise<io::Result<()>>>,
    ) -> Rc<Self> {
        Rc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            event_loop: Rc::downgrade(&event_loop.0),
            session: RefCell::new(session),
            state: Cell::new(State::Unwrapped),
            handshake_timeout: tls.handshake_timeout,
            shutdown_timeout: tls.shutdown_timeout,
            above: RefCell::new(Some(above)),
            upper: TlsTransport::new(Weak::clone(own)),
            below: RefCell::default(),
            is_told: Cell::default(),
            heard: Cell::default(),
            is_paused: Cell::default(),
            has_ended: Cell::default(),
            ends: Cell::default(),
            alarm: RefCell::default(),
            reason: RefCell::default(),
            waiter: RefCell::new(waiter),
        })
    }

    /// What the protocol above acts on.
    pub(super) fn transport(&self) -> Rc<TlsTransport> {
        Rc::clone(&self.upper)
    }

    /// The protocol above has been told that it is connected, by the transport below.
    pub(super) fn above_is_told(&self) {
        self.is_told.set(true);
    }

    fn begin(&self) {
        self.state.set(State::Handshaking);
        self.set_alarm(self.handshake_timeout, "SSL handshake is taking longer than");
        // Whoever is the client has something to say.
        self.send_outgoing();
    }

    /// Bytes from below.
    fn receive(&self, bytes: &[u8]) {
        if self.state.get() == State::Lost {
            return;
        }
        let mut heard = self.heard.take();
        let received = self.session.borrow_mut().receive(bytes, &mut heard);
        self.heard.set(heard);
        // If it was wrong, the peer is told that, too.
        self.send_outgoing();
        self.complete_handshake();
        self.deliver();
        if let Err(error) = received {
            self.fail(error);
        }
    }

    fn complete_handshake(&self) {
        if self.state.get() != State::Handshaking {
            return;
        }
        let Some(agreed) = self.session.borrow().agreed() else { return };
        self.state.set(State::Wrapped);
        self.clear_alarm();
        self.upper.set_agreed(agreed);
        let transport = Rc::clone(&self.upper) as Rc<dyn Transport>;
        if !self.is_told.replace(true)
            && let Some(above) = self.above()
        {
            above.connection_made(transport);
        }
        self.wake_waiter(Ok(()));
    }

    /// Tells the protocol above what is decrypted; and the end, if that was the last.
    fn deliver(&self) {
        if self.state.get() == State::Closing {
            drop(self.heard.take());
            self.close_below_if_both_are_done();
        }
        if self.state.get() != State::Wrapped || self.is_paused.get() {
            return;
        }
        let (heard, above) = (self.heard.take(), self.above());
        if let Some(above) = above.filter(|_| !heard.is_empty()) {
            self.tell(&*above, heard);
        }
        // It may have paused, or closed.
        let is_over = self.session.borrow().has_ended() && !self.is_paused.get();
        if is_over && self.state.get() == State::Wrapped && !self.has_ended.replace(true)
        {
            let keeps_open = self.above().is_some_and(|above| above.eof_received());
            if !keeps_open {
                self.close();
            }
        }
    }

    /// Tells the protocol above; one that has buffers of its own, buffer by buffer.
    #[doc(alias = "_feed_data_to_buffered_proto")]
    fn tell(&self, above: &dyn Protocol, mut heard: Vec<u8>) {
        let Some(buffered) = above.buffered() else {
            return above.data_received(&heard);
        };
        while !heard.is_empty() && self.state.get() == State::Wrapped {
            if self.is_paused.get() {
                return self.heard.set(heard);
            }
            let mut buffer = buffered.get_buffer(heard.len());
            assert!(!buffer.is_empty(), "get_buffer() returned an empty buffer");
            let n = buffer.len().min(heard.len());
            buffer[..n].copy_from_slice(&heard[..n]);
            heard.drain(..n);
            buffered.buffer_updated(buffer, n);
        }
    }

    /// Hands down what the session has to say.
    fn send_outgoing(&self) {
        let bytes = self.session.borrow_mut().take_outgoing();
        let below = self.below().filter(|_| !bytes.is_empty());
        below.iter().for_each(|below| below.write(&bytes));
    }

    /// The connection is lost, for that reason.
    #[doc(alias = "_fatal_error")]
    fn fail(&self, reason: io::Error) {
        if self.state.get() == State::Handshaking && debug::is_on() {
            tell(Level::Debug, None, format_args!("SSL handshake failed: {reason}"));
        }
        if self.state.get() != State::Lost {
            self.reason.borrow_mut().get_or_insert(reason);
            self.abort();
        }
    }

    fn close_below_if_both_are_done(&self) {
        let is_done = self.session.borrow().has_ended();
        let below = self.below().filter(|_| is_done);
        below.iter().for_each(|below| below.close());
    }

    fn wake_waiter(&self, how: io::Result<()>) {
        if let Some(waiter) = self.waiter.take() {
            // Whoever waits may have gone.
            let _ = waiter.set_result(how);
        }
    }

    /// Our last word.
    fn say_that_it_ends(&self) {
        self.session.borrow_mut().send_end();
        self.send_outgoing();
    }

    /// Has the connection aborted when that much time has passed.
    fn set_alarm(&self, after: Duration, what: &'static str) {
        let own = Weak::clone(&self.own);
        let ring = move || {
            let text = format!("{what} {after:?}: aborting the connection");
            let Some(own) = own.upgrade() else { return };
            own.fail(io::Error::new(io::ErrorKind::TimedOut, text));
        };
        match self.event_loop() {
            Some(event_loop) => {
                self.alarm.replace(Some(event_loop.call_later(after, ring)));
            }
            // There are no more turns in which the peer could answer.
            None => self.abort(),
        }
    }

    fn clear_alarm(&self) {
        let alarm = self.alarm.take();
        alarm.iter().for_each(TimerHandle::cancel);
    }

    fn above(&self) -> Option<Rc<dyn Protocol>> {
        self.above.borrow().clone()
    }

    pub(super) fn below(&self) -> Option<Rc<dyn Transport>> {
        self.below.borrow().clone()
    }

    /// The loop, unless it is closed.
    fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop).filter(|it| !it.is_closed())
    }
}

/// What the transport above is made of.
impl TlsProtocol {
    pub(super) fn write(&self, data: &[u8]) {
        assert!(!self.ends.get(), "nothing can be written after write_eof()");
        for piece in data.chunks(PIECE) {
            // The protocol above is told to pause inside of this, and may close.
            if self.is_closing() {
                return;
            }
            self.session.borrow_mut().send(piece);
            self.send_outgoing();
        }
    }

    pub(super) fn write_eof(&self) {
        if !self.is_closing() && !self.ends.replace(true) {
            self.say_that_it_ends();
        }
    }

    pub(super) fn close(&self) {
        match self.state.get() {
            State::Unwrapped | State::Handshaking => self.abort(),
            State::Wrapped => {
                self.state.set(State::Closing);
                self.say_that_it_ends();
                self.set_alarm(self.shutdown_timeout, "SSL shutdown timed out after");
                // The peer's last word is still to come.
                self.below().iter().for_each(|below| below.resume_reading());
                self.close_below_if_both_are_done();
            }
            State::Closing | State::Lost => {}
        }
    }

    pub(super) fn abort(&self) {
        self.below().iter().for_each(|below| below.abort());
    }

    pub(super) fn is_closing(&self) -> bool {
        let is_closed_below = || self.below().is_some_and(|below| below.is_closing());
        matches!(self.state.get(), State::Closing | State::Lost) || is_closed_below()
    }

    pub(super) fn pause_reading(&self) {
        if self.is_reading() {
            self.is_paused.set(true);
            self.below().iter().for_each(|below| below.pause_reading());
        }
    }

    /// What is decrypted already comes first, in the next turn.
    pub(super) fn resume_reading(&self) {
        let own = self.own.upgrade().filter(|_| self.is_paused.replace(false));
        let (Some(own), Some(event_loop)) = (own, self.event_loop()) else { return };
        event_loop.call_soon(move || {
            if let Err(panic) = guard(|| own.deliver()) {
                report_panic(
                    "Fatal error: protocol.data_received() call failed",
                    &*panic,
                );
                own.fail(io::Error::other(text_of(&*panic).to_owned()));
            }
            if !own.is_paused.get() {
                own.below().iter().for_each(|below| below.resume_reading());
            }
        });
    }

    pub(super) fn is_reading(&self) -> bool {
        !self.is_closing() && !self.is_paused.get() && !self.has_ended.get()
    }

    pub(super) fn set_protocol(&self, protocol: Rc<dyn Protocol>) {
        if self.state.get() != State::Lost {
            let before = self.above.replace(Some(protocol));
            bury(before);
        }
    }

    pub(super) fn get_protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.above()
    }
}

impl Protocol for TlsProtocol {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.upper.set_names(transport.peername(), transport.sockname());
        self.below.replace(Some(transport));
        self.begin();
    }

    fn data_received(&self, data: &[u8]) {
        self.receive(data);
    }

    /// The transport below has come to its end. If the peer has not said before that it is done,
    /// anybody may have cut the wire.
    fn eof_received(&self) -> bool {
        match self.state.get() {
            State::Handshaking => {
                let text = "the peer closed in the middle of the TLS handshake";
                self.fail(io::Error::new(io::ErrorKind::ConnectionReset, text));
            }
            State::Wrapped if self.session.borrow().has_ended() => return true,
            State::Wrapped => {
                self.fail(io::Error::new(io::ErrorKind::UnexpectedEof, CUT));
            }
            State::Unwrapped | State::Closing | State::Lost => {}
        }
        false
    }

    /// What it says last is still to be sent.
    fn server_closes(&self, _: &dyn Transport) {
        self.close();
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.state.set(State::Lost);
        self.clear_alarm();
        let reason = self.reason.take().or(reason);
        self.wake_waiter(Err(match &reason {
            Some(reason) => the_same(reason),
            None => io::ErrorKind::ConnectionAborted.into(),
        }));
        let (above, below) = (self.above.take(), self.below.take());
        drop(below);
        if let Some(above) = above.filter(|_| self.is_told.get()) {
            above.connection_lost(reason);
        }
    }

    fn pause_writing(&self) {
        let above = self.above().filter(|_| self.is_told.get());
        above.iter().for_each(Protocol::pause_writing);
    }

    fn resume_writing(&self) {
        let above = self.above().filter(|_| self.is_told.get());
        above.iter().for_each(Protocol::resume_writing);
    }
}

/// The same error once more, with the same reason in it.
fn the_same(error: &io::Error) -> io::Error {
    match error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>()) {
        Some(reason) => io::Error::new(error.kind(), reason.clone()),
        None => again(error),
    }
}

const CUT: &str =
    "the peer closed the connection without a close_notify: it may have been cut";
