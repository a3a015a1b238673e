//! A connection that is made, and made again if its factory likes: Twisted's `connectTCP`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use super::protocol::{ClientFactory, Protocol};
use super::transport::{Connection, Transport};
use crate::event_loop::{DelayedCall, call_later};
use crate::failure::{Failure, guard, report};
use crate::net::{TcpStream, Waiting};
use crate::time::Elapsed;

/// Connects to `address`, and has `factory` make a protocol for the connection and hear what
/// becomes of it. An attempt that takes longer than `timeout` has failed.
///
/// ```
/// use stage1_callbacks::extras::connector::{Connector, connect_tcp};
/// use stage1_callbacks::extras::protocol::{ClientFactory, Factory, Protocol};
/// use stage1_callbacks::{call_later, failure::Failure, stop};
/// use std::net::SocketAddr;
/// use std::time::Duration;
/// # use reactor::{backend, sim::{Sim, Weather}};
///
/// /// Tries three times, a second apart.
/// struct Patient {
///     left: u32,
/// }
///
/// impl Factory for Patient {
///     fn build_protocol(&mut self, _peer: SocketAddr) -> Option<Box<dyn Protocol>> {
///         None // nobody gets that far in this example
///     }
/// }
///
/// impl ClientFactory for Patient {
///     fn client_connection_failed(&mut self, connector: &Connector, _reason: Failure) {
///         self.left -= 1;
///         if self.left == 0 {
///             return stop();
///         }
///         let connector = connector.clone();
///         call_later(Duration::from_secs(1), move || connector.connect());
///     }
/// }
///
/// # let sim = Sim::new(1, Weather::calm());
/// # backend::scope(sim.clone(), || stage1_callbacks::run(|| {
/// let nobody_there = ([10, 0, 0, 1], 7).into();
/// connect_tcp(nobody_there, Patient { left: 3 }, Duration::from_secs(10));
/// # Ok(())
/// # })).unwrap();
/// # assert_eq!(sim.elapsed().as_secs(), 2);
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "connectTCP")]
pub fn connect_tcp(
    address: SocketAddr,
    factory: impl ClientFactory,
    timeout: Duration,
) -> Connector {
    let connector = Connector(Rc::new(Connecting {
        address,
        timeout,
        factory: Cell::new(Some(Box::new(factory))),
        later: RefCell::default(),
        state: Cell::new(State::Disconnected),
        attempt: RefCell::default(),
        transport: RefCell::default(),
    }));
    connector.connect();
    connector
}

/// Makes connections to one address, one after the other. Dropping it changes nothing. Its
/// clones are one connector.
#[derive(Clone)]
pub struct Connector(Rc<Connecting>);

struct Connecting {
    address: SocketAddr,
    timeout: Duration,
    /// Taken while it is called.
    factory: Cell<Option<Box<dyn ClientFactory>>>,
    /// What it is to be told after that.
    later: RefCell<VecDeque<News>>,
    state: Cell<State>,
    attempt: RefCell<Option<(Waiting, DelayedCall)>>,
    transport: RefCell<Option<Transport>>,
}

enum News {
    Started,
    Failed(Failure),
    Lost(Failure),
}

/// How far a [`Connector`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is no connection, and nobody is making one.
    Disconnected,
    /// Somebody is making one.
    Connecting,
    /// There is one.
    Connected,
}

/// Somebody told the connector to stop before there was a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserError;

/// A protocol for nobody.
struct Nobody;

impl Protocol for Nobody {}

impl Connector {
    /// Makes the connection, or another one. Its factory is told.
    ///
    /// # Panics
    ///
    /// Panics when there is a connection or somebody is making one, and when no loop is running
    /// on this thread.
    pub fn connect(&self) {
        let state = self.0.state.replace(State::Connecting);
        assert_eq!(state, State::Disconnected, "it can only connect when disconnected");
        let (connected, late) = (self.clone(), self.clone());
        let timer = call_later(self.0.timeout, move || late.fail(Elapsed.into()));
        let waiting =
            TcpStream::connect_then(self.0.address, move |result| connected.has(result));
        self.0.attempt.replace(Some((waiting, timer)));
        self.tell(News::Started);
    }

    /// Gives the attempt up: it fails with [`UserError`].
    ///
    /// # Panics
    ///
    /// Panics when nobody is making a connection.
    #[doc(alias = "stopConnecting")]
    pub fn stop_connecting(&self) {
        assert_eq!(self.0.state.get(), State::Connecting, "there is no attempt to stop");
        self.fail(UserError.into());
    }

    /// Gives the attempt up, or closes the connection once all is sent.
    pub fn disconnect(&self) {
        match self.0.state.get() {
            State::Disconnected => {}
            State::Connecting => self.stop_connecting(),
            State::Connected => {
                let transport = self.0.transport.borrow().clone();
                transport.iter().for_each(Transport::lose_connection);
            }
        }
    }

    /// How far it has come.
    pub fn state(&self) -> State {
        self.0.state.get()
    }

    /// Where it connects to.
    #[doc(alias = "getDestination")]
    pub fn get_destination(&self) -> SocketAddr {
        self.0.address
    }

    fn has(&self, result: io::Result<TcpStream>) {
        let stream = match result {
            Ok(stream) => stream,
            Err(error) => return self.fail(error.into()),
        };
        self.end_attempt();
        self.0.state.set(State::Connected);
        let built = self.build();
        let is_refused = built.is_none();
        let protocol = built.unwrap_or_else(|| Box::new(Nobody));
        let own = self.clone();
        let lost = move |reason| own.lost(reason);
        let transport = Connection::begin(stream, self.0.address, protocol, lost);
        if is_refused {
            transport.lose_connection();
        }
        if self.0.state.get() == State::Connected {
            self.0.transport.replace(Some(transport));
        }
    }

    fn build(&self) -> Option<Box<dyn Protocol>> {
        let mut factory = self.0.factory.take()?;
        let built = guard(|| factory.build_protocol(self.0.address));
        self.0.factory.set(Some(factory));
        built.unwrap_or_else(|panic| {
            report(format_args!("Unhandled error in a factory: {panic}"));
            None
        })
    }

    fn end_attempt(&self) {
        let attempt = self.0.attempt.take();
        if let Some((waiting, timer)) = attempt {
            waiting.cancel();
            timer.cancel();
        }
    }

    fn fail(&self, reason: Failure) {
        self.end_attempt();
        self.0.state.set(State::Disconnected);
        self.tell(News::Failed(reason));
    }

    fn lost(&self, reason: Failure) {
        self.0.transport.take();
        self.0.state.set(State::Disconnected);
        self.tell(News::Lost(reason));
    }

    /// Tells the factory, after what it is being told: never one inside the other.
    fn tell(&self, news: News) {
        self.0.later.borrow_mut().push_back(news);
        let Some(mut factory) = self.0.factory.take() else { return };
        let next = || self.0.later.borrow_mut().pop_front();
        while let Some(news) = next() {
            let told = guard(|| match news {
                News::Started => factory.started_connecting(self),
                News::Failed(reason) => factory.client_connection_failed(self, reason),
                News::Lost(reason) => factory.client_connection_lost(self, reason),
            });
            if let Err(panic) = told {
                report(format_args!("Unhandled error in a factory: {panic}"));
            }
        }
        self.0.factory.set(Some(factory));
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Connector");
        f.field("destination", &self.0.address).field("state", &self.state()).finish()
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("somebody stopped connecting")
    }
}

impl Error for UserError {}
