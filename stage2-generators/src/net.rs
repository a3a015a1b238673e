//! Sockets: try the call; if it would block, leave a callback and try again.
//!
//! Every operation comes twice: told what to do next (`read_then`), and as a deferred
//! (`read`). Either way the result is delivered by the loop, never before the caller has
//! returned: a program that calls itself from its own callback does not grow the stack.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use reactor::trace::{self, Place, Uncalled};
use reactor::{Direction, Key};

use crate::deferred::{Deferred, Firer};
use crate::event_loop::{Call, Callback, current, try_current};
use crate::extras::cancelling::Canceller;
use crate::failure::{Failure, bury};

/// How much one read gives at the most, in bytes.
const CHUNK: usize = 16 * 1024;

/// A listening socket. Its clones are one socket.
#[doc = include_str!("../docs/listener.md")]
#[derive(Clone)]
pub struct TcpListener {
    pub(crate) inner: Rc<reactor::TcpListener<Callback>>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = Rc::new(current().reactor.listen(address)?);
        Ok(Self { inner })
    }

    /// Fires with the next connection.
    #[track_caller]
    pub fn accept(&self) -> Deferred<TcpStream> {
        defer(|firer| self.accept_then(fires(firer)))
    }

    /// Calls `callback` with the next connection.
    #[track_caller]
    pub fn accept_then(
        &self,
        callback: impl FnOnce(io::Result<TcpStream>) + 'static,
    ) -> Waiting {
        let listener = Rc::clone(&self.inner);
        let operation = move || {
            let inner = Rc::new(listener.accept()?);
            Ok(TcpStream { inner })
        };
        begin(Some((self.inner.key(), Direction::Read)), operation, callback)
    }
}

/// A connected socket. Its clones are one socket, which is closed with the last of them.
#[doc = include_str!("../docs/stream.md")]
#[derive(Clone)]
pub struct TcpStream {
    pub(crate) inner: Rc<reactor::TcpStream<Callback>>,
}

impl TcpStream {
    /// Fires once connected to `address`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Deferred<Self> {
        defer(|firer| Self::connect_then(address, fires(firer)))
    }

    /// Calls `callback` once connected to `address`.
    #[track_caller]
    pub fn connect_then(
        address: SocketAddr,
        callback: impl FnOnce(io::Result<Self>) + 'static,
    ) -> Waiting {
        let connecting = current().reactor.connect(address).map_err(Some);
        let mut connecting = connecting.map(|inner| Self { inner: Rc::new(inner) });
        let side = connecting.as_ref().ok().map(|it| (it.inner.key(), Direction::Write));
        let operation = move || match &mut connecting {
            Ok(stream) => stream.inner.connected().map(|()| stream.clone()),
            Err(error) => Err(error.take().expect("what fails at once is tried once")),
        };
        begin(side, operation, callback)
    }

    /// Fires with what has arrived; nothing at all means that the peer is done.
    #[track_caller]
    pub fn read(&self) -> Deferred<Vec<u8>> {
        defer(|firer| self.read_then(fires(firer)))
    }

    /// Calls `callback` with what has arrived; nothing at all means that the peer is done.
    #[doc = include_str!("../docs/read_then.md")]
    #[track_caller]
    pub fn read_then(
        &self,
        callback: impl FnOnce(io::Result<Vec<u8>>) + 'static,
    ) -> Waiting {
        let stream = Rc::clone(&self.inner);
        let operation = move || {
            let event_loop = current();
            let mut buffer = event_loop.buffer.borrow_mut();
            buffer.resize(CHUNK, 0); // once
            let n = stream.read(&mut buffer)?;
            Ok(buffer[..n].to_vec())
        };
        begin(Some((self.inner.key(), Direction::Read)), operation, callback)
    }

    /// Fires once everything is written.
    #[track_caller]
    pub fn write_all(&self, bytes: Vec<u8>) -> Deferred<()> {
        defer(|firer| self.write_all_then(bytes, fires(firer)))
    }

    /// Calls `callback` once everything is written.
    #[track_caller]
    pub fn write_all_then(
        &self,
        bytes: Vec<u8>,
        callback: impl FnOnce(io::Result<()>) + 'static,
    ) -> Waiting {
        let stream = Rc::clone(&self.inner);
        let mut written = 0;
        let operation = move || {
            while written < bytes.len() {
                written += stream.write(&bytes[written..])?;
            }
            Ok(())
        };
        begin(Some((self.inner.key(), Direction::Write)), operation, callback)
    }
}

/// An operation that is under way. Dropping the handle lets it go on.
#[doc = include_str!("../docs/waiting.md")]
pub struct Waiting {
    /// Kept by the loop, or by the reactor, for as long as it goes on. If the handle kept
    /// it too, an operation that a deferred waits for would keep itself.
    operation: Weak<dyn Cancel>,
}

impl Waiting {
    /// Gives the operation up: its callback is dropped, and will not be called.
    pub fn cancel(&self) {
        self.operation.upgrade().iter().for_each(|operation| operation.cancel());
    }
}

/// Makes a deferred of an operation, which is given up when the deferred is.
#[track_caller]
fn defer<T: 'static>(begin: impl FnOnce(Firer<T>) -> Waiting) -> Deferred<T> {
    let _place = Place::here().enter();
    let (firer, deferred) = Deferred::new();
    let waiting = begin(firer);
    deferred.chain.canceller.set(Some(Canceller::Operation(waiting)));
    deferred
}

/// A callback that fires.
fn fires<T: 'static>(firer: Firer<T>) -> impl FnOnce(io::Result<T>) {
    move |result| {
        // Too late for a deferred that was cancelled meanwhile, which is no harm.
        let _ = firer.fire(result.map_err(Failure::from));
    }
}

/// Begins an operation: it is tried for the first time when the loop gets to it. Where that
/// would be in vain, it parks at once.
#[track_caller]
fn begin<T, A, C>(side: Option<Side>, attempt: A, callback: C) -> Waiting
where
    A: FnMut() -> io::Result<T> + 'static,
    C: FnOnce(io::Result<T>) + 'static,
{
    let event_loop = current();
    let (place, steps, parked) = (Place::here(), Cell::default(), Cell::default());
    let operation = Rc::new(Operation { side, place, steps, parked });
    let waiting = Waiting { operation: Rc::downgrade(&operation) as _ };
    if side.is_some_and(|side| event_loop.reactor.can_only_wait(side.0, side.1)) {
        operation.steps.set(Some((Uncalled::default(), attempt, callback)));
        retry(operation);
    } else {
        operation.steps.set(Some((trace::queued(&callback), attempt, callback)));
        event_loop.ready.borrow_mut().push_back(operation);
    }
    waiting
}

/// Tries an operation until it no longer would block. In between it parks: this is where a
/// callback is left with the reactor, and it is a callback that tries again.
///
/// One operation can wait for each direction of a socket. A second one is told that it is
/// busy: who would get the bytes?
fn retry<T, A, C>(operation: Rc<Operation<A, C>>)
where
    A: FnMut() -> io::Result<T> + 'static,
    C: FnOnce(io::Result<T>) + 'static,
{
    operation.parked.set(false);
    let steps = operation.steps.take();
    let Some((uncalled, mut attempt, callback)) = steps else { return }; // it was cancelled
    let running = uncalled.call();
    let mut result = attempt();
    if matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
        let (key, direction) = operation.side.expect("who has no socket does not block");
        let (event_loop, _place) = (current(), operation.place.enter());
        if !event_loop.reactor.is_taken(key, direction) {
            let again = (trace::left_behind(&callback), attempt, callback);
            operation.steps.set(Some(again));
            operation.parked.set(true);
            let displaced = event_loop.reactor.wait_for(key, direction, operation);
            debug_assert!(displaced.is_none(), "it was asked whether somebody waits");
            return running.finished();
        }
        let busy = "another operation already waits for this direction of the socket";
        result = Err(io::Error::new(io::ErrorKind::ResourceBusy, busy));
    }
    drop(attempt); // so that a callback that lets go of the socket closes it
    callback(result);
    running.finished();
}

/// Something that is tried until it no longer would block.
struct Operation<A, C> {
    /// Where it waits. `None`: it fails at once, and does not.
    side: Option<Side>,
    place: Place,
    /// What is tried, and who is told. Taken out for each attempt; gone once it is finished or
    /// cancelled.
    steps: Cell<Option<(Uncalled, A, C)>>,
    /// Whether it is this operation that waits with the reactor.
    parked: Cell<bool>,
}

/// A direction of a socket.
type Side = (Key, Direction);

impl<T, A, C> Call for Operation<A, C>
where
    A: FnMut() -> io::Result<T> + 'static,
    C: FnOnce(io::Result<T>) + 'static,
{
    fn call(self: Rc<Self>) {
        retry(self);
    }
}

/// An operation whose type does not matter.
trait Cancel {
    fn cancel(&self);
}

impl<A: 'static, C: 'static> Cancel for Operation<A, C> {
    fn cancel(&self) {
        let steps = self.steps.take();
        if let Some((key, direction)) = self.side.filter(|_| self.parked.take()) {
            bury(try_current().and_then(|it| it.reactor.stop_waiting(key, direction)));
        }
        bury(steps);
    }
}
