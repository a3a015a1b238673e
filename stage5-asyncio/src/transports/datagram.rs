//! The transport of datagrams: whole messages, each with an address.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::unix::net::SocketAddr as UnixAddr;
#[cfg(unix)]
use std::path::PathBuf;
use std::rc::{Rc, Weak};

use reactor::trace::Place;
use reactor::{Direction, Key};

use super::{DatagramTransport, FlowControl};
use crate::contextvars::{Context, copy_context};
use crate::debug::Unclosed;
use crate::event_loop::{EventLoop, Inner};
use crate::events::Ready;
use crate::extras::report::{bury, guard, report_panic, text_of};
use crate::extras::sources::{Source, Watch};
use crate::protocols::DatagramProtocol;

/// A socket for datagrams, and its protocol. The loop keeps it until it is closed.
#[doc(alias = "_SelectorDatagramTransport")]
pub(crate) struct DatagramEndpoint<A: Name> {
    own: Weak<Self>,
    event_loop: Weak<Inner>,
    /// The line of the program that opened it.
    place: Place,
    /// Tells, in debug mode, if the loop's end is what closes it.
    unclosed: Cell<Option<Unclosed>>,
    /// Under which the loop keeps it.
    number: Cell<usize>,
    /// Gone once it is closed.
    socket: RefCell<Option<reactor::DatagramSocket<Ready, A::Address>>>,
    key: Key,
    /// Gone once it is closed.
    protocol: RefCell<Option<Rc<dyn DatagramProtocol<A>>>>,
    peername: Option<A>,
    sockname: Option<A>,
    /// What could not be sent yet, and how many bytes that is.
    queue: RefCell<VecDeque<Datagram<A>>>,
    queued: Cell<usize>,
    flow: FlowControl,
    reads: Watch,
    writes: Watch,
    context: Cell<Context>,
    is_closing: Cell<bool>,
    is_lost: Cell<bool>,
}

/// How programs call a socket, and how the reactor does.
pub(crate) trait Name: Clone + PartialEq + fmt::Debug + 'static {
    /// The reactor's.
    type Address;

    /// What cannot be one is an error.
    fn address(&self) -> io::Result<Self::Address>;

    fn of(address: Self::Address) -> Self;
}

impl Name for SocketAddr {
    type Address = Self;

    fn address(&self) -> io::Result<Self> {
        Ok(*self)
    }

    fn of(address: Self) -> Self {
        address
    }
}

/// Whoever has no name has an empty one.
#[cfg(unix)]
impl Name for PathBuf {
    type Address = UnixAddr;

    fn address(&self) -> io::Result<UnixAddr> {
        UnixAddr::from_pathname(self)
    }

    fn of(address: UnixAddr) -> Self {
        address.as_pathname().map(Self::from).unwrap_or_default()
    }
}

/// A message, and for whom. `None`: whom the socket is connected to.
type Datagram<A> = (Vec<u8>, Option<A>);

impl<A: Name> DatagramEndpoint<A> {
    /// A transport whose protocol is told in the next turn that it is there; then `told` is
    /// called, and what arrives is read.
    pub(crate) fn begin(
        event_loop: &EventLoop,
        place: Place,
        socket: reactor::DatagramSocket<Ready, A::Address>,
        peername: Option<A>,
        protocol: Rc<dyn DatagramProtocol<A>>,
        told: impl FnOnce() + 'static,
    ) -> Rc<Self> {
        let transport = Rc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            event_loop: Rc::downgrade(&event_loop.0),
            place,
            unclosed: Cell::new(Some(Unclosed::at(place, "A datagram transport"))),
            number: Cell::default(),
            key: socket.key(),
            sockname: socket.local_addr().ok().map(A::of),
            peername,
            socket: RefCell::new(Some(socket)),
            protocol: RefCell::new(Some(protocol)),
            queue: RefCell::default(),
            queued: Cell::default(),
            flow: FlowControl::default(),
            reads: Watch::new(Direction::Read),
            writes: Watch::new(Direction::Write),
            context: Cell::new(copy_context()),
            is_closing: Cell::default(),
            is_lost: Cell::default(),
        });
        transport.number.set(event_loop.0.sources.keep(Rc::clone(&transport) as _));
        let made = Rc::clone(&transport);
        event_loop.call_soon(move || {
            let transport = Rc::clone(&made) as Rc<dyn DatagramTransport<A>>;
            made.tell("connection_made", |it| it.connection_made(transport));
            told();
            made.read_soon();
        });
        transport
    }

    /// Has it read in the next turn.
    fn read_soon(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop().filter(|_| !self.is_closing.get()) {
            self.reads.again(&event_loop, self, &Self::read_ready);
        }
    }

    fn read_ready(self: &Rc<Self>) {
        while let Some(event_loop) = self.event_loop().filter(|_| !self.is_closing.get())
        {
            match event_loop.0.sources.read(|buffer| self.read(buffer)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return self.reads.arm(
                        &event_loop,
                        self.key,
                        self,
                        &Self::read_ready,
                    );
                }
                Err(error) => {
                    self.tell("error_received", |it| it.error_received(error));
                }
            }
        }
    }

    /// Reads one datagram, and tells the protocol.
    fn read(&self, buffer: &mut [u8]) -> io::Result<()> {
        let (n, sender) = self.receive(buffer)?;
        let data = &buffer[..n];
        self.tell("datagram_received", |it| it.datagram_received(data, sender));
        Ok(())
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, A)> {
        let socket = self.socket.borrow();
        let socket = socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let (n, sender) = socket.recv_from(buffer)?;
        Ok((n, A::of(sender)))
    }

    fn send(&self, (data, address): &Datagram<A>) -> io::Result<usize> {
        let socket = self.socket.borrow();
        let socket = socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        match (&self.peername, address) {
            (None, Some(address)) => socket.send_to(data, &address.address()?),
            _ => socket.send(data),
        }
    }

    /// Sends one after the other, as long as there is room.
    fn write_ready(&self) {
        loop {
            let next = self.queue.borrow_mut().pop_front();
            let Some(next) = next else { break };
            let sent = self.send(&next);
            if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
                self.queue.borrow_mut().push_front(next);
                self.write_more();
                break;
            }
            self.queued.set(self.queued.get() - next.0.len());
            if let Err(error) = sent {
                self.tell("error_received", |it| it.error_received(error));
            }
        }
        if self.flow.is_little_enough(self.queued.get()) {
            self.tell("resume_writing", DatagramProtocol::resume_writing);
        }
        let is_empty = self.queue.borrow().is_empty();
        if is_empty && self.is_closing.get() {
            self.lose(None);
        }
    }

    fn write_more(&self) {
        if let (Some(event_loop), Some(own)) = (self.event_loop(), self.own.upgrade()) {
            self.writes.arm(&event_loop, self.key, &own, &Self::write_ready);
        }
    }

    /// Tells the protocol. If that panics, the socket is closed.
    fn tell(&self, what: &str, call: impl FnOnce(&dyn DatagramProtocol<A>)) {
        let Some(protocol) = self.get_protocol() else { return };
        if let Err(panic) = guard(|| call(&*protocol)) {
            report_panic(&format!("Fatal error: protocol.{what}() call failed"), &*panic);
            self.lose(Some(io::Error::other(text_of(&*panic).to_owned())));
        }
    }

    /// It is closed, and what was not sent with it; the protocol is told in a turn of its own.
    fn lose(&self, reason: Option<io::Error>) {
        if self.is_lost.replace(true) {
            return;
        }
        self.is_closing.set(true);
        self.unclosed.take().iter().for_each(Unclosed::closed);
        self.queue.take();
        self.queued.set(0);
        let (event_loop, own) = (self.event_loop(), self.own.upgrade());
        match (event_loop.filter(|it| !it.is_closed()), own) {
            (Some(event_loop), Some(own)) => {
                self.stop_watching(&event_loop);
                event_loop.call_soon(move || {
                    own.tell("connection_lost", |it| it.connection_lost(reason));
                    own.let_go();
                });
            }
            // There are no more turns.
            _ => self.let_go(),
        }
    }

    /// Closes the socket, and forgets the protocol.
    fn let_go(&self) {
        self.is_lost.set(true);
        self.is_closing.set(true);
        let socket = self.socket.take();
        if let Some(event_loop) = self.event_loop().filter(|_| socket.is_some()) {
            self.stop_watching(&event_loop);
            event_loop.0.sources.release(self.number.get());
        }
        drop(socket);
        drop(self.unclosed.take());
        let protocol = self.protocol.take();
        bury((protocol, self.context.take()));
    }

    fn stop_watching(&self, event_loop: &EventLoop) {
        self.reads.disarm(event_loop, self.key);
        self.writes.disarm(event_loop, self.key);
    }

    fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }
}

impl<A: Name> Source for DatagramEndpoint<A> {
    fn ready(self: Rc<Self>, direction: Direction) {
        let (watch, ready): (_, fn(&Rc<Self>)) = match direction {
            Direction::Read => (&self.reads, Self::read_ready),
            Direction::Write => (&self.writes, |it| it.write_ready()),
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

impl<A: Name> DatagramTransport<A> for DatagramEndpoint<A> {
    fn sendto(&self, data: &[u8], address: Option<A>) {
        match (&self.peername, &address) {
            (None, None) => panic!("the socket is not connected: say whom to send to"),
            (Some(peer), Some(other)) => {
                assert_eq!(peer, other, "the socket is connected to another address");
            }
            _ => {}
        }
        if self.is_lost.get() {
            return;
        }
        let datagram = (data.to_vec(), address);
        if self.queue.borrow().is_empty() {
            match self.send(&datagram) {
                Ok(_) => return,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    return self.tell("error_received", |it| it.error_received(error));
                }
            }
        }
        self.queue.borrow_mut().push_back(datagram);
        self.queued.set(self.queued.get() + data.len());
        self.write_more();
        if self.flow.is_too_much(self.queued.get()) {
            self.tell("pause_writing", DatagramProtocol::pause_writing);
        }
    }

    fn close(&self) {
        if self.is_closing.replace(true) {
            return;
        }
        self.unclosed.take().iter().for_each(Unclosed::closed);
        if let Some(event_loop) = self.event_loop() {
            self.reads.disarm(&event_loop, self.key);
        }
        if self.queue.borrow().is_empty() {
            self.lose(None);
        }
    }

    fn abort(&self) {
        self.lose(None);
    }

    fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>) {
        self.flow.set_limits(high, low);
    }

    fn get_write_buffer_size(&self) -> usize {
        self.queued.get()
    }

    fn get_protocol(&self) -> Option<Rc<dyn DatagramProtocol<A>>> {
        self.protocol.borrow().clone()
    }

    fn peername(&self) -> Option<A> {
        self.peername.clone()
    }

    fn sockname(&self) -> Option<A> {
        self.sockname.clone()
    }
}

impl<A: Name> fmt::Debug for DatagramEndpoint<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramTransport")
            .field("closing", &self.is_closing.get())
            .field("sockname", &self.sockname)
            .finish_non_exhaustive()
    }
}
