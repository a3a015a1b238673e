//! Sockets: try the call; if it would block, leave a callback and try again.
//!
//! Every operation comes twice: told what to do next (`read_then`), and as a deferred
//! (`read`). Either way the result is delivered by the loop, never before the caller has
//! returned: a program that calls itself from its own callback does not grow the stack.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{Shutdown, SocketAddr};
use std::rc::{Rc, Weak};

use reactor::trace::{self, Place};
use reactor::{Direction, Key};

use crate::deferred::Deferred;
use crate::event_loop::{Callback, call_soon, current, try_current};
use crate::failure::{Failure, bury};

/// How much one read gives at the most, in bytes.
const CHUNK: usize = 16 * 1024;

/// A listening socket. Its clones are one socket.
#[derive(Clone)]
pub struct TcpListener {
    inner: Rc<reactor::TcpListener<Callback>>,
}

impl TcpListener {
    /// Binds to `address` on the running loop.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let inner = Rc::new(current().reactor.listen(address)?);
        Ok(Self { inner })
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Fires with the next connection.
    #[track_caller]
    pub fn accept(&self) -> Deferred<TcpStream> {
        defer(|callback| self.accept_then(callback))
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
        begin(self.inner.key(), Direction::Read, operation, callback)
    }
}

/// A connected socket. Its clones are one socket, which is closed with the last of them.
#[derive(Clone)]
pub struct TcpStream {
    inner: Rc<reactor::TcpStream<Callback>>,
}

impl TcpStream {
    /// Fires once connected to `address`.
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Deferred<Self> {
        defer(|callback| Self::connect_then(address, callback))
    }

    /// Calls `callback` once connected to `address`.
    #[track_caller]
    pub fn connect_then(
        address: SocketAddr,
        callback: impl FnOnce(io::Result<Self>) + 'static,
    ) -> Waiting {
        match current().reactor.connect(address) {
            Ok(inner) => {
                let stream = Self { inner: Rc::new(inner) };
                let key = stream.inner.key();
                let operation = move || stream.inner.connected().map(|()| stream.clone());
                begin(key, Direction::Write, operation, callback)
            }
            Err(error) => {
                let callback: Callback = Box::new(|| callback(Err(error)));
                let told = Rc::new(Cell::new(Some(callback)));
                let waiting = Waiting { operation: Rc::downgrade(&told) as _ };
                call_soon(move || {
                    told.take().into_iter().for_each(|callback| callback());
                });
                waiting
            }
        }
    }

    /// Fires with what has arrived; nothing at all means that the peer is done.
    #[track_caller]
    pub fn read(&self) -> Deferred<Vec<u8>> {
        defer(|callback| self.read_then(callback))
    }

    /// Calls `callback` with what has arrived; nothing at all means that the peer is done.
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
        begin(self.inner.key(), Direction::Read, operation, callback)
    }

    /// Fires once everything is written.
    #[track_caller]
    pub fn write_all(&self, bytes: Vec<u8>) -> Deferred<()> {
        defer(|callback| self.write_all_then(bytes, callback))
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
        begin(self.inner.key(), Direction::Write, operation, callback)
    }

    /// Tells the peer that nothing more will be written.
    #[doc(alias = "loseWriteConnection")]
    pub fn shutdown(&self) -> io::Result<()> {
        self.inner.shutdown(Shutdown::Write)
    }

    /// Our end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Their end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

/// An operation that is under way. Dropping the handle lets it go on.
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

/// Makes a deferred of an operation that takes a callback.
#[track_caller]
fn defer<T: 'static>(
    begin: impl FnOnce(Box<dyn FnOnce(io::Result<T>)>) -> Waiting,
) -> Deferred<T> {
    let _place = Place::here().enter();
    let waiting = Rc::new(Cell::new(None::<Waiting>));
    let cancel = Rc::clone(&waiting);
    let (firer, deferred) = Deferred::with_canceller(move |_| {
        cancel.take().iter().for_each(Waiting::cancel);
    });
    waiting.set(Some(begin(Box::new(move |result| {
        // Too late for a deferred that was cancelled meanwhile, which is no harm.
        let _ = firer.fire(result.map_err(Failure::from));
    }))));
    deferred
}

/// Begins an operation: it is tried for the first time when the loop gets to it.
#[track_caller]
fn begin<T: 'static>(
    key: Key,
    direction: Direction,
    attempt: impl FnMut() -> io::Result<T> + 'static,
    callback: impl FnOnce(io::Result<T>) + 'static,
) -> Waiting {
    let steps = Steps { attempt: Box::new(attempt), callback: Box::new(callback) };
    let steps = RefCell::new(Some(steps));
    let (place, parked) = (Place::here(), Cell::new(false));
    let operation = Rc::new(Operation { key, direction, place, steps, parked });
    let waiting = Waiting { operation: Rc::downgrade(&operation) as _ };
    call_soon(move || retry(operation));
    waiting
}

/// Tries an operation until it no longer would block. In between it parks: this is where a
/// callback is left with the reactor, and it is a callback that tries again.
///
/// One operation can wait for each direction of a socket. A second one is told that it is
/// busy: who would get the bytes?
fn retry<T: 'static>(operation: Rc<Operation<T>>) {
    operation.parked.set(false);
    let steps = operation.steps.take();
    let Some(mut steps) = steps else { return }; // it was cancelled
    let result = (steps.attempt)();
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let (key, direction) = (operation.key, operation.direction);
            operation.steps.replace(Some(steps));
            operation.parked.set(true);
            let again = Rc::clone(&operation);
            let event_loop = current();
            let _place = operation.place.enter();
            let park = |callback| event_loop.reactor.wait_for(key, direction, callback);
            if let Some(other) = park(trace::callback(move || retry(again))) {
                drop(park(other));
                operation.refuse();
            }
        }
        result => {
            let Steps { attempt, callback } = steps;
            drop(attempt); // so that a callback that lets go of the socket closes it
            callback(result);
        }
    }
}

/// Something that is tried until it no longer would block.
struct Operation<T> {
    key: Key,
    direction: Direction,
    place: Place,
    /// Taken out for each attempt; gone once it is finished or cancelled.
    steps: RefCell<Option<Steps<T>>>,
    /// Whether it is this operation that waits with the reactor.
    parked: Cell<bool>,
}

struct Steps<T> {
    attempt: Box<dyn FnMut() -> io::Result<T>>,
    callback: Box<dyn FnOnce(io::Result<T>)>,
}

impl<T> Operation<T> {
    fn refuse(&self) {
        self.parked.set(false);
        let steps = self.steps.take();
        if let Some(steps) = steps {
            let message =
                "another operation already waits for this direction of the socket";
            (steps.callback)(Err(io::Error::new(io::ErrorKind::ResourceBusy, message)));
        }
    }
}

/// An operation whose type does not matter.
trait Cancel {
    fn cancel(&self);
}

/// One that has failed at once, and is still to say so.
impl Cancel for Cell<Option<Callback>> {
    fn cancel(&self) {
        bury(self.take());
    }
}

impl<T: 'static> Cancel for Operation<T> {
    fn cancel(&self) {
        let steps = self.steps.take();
        let parked = self.parked.take().then(try_current).flatten();
        bury(parked.and_then(|it| it.reactor.stop_waiting(self.key, self.direction)));
        bury(steps);
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}
