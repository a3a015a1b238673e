//! A backend that is nothing but a clock, for tests of time that take none.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crate::backend::{Backend, Event, Listener, Stream, Token};
use crate::waiting::Direction;

/// A virtual clock and no network: whoever waits is at once as late as it asked for.
///
/// To wait for ever is an error here, [`Deadlock`](io::ErrorKind::Deadlock): without
/// sockets, nothing could ever end it. (It does not know of other threads: a wake that one
/// of them still has to send comes too late.)
#[derive(Debug)]
pub struct Clockwork {
    start: Instant,
    /// Moved by `wait` alone.
    elapsed: Cell<Duration>,
    /// Set by wakers, on any thread; cleared by the `wait` that they end.
    woken: Arc<Woken>,
}

impl Clockwork {
    /// A clock that starts now, by the wall, and then goes its own way.
    pub fn new() -> Rc<Self> {
        let elapsed = Cell::new(Duration::ZERO);
        Rc::new(Self { start: Instant::now(), elapsed, woken: Arc::default() })
    }

    /// How much time has passed since the start, by this clock.
    pub fn elapsed(&self) -> Duration {
        self.elapsed.get()
    }

    /// What will have passed after `timeout`. `None`: more than an [`Instant`] can show.
    fn after(&self, timeout: Duration) -> Option<Duration> {
        let elapsed = self.elapsed().checked_add(timeout)?;
        self.start.checked_add(elapsed).map(|_| elapsed)
    }
}

impl Backend for Clockwork {
    fn now(&self) -> Instant {
        self.start + self.elapsed.get()
    }

    fn listen(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Err(no_network())
    }

    fn connect(&self, _: Token, _: SocketAddr) -> io::Result<Box<dyn Stream>> {
        Err(no_network())
    }

    fn arm(&self, _: Token, _: Direction) {}

    fn wait(&self, timeout: Option<Duration>, _: &mut Vec<Event>) -> io::Result<()> {
        if self.woken.0.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let Some(elapsed) = timeout.and_then(|timeout| self.after(timeout)) else {
            let message = "waits for ever, and there is nothing to wait for";
            return Err(io::Error::new(io::ErrorKind::Deadlock, message));
        };
        self.elapsed.set(elapsed);
        Ok(())
    }

    fn waker(&self) -> Waker {
        Arc::clone(&self.woken).into()
    }
}

fn no_network() -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, "a clockwork has no network")
}

#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
