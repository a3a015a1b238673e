//! A server: sockets that listen, and a protocol for whoever comes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use reactor::Direction;
use reactor::trace::Place;

use super::Address;
use crate::cancel::finally;
use crate::event_loop::{EventLoop, Inner};
use crate::events::{Ready, TimerHandle};
use crate::extras::report::{bury, guard, report, report_panic};
use crate::extras::sources::{Source, Watch};
use crate::futures::Future as Promise;
use crate::locks::Event;
use crate::protocols::Protocol;
use crate::tasks::within;
use crate::transports::{Channel, StreamTransport, Transport};
#[cfg(unix)]
use crate::unix_events::SocketFile;

/// How many are accepted before the others have their turn: asyncio's `backlog`.
const BACKLOG: usize = 100;

/// How long to wait when nobody can be accepted, for want of descriptors for instance; or until one
/// of the server's own connections is gone, and so is its descriptor. (asyncio does not look.)
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// How to make a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// How many connections may wait to be accepted; the kernel may allow less. `None`: as many as
    /// it allows. (asyncio: 100.)
    pub backlog: Option<u32>,
    /// Whether an address may be listened at of which a connection is left that is over: a server
    /// could not be started again for a minute. `None`: yes, but not on Windows, where it would
    /// mean something else.
    #[doc(alias = "SO_REUSEADDR")]
    pub reuse_address: Option<bool>,
    /// Whether others of this user may listen at the same address: the kernel shares the
    /// connections out between them. They all have to say so.
    #[doc(alias = "SO_REUSEPORT")]
    pub reuse_port: bool,
    /// Whether the kernel asks from time to time if a silent peer is still there.
    #[doc(alias = "SO_KEEPALIVE")]
    pub keep_alive: bool,
    /// Whether it accepts at once, or not before it is [told to](Server::start_serving).
    pub start_serving: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            backlog: None,
            reuse_address: None,
            reuse_port: false,
            keep_alive: false,
            start_serving: true,
        }
    }
}

/// Sockets that listen. Its clones are the same server; dropping them changes nothing: it serves
/// until it is closed, or its loop is.
#[doc(alias("asyncio.Server", "AbstractServer"))]
#[derive(Clone)]
pub struct Server(Rc<Inside>);

struct Inside {
    event_loop: Weak<Inner>,
    /// Emptied by `close`.
    ports: RefCell<Vec<Rc<Port>>>,
    clients: Rc<Clients>,
    is_serving: Cell<bool>,
    /// Set while somebody serves for ever.
    forever: RefCell<Option<Promise<()>>>,
}

impl EventLoop {
    /// Listens at `address`, and has `factory` make a protocol for each connection. A name that
    /// has several addresses is listened at by all of them; a port alone, at all interfaces by both
    /// families, each by a socket of its own. So port 0, which is any that is free, is another one
    /// for each of the sockets.
    ///
    /// # Errors
    ///
    /// What the resolver answers; whatever `bind` and `listen` answer, and for which address. What
    /// this machine does not have, IPv6 say, is left out with a word to the log; `AddrNotAvailable`
    /// if nothing is left.
    #[track_caller]
    pub fn create_server<P: Protocol>(
        &self,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Server>> {
        let options = ServerOptions::default();
        self.create_server_at(Place::here(), options, factory, address)
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`create_server`](Self::create_server).
    #[track_caller]
    pub fn create_server_with<P: Protocol>(
        &self,
        options: ServerOptions,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Server>> {
        self.create_server_at(Place::here(), options, factory, address)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn create_server_at<P: Protocol>(
        &self,
        place: Place,
        options: ServerOptions,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Server>> {
        within(place, async move {
            let listeners = self.listen(options, address).await?;
            Ok(Server::new(self, place, options, listeners, factory))
        })
    }
}

pub(super) type Listener = reactor::TcpListener<Ready>;

impl Server {
    pub(crate) fn new<P: Protocol>(
        event_loop: &EventLoop,
        place: Place,
        options: ServerOptions,
        listeners: Vec<(Listener, Bound)>,
        factory: impl Fn() -> P + 'static,
    ) -> Self {
        let (clients, weak) = (Rc::<Clients>::default(), Rc::downgrade(&event_loop.0));
        let factory: Rc<Factory> = Rc::new(move || Rc::new(factory()) as _);
        let port = |(listener, bound): (Listener, _)| {
            let port = Rc::new(Port {
                event_loop: Weak::clone(&weak),
                place,
                number: Cell::default(),
                bound: RefCell::new(Some(bound)),
                watch: Watch::new(Direction::Read),
                listener: RefCell::new(Some(listener)),
                factory: RefCell::new(Some(Rc::clone(&factory))),
                clients: Rc::clone(&clients),
                pause: Cell::default(),
                has_told: Cell::default(),
            });
            port.number.set(event_loop.0.sources.keep(Rc::clone(&port) as _));
            port
        };
        let ports = listeners.into_iter().map(port).collect();
        let server = Self(Rc::new(Inside {
            event_loop: Weak::clone(&weak),
            ports: RefCell::new(ports),
            clients: Rc::clone(&clients),
            is_serving: Cell::default(),
            forever: RefCell::default(),
        }));
        if options.start_serving {
            server.start_serving();
        }
        server
    }

    /// Accepts, from now on. To be told twice is fine.
    ///
    /// # Panics
    ///
    /// Panics if it is closed.
    #[track_caller]
    pub fn start_serving(&self) {
        assert!(!self.is_closed(), "the server is closed");
        if !self.0.is_serving.replace(true) {
            let ports = self.0.ports.borrow().clone();
            ports.iter().for_each(Port::accept_soon);
        }
    }

    /// Serves until it is cancelled: then it closes, and the connections with it, and waits
    /// until they are gone. [Closing](Self::close) it cancels whoever awaits this.
    ///
    /// # Panics
    ///
    /// Panics if it is closed, or if somebody awaits this already.
    pub async fn serve_forever(&self) {
        assert!(
            self.0.forever.borrow().is_none(),
            "the server is being served for ever already"
        );
        self.start_serving();
        let event_loop = self.0.event_loop.upgrade().map(EventLoop);
        let forever = event_loop.expect("a loop that runs").create_future();
        self.0.forever.replace(Some(forever.clone()));
        finally(forever, async || {
            self.0.forever.take();
            self.close();
            self.close_clients();
            self.wait_closed().await;
        })
        .await;
    }

    /// Accepts nobody any more. The connections that are there go on. To close twice is fine.
    pub fn close(&self) {
        let ports = self.0.ports.take();
        self.0.is_serving.set(false);
        ports.iter().for_each(|port| port.close());
        let forever = self.0.forever.borrow().clone();
        if let Some(forever) = forever {
            forever.cancel();
        }
        self.0.clients.close();
    }

    /// Closes the connections that are there, each when all is sent.
    pub fn close_clients(&self) {
        for client in self.0.clients.all() {
            let Some(protocol) = client.get_protocol() else { continue };
            if let Err(panic) = guard(|| protocol.server_closes(&*client)) {
                report_panic("protocol.server_closes() failed", &*panic);
            }
        }
    }

    /// Breaks the connections off that are there.
    pub fn abort_clients(&self) {
        self.0.clients.all().iter().for_each(|it| it.abort());
    }

    /// Waits until it is closed, and its last connection is gone.
    pub async fn wait_closed(&self) {
        self.0.clients.all_gone.wait().await;
    }

    /// Whether it accepts.
    pub fn is_serving(&self) -> bool {
        self.0.is_serving.get()
    }

    /// The addresses it listens at. None, once it is closed; nor has a socket in the file system
    /// one.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        self.0.ports.borrow().iter().filter_map(|port| port.address()).collect()
    }

    /// The loop it belongs to, unless that was closed and dropped.
    pub fn get_loop(&self) -> Option<EventLoop> {
        self.0.event_loop.upgrade().map(EventLoop)
    }

    fn is_closed(&self) -> bool {
        self.0.clients.is_closed.get()
    }
}

/// Where a socket listens.
#[derive(Debug)]
pub(crate) enum Bound {
    Address(SocketAddr),
    #[cfg(unix)]
    #[expect(dead_code, reason = "it is kept in order to be dropped")]
    Path(SocketFile),
}

type Factory = dyn Fn() -> Rc<dyn Protocol>;

/// A socket that listens.
struct Port {
    event_loop: Weak<Inner>,
    /// The line of the program that serves.
    place: Place,
    /// Under which the loop keeps it.
    number: Cell<usize>,
    watch: Watch,
    /// All three gone once it is closed.
    bound: RefCell<Option<Bound>>,
    listener: RefCell<Option<Listener>>,
    factory: RefCell<Option<Rc<Factory>>>,
    clients: Rc<Clients>,
    /// Ends the pause, if there is one. Set by `breathe`; taken by `go_on` and `close`.
    pause: Cell<Option<TimerHandle>>,
    /// Set by the first of several pauses, which tells of them all; cleared when everybody was
    /// accepted.
    has_told: Cell<bool>,
}

impl Port {
    fn accept_soon(self: &Rc<Self>) {
        if let Some(event_loop) = self.event_loop() {
            self.watch.again(&event_loop, self, &Self::accept);
        }
    }

    fn accept_more(self: &Rc<Self>) {
        let key = self.listener.borrow().as_ref().map(reactor::TcpListener::key);
        if let (Some(event_loop), Some(key)) = (self.event_loop(), key) {
            self.watch.arm(&event_loop, key, self, &Self::accept);
        }
    }

    /// Accepts whoever is there.
    fn accept(self: &Rc<Self>) {
        for _ in 0..BACKLOG {
            let Some(accepted) = self.listener.borrow().as_ref().map(Listener::accept)
            else {
                return;
            };
            match accepted {
                Ok(stream) => self.serve(stream),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.has_told.set(false);
                    return self.accept_more();
                }
                Err(error) => return self.breathe(&error),
            }
        }
        self.accept_soon();
    }

    fn serve(&self, stream: reactor::TcpStream<Ready>) {
        let Some(event_loop) = self.event_loop() else { return };
        let Some(factory) = self.factory.borrow().clone() else { return };
        match guard(|| factory()) {
            Ok(protocol) => {
                let clients = Some(Rc::clone(&self.clients));
                let channel = Channel::Socket(stream);
                let place = self.place;
                StreamTransport::begin(
                    &event_loop,
                    place,
                    channel,
                    protocol,
                    clients,
                    None,
                );
            }
            Err(panic) => {
                report_panic(
                    "Error on transport creation for incoming connection",
                    &*panic,
                );
            }
        }
    }

    /// Tries again later: nobody can be accepted as long as there are no descriptors left.
    fn breathe(self: &Rc<Self>, error: &io::Error) {
        if !self.has_told.replace(true) {
            report(format_args!("socket.accept() out of system resource: {error}"));
        }
        let Some(event_loop) = self.event_loop() else { return };
        let port = Rc::clone(self);
        let pause = event_loop.call_later(ACCEPT_RETRY_DELAY, move || port.go_on());
        self.pause.set(Some(pause));
        self.clients.paused.borrow_mut().push(Rc::downgrade(self));
    }

    /// The pause is over.
    fn go_on(self: &Rc<Self>) {
        if let Some(pause) = self.pause.take() {
            pause.cancel();
            self.accept_soon();
        }
    }

    fn close(&self) {
        self.pause.take().iter().for_each(TimerHandle::cancel);
        let listener = self.listener.take();
        if let (Some(event_loop), Some(listener)) = (self.event_loop(), &listener) {
            self.watch.disarm(&event_loop, listener.key());
            event_loop.0.sources.release(self.number.get());
        }
        drop((listener, self.bound.take()));
        let factory = self.factory.take();
        bury(factory);
    }

    fn address(&self) -> Option<SocketAddr> {
        match &*self.bound.borrow() {
            Some(Bound::Address(address)) => Some(*address),
            _ => None,
        }
    }

    fn event_loop(&self) -> Option<EventLoop> {
        self.event_loop.upgrade().map(EventLoop)
    }
}

impl Source for Port {
    fn ready(self: Rc<Self>, _: Direction) {
        let Some(running) = self.watch.fired() else { return };
        self.accept();
        running.finished();
    }

    fn place(&self) -> Place {
        self.place
    }

    fn abandon(self: Rc<Self>) {
        self.close();
    }
}

/// The connections of a server.
#[derive(Default)]
pub(crate) struct Clients {
    /// By their numbers; whoever is lost leaves.
    connected: RefCell<BTreeMap<usize, Weak<StreamTransport>>>,
    /// Filled by sockets that pause; emptied when one leaves, who had a descriptor.
    paused: RefCell<Vec<Weak<Port>>>,
    is_closed: Cell<bool>,
    /// Set when it is closed and nobody is connected.
    all_gone: Event,
}

impl Clients {
    pub(crate) fn attach(&self, number: usize, transport: &Rc<StreamTransport>) {
        self.connected.borrow_mut().insert(number, Rc::downgrade(transport));
    }

    pub(crate) fn detach(&self, number: usize) {
        self.connected.borrow_mut().remove(&number);
        self.paused.take().iter().filter_map(Weak::upgrade).for_each(|it| it.go_on());
        self.tell();
    }

    fn close(&self) {
        self.is_closed.set(true);
        self.tell();
    }

    fn tell(&self) {
        if self.is_closed.get() && self.connected.borrow().is_empty() {
            self.all_gone.set();
        }
    }

    fn all(&self) -> Vec<Rc<StreamTransport>> {
        self.connected.borrow().values().filter_map(Weak::upgrade).collect()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("sockets", &self.sockets()).finish()
    }
}
