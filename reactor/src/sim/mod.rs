//! An invented network under an invented clock: same seed, same story.
//!
//! Time moves only when nobody has anything to do, and then jumps to what comes next. So an
//! hour of sleep is over at once, and every accident, from a short read to a reset, follows
//! from a seed and can be had again. If nothing comes next, the program would hang for ever:
//! then [`wait`](crate::backend::Backend::wait) fails with [`Deadlock`](ErrorKind::Deadlock)
//! and says who waits for what.
//!
//! The other ends are [`Peer`]s: state machines inside the network, without threads.
//!
//! ```
//! use reactor::sim::{Event, Link, Peer, Sim, Weather};
//! use reactor::{Direction, Reactor, backend};
//! use std::net::SocketAddr;
//!
//! struct Greeter;
//!
//! impl Peer for Greeter {
//!     fn on(&mut self, event: Event, link: &mut Link<'_>) {
//!         if matches!(event, Event::Connected) {
//!             link.send(b"hello");
//!             link.finish();
//!         }
//!     }
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let address = SocketAddr::from(([10, 0, 0, 1], 80));
//! let sim = Sim::new(7, Weather::calm());
//! sim.serve(address, || Box::new(Greeter));
//! let reactor = Reactor::with_backend(sim);
//! let stream = reactor.connect(address)?;
//! let mut buffer = [0; 16];
//! let n = loop {
//!     match stream.read(&mut buffer) {
//!         Ok(n) => break n,
//!         Err(_) => {
//!             let _ = reactor.wait_for(stream.key(), Direction::Read, ());
//!             reactor.select(None, &mut Vec::new())?;
//!         }
//!     }
//! };
//! assert_eq!(&buffer[..n], b"hello");
//! # Ok(())
//! # }
//! ```
//!
//! What it does not know (datagrams, pipes, whatever else is not TCP, a shutdown of reading)
//! answers `Unsupported`. It does not know of other threads either, but for those of
//! [`Sim::elsewhere`]: a wake that another still has to send comes too late.
//!
//! # Reading order
//!
//! `network.rs` is the heart: what travels, and what happens when it arrives. `socket.rs`:
//! one end of a connection. `wire.rs`: what is on its way. [`Weather`]: how unkind it all is.
//! `dice.rs`: where chance comes from. [`Peer`]: who sits at the other end. `stream.rs`: what
//! the program holds. [`Tally`]: what it asks for, and whom it neglects.

mod dice;
mod network;
mod peer;
mod socket;
mod stream;
mod tally;
mod weather;
mod wire;

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{self, Backend, Listener, Token};
use crate::waiting::Direction;
use network::Network;
use peer::Peers;
pub use peer::{Event, Link, Peer};
use stream::{SimListener, SimStream};
pub use tally::Tally;
pub use weather::Weather;
use wire::Parcel;

/// A simulated network: the backend, and the handle to steer it.
pub struct Sim {
    network: Rc<RefCell<Network>>,
    peers: RefCell<Peers>,
    /// Set by wakers, on any thread; cleared by the `wait` that they end.
    woken: Arc<Woken>,
    /// Set by the wait that would never have ended.
    stuck: Cell<bool>,
}

impl Sim {
    /// A network whose every accident follows from `seed`.
    pub fn new(seed: u64, weather: Weather) -> Rc<Self> {
        Rc::new(Self {
            network: Rc::new(RefCell::new(Network::new(seed, weather))),
            peers: RefCell::default(),
            woken: Arc::default(),
            stuck: Cell::new(false),
        })
    }

    /// A server at `address`: `peer` makes the other end of every connection.
    ///
    /// # Panics
    ///
    /// Panics when somebody listens there already.
    pub fn serve(
        &self,
        address: SocketAddr,
        peer: impl FnMut() -> Box<dyn Peer> + 'static,
    ) {
        let listens = self.network.borrow_mut().serve(address);
        assert!(listens, "{address} is taken");
        self.peers.borrow_mut().serve(address, Box::new(peer));
    }

    /// A client, who connects to `address` after `delay`.
    pub fn connect_peer(
        &self,
        delay: Duration,
        address: SocketAddr,
        peer: Box<dyn Peer>,
    ) {
        let end = self.network.borrow_mut().connect_peer(delay, address);
        self.peers.borrow_mut().join(end, peer);
    }

    /// Whatever is sent to `address` is never answered.
    pub fn black_hole(&self, address: SocketAddr) {
        self.network.borrow_mut().black_hole(address);
    }

    /// Whoever connects to `address` waits so much longer for an answer, whatever that is.
    pub fn far(&self, address: SocketAddr, longer: Duration) {
        self.network.borrow_mut().far(address, longer);
    }

    /// Loses patience with a program that keeps asking: after a thousand attempts or waits,
    /// and `each` more for every byte that moves and everything that arrives, whatever it
    /// asks fails with [`QuotaExceeded`](ErrorKind::QuotaExceeded). A loop that only looks
    /// would otherwise never end.
    pub fn patience(&self, each: u64) {
        self.network.borrow_mut().patience = each;
    }

    /// Calls `action` after `delay`, from inside [`wait`](Backend::wait). It may do anything
    /// to the program, so then the wait is over. A delay beyond what an [`Instant`] can show
    /// is never over.
    pub fn after(&self, delay: Duration, action: impl FnOnce() + 'static) {
        let woken = Arc::clone(&self.woken);
        self.post(delay, move || {
            action();
            woken.wake();
        });
    }

    /// Calls `action` after `delay`, on a thread of its own. If the program is to hear of it,
    /// it has to be woken.
    pub fn elsewhere(&self, delay: Duration, action: impl FnOnce() + Send + 'static) {
        self.post(delay, || {
            let called = thread::spawn(action).join();
            called.unwrap_or_else(|panic| resume_unwind(panic));
        });
    }

    /// Lets arrive what is on its way, for as long as `patience` at most: a program may be over
    /// before its peers have heard of it, and they are asked afterwards.
    pub fn settle(&self, patience: Duration) {
        let deadline = self.elapsed().saturating_add(patience);
        while self.network.borrow().next_arrival().is_some_and(|at| at <= deadline) {
            self.network.borrow_mut().jump(None);
            self.deliver();
        }
    }

    /// How long the story has taken, by its own clock.
    pub fn elapsed(&self) -> Duration {
        self.network.borrow().now()
    }

    /// How many sockets the program has open.
    pub fn open_sockets(&self) -> usize {
        self.network.borrow().open_sockets()
    }

    /// Whether the program has waited for what never comes.
    pub fn is_stuck(&self) -> bool {
        self.stuck.get()
    }

    /// What the program has asked for so far.
    pub fn tally(&self) -> Tally {
        self.network.borrow().tally
    }

    /// What has arrived so far, a line each: two runs of one seed have the same.
    pub fn story(&self) -> Vec<String> {
        self.network.borrow().story.clone()
    }

    fn post(&self, delay: Duration, action: impl FnOnce() + 'static) {
        self.network.borrow_mut().post(delay, Parcel::Action(Box::new(action)));
    }

    /// Tells the peers what happened to them, until nobody has anything to tell. They send,
    /// which takes its time, so this ends.
    fn tell_peers(&self) {
        loop {
            let told = self.network.borrow_mut().told.pop_front();
            let Some((end, event)) = told else { return };
            let peer = self.peers.borrow_mut().take(end, &self.network);
            let Some(mut peer) = peer else { continue };
            let mut link = Link::new(&self.network, end);
            peer.on(event, &mut link);
            if !link.is_closed() {
                self.peers.borrow_mut().join(end, peer);
            }
        }
    }

    /// Whatever should have arrived by now arrives; actions are called.
    fn deliver(&self) {
        loop {
            let action = self.network.borrow_mut().deliver();
            self.tell_peers();
            let Some(action) = action else { return };
            action();
        }
    }
}

impl Backend for Sim {
    fn now(&self) -> Instant {
        self.network.borrow().instant()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let address = self.network.borrow_mut().listen(token, address)?;
        Ok(Box::new(SimListener { network: Rc::clone(&self.network), address }))
    }

    fn connect(
        &self,
        token: Token,
        address: SocketAddr,
    ) -> io::Result<Box<dyn backend::Stream>> {
        let end = self.network.borrow_mut().connect(token, address)?;
        Ok(Box::new(SimStream { network: Rc::clone(&self.network), end }))
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.network.borrow_mut().arm(token, direction);
    }

    fn wait(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<backend::Event>,
    ) -> io::Result<()> {
        let deadline = self.network.borrow_mut().begin_wait(timeout)?;
        loop {
            self.deliver();
            let is_woken = self.woken.0.swap(false, Ordering::AcqRel);
            let mut network = self.network.borrow_mut();
            network.maybe_spurious();
            if network.report(events) || is_woken {
                return Ok(());
            }
            let is_over = deadline.is_some_and(|deadline| network.now() >= deadline);
            if is_over {
                return Ok(());
            }
            if !network.jump(deadline) {
                let message = network.who_waits();
                self.stuck.set(true);
                return Err(io::Error::new(ErrorKind::Deadlock, message));
            }
        }
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.woken).into()
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}
