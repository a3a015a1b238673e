//! The transport of a socket or a pipe: reads as bytes arrive, writes as there is room.

mod read;
mod sendfile;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use reactor::trace::Place;
use reactor::{Direction, Key};

use super::{Channel, FilePart, FlowControl, Transport};
use crate::base_events::Clients;
use crate::contextvars::{Context, copy_context};
use crate::debug::Unclosed;
use crate::event_loop::{EventLoop, Inner};
use crate::extras::report::{bury, guard, report_panic, text_of};
use crate::extras::sources::{Source, Watch};
use crate::futures::Future as Promise;
use crate::protocols::Protocol;

/// How a read went.
enum Read {
    /// There was something, and there may be more. Or it was the end.
    Some,
    /// There was more than fits: it is for the others to read now.
    Full,
    Nothing,
}

/// A socket or a pipe, and its protocol. The loop keeps it until it is lost.
#[doc(alias("_SelectorSocketTransport", "_UnixReadPipeTransport"))]
pub(crate) struct StreamTransport {
    own: Weak<Self>,
    event_loop: Weak<Inner>,
    /// The line of the program that connected, or serves.
    place: Place,
    /// Tells, in debug mode, if the loop's end is what closes it.
    unclosed: Cell<Option<Unclosed>>,
    /// Under which the loop keeps it.
    number: Cell<usize>,
    /// Gone once it is lost.
    channel: RefCell<Option<Channel>>,
    key: Key,
    /// Gone once it is lost.
    protocol: RefCell<Option<Rc<dyn Protocol>>>,
    /// Whether that has a buffer of its own.
    is_buffered: Cell<bool>,
    /// The server that it is a client of.
    server: Option<Rc<Clients>>,
    peername: Option<SocketAddr>,
    sockname: Option<SocketAddr>,
    /// What could not be sent yet.
    buffer: RefCell<VecDeque<u8>>,
    /// Sent by the kernel when that is empty.
    file: Cell<Option<Box<sendfile::Job>>>,
    flow: FlowControl,
    reads: Watch,
    writes: Watch,
    /// The values of the context variables in which the protocol is told.
    context: Cell<Context>,
    /// Set by `pause_reading`.
    is_paused: Cell<bool>,
    /// The peer sends no more.
    has_ended: Cell<bool>,
    /// We are to send no more.
    ends: Cell<bool>,
    /// Set by `close` and `abort`.
    is_closing: Cell<bool>,
    /// The protocol has been told that it is lost, or is about to be.
    is_lost: Cell<bool>,
}

impl StreamTransport {
    /// A transport whose protocol is told in the next turn that it is connected; then `waiter`
    /// is set, and what arrives is read.
    pub(crate) fn begin(
        event_loop: &EventLoop,
        place: Place,
        channel: Channel,
        protocol: Rc<dyn Protocol>,
        server: Option<Rc<Clients>>,
        waiter: Option<Promise<()>>,
    ) -> Rc<Self> {
        let (peername, sockname) = channel.open();
        let transport = Rc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            event_loop: Rc::downgrade(&event_loop.0),
            place,
            unclosed: Cell::new(Some(Unclosed::at(place, "A transport"))),
            number: Cell::default(),
            key: channel.key(),
            channel: RefCell::new(Some(channel)),
            is_buffered: Cell::new(protocol.buffered().is_some()),
            protocol: RefCell::new(Some(protocol)),
            server,
            peername,
            sockname,
            buffer: RefCell::default(),
            file: Cell::default(),
            flow: FlowControl::default(),
            reads: Watch::new(Direction::Read),
            writes: Watch::new(Direction::Write),
            context: Cell::new(copy_context()),
            is_paused: Cell::default(),
            has_ended: Cell::default(),
            ends: Cell::default(),
            is_closing: Cell::default(),
            is_lost: Cell::default(),
        });
        transport.number.set(event_loop.0.sources.keep(Rc::clone(&transport) as _));
        if let Some(server) = &transport.server {
            server.attach(transport.number.get(), &transport);
        }
        let made = Rc::clone(&transport);
        event_loop.call_soon(move || made.connection_made(waiter));
        transport
    }

    fn connection_made(self: Rc<Self>, waiter: Option<Promise<()>>) {
        let transport = Rc::clone(&self) as Rc<dyn Transport>;
        self.tell("connection_made", |protocol| protocol.connection_made(transport));
        if let Some(waiter) = waiter {
            // Whoever waits may have gone.
            let _ = waiter.set_result(());
        }
        if self.is_a_pipe_that_may_break() {
            self.read_more();
        } else {
            self.read_soon();
        }
    }

    /// Has it read in the next turn.
    fn read_soon(&self) {
        let event_loop = self.event_loop().filter(|_| self.is_reading());
        if let (Some(event_loop), Some(own)) = (event_loop, self.own.upgrade()) {
            self.reads.again(&event_loop, &own, &Self::read_ready);
        }
    }

    /// Has it read when there is something.
    fn read_more(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.reads.arm(&event_loop, self.key, self, &Self::read_ready);
        }
    }

    /// Has it write when there is room.
    fn write_more(&self) {
        if let (Some(event_loop), Some(own)) = (self.event_loop(), self.own.upgrade()) {
            self.writes.arm(&event_loop, self.key, &own, &Self::write_ready);
        }
    }

    fn read_ready(self: &Rc<Self>) {
        if self.is_a_pipe_that_may_break() {
            let is_cut = !self.buffer.borrow().is_empty();
            return self.lose(is_cut.then(|| io::ErrorKind::BrokenPipe.into()));
        }
        while let Some(event_loop) = self.event_loop().filter(|_| self.is_reading()) {
            match self.read_once(&event_loop) {
                // To try again is how to know that there is no more, and mostly costs nothing.
                Read::Some => {}
                Read::Full => self.read_soon(),
                Read::Nothing => self.read_more(),
            }
            if self.reads.is_armed() {
                return;
            }
        }
    }

    fn eof_received(&self) {
        self.has_ended.set(true);
        let keeps_open = self.tell("eof_received", Protocol::eof_received);
        if !keeps_open.unwrap_or(false) || !self.is_a_socket() {
            self.close();
        }
    }

    fn write_ready(self: &Rc<Self>) {
        let sent = self.send_buffer();
        let left = self.get_write_buffer_size();
        if self.flow.is_little_enough(left) {
            self.tell_or_report("resume_writing", Protocol::resume_writing);
        }
        match sent {
            // The protocol may have aborted it, or have written more.
            _ if self.is_lost.get() => {}
            Err(error) => self.lose(Some(error)),
            Ok(()) if self.get_write_buffer_size() > 0 => self.write_more(),
            Ok(()) if self.is_closing.get() => {
                self.is_lost.set(true);
                self.connection_lost(None);
            }
            Ok(()) if self.keeps_its_file() => self.send_file_on(),
            Ok(()) if self.ends.get() => self.shut_down(),
            Ok(()) => {}
        }
    }

    /// Sends what it kept, as long as there is room.
    fn send_buffer(&self) -> io::Result<()> {
        let mut buffer = self.buffer.take();
        let sent = loop {
            match self.send(buffer.as_slices().0) {
                Ok(n) => drop(buffer.drain(..n)),
                Err(error) => break Err(error),
            }
            if buffer.is_empty() {
                // It keeps no memory.
                return Ok(());
            }
        };
        self.buffer.replace(buffer);
        sent.or_else(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Ok(()),
            _ => Err(error),
        })
    }

    fn shut_down(&self) {
        if let Some(channel) = &*self.channel.borrow() {
            channel.shut_down();
        }
    }

    /// Sends what fits.
    fn send(&self, data: &[u8]) -> io::Result<usize> {
        let channel = self.channel.borrow();
        channel.as_ref().ok_or(io::ErrorKind::NotConnected)?.write(data)
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let channel = self.channel.borrow();
        channel.as_ref().ok_or(io::ErrorKind::NotConnected)?.read(buffer)
    }

    /// Tells the protocol. If that panics, the connection is lost.
    fn tell<R>(&self, what: &str, call: impl FnOnce(&dyn Protocol) -> R) -> Option<R> {
        let protocol = self.get_protocol()?;
        let told = guard(|| call(&*protocol));
        told.map_err(|panic| {
            report_panic(&format!("Fatal error: protocol.{what}() call failed"), &*panic);
            self.lose(Some(io::Error::other(text_of(&*panic).to_owned())));
        })
        .ok()
    }

    /// Tells the protocol. If that panics, it is reported, and that is all.
    fn tell_or_report(&self, what: &str, call: impl FnOnce(&dyn Protocol)) {
        let Some(protocol) = self.get_protocol() else { return };
        if let Err(panic) = guard(|| call(&*protocol)) {
            report_panic(&format!("protocol.{what}() failed"), &*panic);
        }
    }

    /// The connection is lost, and what was not sent with it; the protocol is told in a turn of
    /// its own.
    #[doc(alias = "_force_close")]
    fn lose(&self, reason: Option<io::Error>) {
        if self.is_lost.replace(true) {
            return;
        }
        self.is_closing.set(true);
        self.unclosed.take().iter().for_each(Unclosed::closed);
        self.buffer.take();
        self.give_file_up(reason.as_ref());
        self.stop_watching();
        self.lose_soon(reason);
    }

    fn lose_soon(&self, reason: Option<io::Error>) {
        let (event_loop, own) = (self.event_loop(), self.own.upgrade());
        match (event_loop.filter(|it| !it.is_closed()), own) {
            (Some(event_loop), Some(own)) => {
                event_loop.call_soon(move || own.connection_lost(reason));
            }
            // There are no more turns.
            _ => self.let_go(),
        }
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.tell_or_report("connection_lost", |protocol| {
            protocol.connection_lost(reason);
        });
        self.let_go();
    }

    /// Closes the socket, and forgets the protocol.
    fn let_go(&self) {
        self.is_lost.set(true);
        self.is_closing.set(true);
        self.give_file_up(None);
        self.stop_watching();
        let channel = self.channel.take();
        if let Some(event_loop) = self.event_loop().filter(|_| channel.is_some()) {
            event_loop.0.sources.release(self.number.get());
            self.server.iter().for_each(|server| server.detach(self.number.get()));
        }
        drop(channel);
        drop(self.unclosed.take());
        let protocol = self.protocol.take();
        bury(protocol);
        bury(self.context.take());
    }

    fn stop_watching(&self) {
        if let Some(event_loop) = self.event_loop() {
            self.reads.disarm(&event_loop, self.key);
            self.writes.disarm(&event_loop, self.key);
        }
    }

    /// Whether its two directions can be apart.
    fn is_a_socket(&self) -> bool {
        self.channel.borrow().as_ref().is_some_and(Channel::is_a_socket)
    }

    /// Nothing is read there, but that its reader is gone is told as if it could be.
    fn is_a_pipe_that_may_break(&self) -> bool {
        self.channel.borrow().as_ref().is_some_and(|it| !it.can_read())
    }

    fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }
}

impl Source for StreamTransport {
    fn ready(self: Rc<Self>, direction: Direction) {
        let (watch, ready): (_, fn(&Rc<Self>)) = match direction {
            Direction::Read => (&self.reads, Self::read_ready),
            Direction::Write => (&self.writes, Self::write_ready),
        };
        let Some(running) = watch.fired() else { return };
        let mut context = self.context.take();
        context.run(|| ready(&self));
        self.context.set(context);
        running.finished();
    }

    fn place(&self) -> Place {
        self.place
    }

    fn abandon(self: Rc<Self>) {
        self.let_go();
    }
}

impl Transport for StreamTransport {
    fn write(&self, data: &[u8]) {
        assert!(!self.ends.get(), "nothing can be written after write_eof()");
        let can_write = self.channel.borrow().as_ref().is_none_or(Channel::can_write);
        assert!(can_write, "this end of a pipe is for reading");
        self.expect_no_file();
        if self.is_lost.get() {
            return;
        }
        let mut rest = data;
        while !rest.is_empty() {
            let is_first = self.buffer.borrow().is_empty();
            match if is_first { self.send(rest) } else { Ok(0) } {
                Ok(0) => return self.keep(rest),
                Ok(n) => rest = &rest[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.write_more();
                    return self.keep(rest);
                }
                Err(error) => return self.lose(Some(error)),
            }
        }
    }

    fn write_eof(&self) {
        if self.is_closing.get() || self.ends.replace(true) {
            return;
        }
        if !self.is_a_socket() {
            self.close();
        } else if self.buffer.borrow().is_empty() && !self.keeps_its_file() {
            self.shut_down();
        }
    }

    fn send_file(&self, part: &FilePart) -> Option<Promise<io::Result<()>>> {
        self.begin_file(part)
    }

    fn can_write_eof(&self) -> bool {
        true
    }

    fn close(&self) {
        if self.is_closing.replace(true) {
            return;
        }
        self.unclosed.take().iter().for_each(Unclosed::closed);
        if let Some(event_loop) = self.event_loop() {
            self.reads.disarm(&event_loop, self.key);
        }
        if self.buffer.borrow().is_empty() {
            self.lose(None);
        }
    }

    fn abort(&self) {
        self.lose(None);
    }

    fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    fn pause_reading(&self) {
        if self.is_reading() {
            self.is_paused.set(true);
            if let Some(event_loop) = self.event_loop() {
                self.reads.disarm(&event_loop, self.key);
            }
        }
    }

    fn resume_reading(&self) {
        if self.is_paused.replace(false) {
            self.read_soon();
        }
    }

    fn is_reading(&self) -> bool {
        !self.is_closing.get() && !self.is_paused.get() && !self.has_ended.get()
    }

    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>) {
        self.flow.set_limits(high, low);
        self.pause_if_too_much();
    }

    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.flow.limits()
    }

    fn get_write_buffer_size(&self) -> usize {
        self.buffer.borrow().len()
    }

    fn set_protocol(&self, protocol: Rc<dyn Protocol>) {
        if !self.is_lost.get() {
            self.is_buffered.set(protocol.buffered().is_some());
            let before = self.protocol.replace(Some(protocol));
            bury(before);
        }
    }

    fn get_protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.protocol.borrow().clone()
    }

    fn peername(&self) -> Option<SocketAddr> {
        self.peername
    }

    fn sockname(&self) -> Option<SocketAddr> {
        self.sockname
    }
}

impl StreamTransport {
    /// Keeps what could not be sent, and has it sent later.
    fn keep(&self, rest: &[u8]) {
        self.buffer.borrow_mut().extend(rest);
        self.pause_if_too_much();
    }

    fn pause_if_too_much(&self) {
        if self.flow.is_too_much(self.get_write_buffer_size()) {
            self.tell_or_report("pause_writing", Protocol::pause_writing);
        }
    }
}

impl fmt::Debug for StreamTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.is_lost.get(), self.is_closing.get()) {
            (true, _) => "closed",
            (false, true) => "closing",
            (false, false) => "open",
        };
        f.debug_struct("Transport")
            .field("state", &state)
            .field("peername", &self.peername)
            .field("unsent", &self.get_write_buffer_size())
            .finish()
    }
}
