//! The reactor: leave a value, sleep, get it back when it is worth trying again.

use std::cell::RefCell;
use std::io;
use std::net::{self, SocketAddr};
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::os::unix::net as unix;
#[cfg(unix)]
use std::path::Path;
#[cfg(target_os = "linux")]
use std::process::Child;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::backend::{self, Backend, Event};
use crate::datagram::UdpSocket;
#[cfg(unix)]
use crate::descriptor::Descriptor;
use crate::net::{Slot, TcpListener, TcpStream};
#[cfg(unix)]
use crate::pipe::Pipe;
use crate::timers::{TimerId, Timers};
use crate::trace;
#[cfg(unix)]
use crate::unix::{UnixDatagram, UnixListener, UnixStream};
use crate::waiting::{Direction, Key, Waiting};

/// Waits for sockets and for the clock, on behalf of an event loop.
///
/// Every method takes `&self`, and none of them runs or drops a `T` while something is
/// borrowed: a `T` may own sockets, and those come back here when they are dropped. That is
/// why whatever is displaced, cancelled or taken back is *returned*.
///
/// Dropping the reactor drops everybody who still waits. Sockets may outlive it: they can
/// be tried, but nobody can wait for them any more.
#[doc(alias("selector", "DefaultSelector"))]
#[derive(Debug)]
pub struct Reactor<T> {
    shared: Rc<Shared<T>>,
}

/// What the reactor and its sockets both reach.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    /// Chosen when the reactor is made; asked for sockets, for the time, and to wait.
    backend: Rc<dyn Backend>,
    /// Filled by `wait_for`; emptied by `select` and by the sockets' drop.
    pub(crate) waiting: RefCell<Waiting<T>>,
    /// Filled by `wait_until`; emptied by `select` and `cancel`.
    timers: RefCell<Timers<T>>,
    /// Filled by the backend and read by `select`; kept only for its allocation.
    events: RefCell<Vec<Event>>,
}

impl<T> Reactor<T> {
    /// Opens a reactor on the backend that the enclosing [`backend::scope`] chose, or that was
    /// [installed](backend::install), or else on the selector of the platform.
    ///
    /// # Errors
    ///
    /// Fails when the platform has no descriptors left.
    pub fn new() -> io::Result<Self> {
        Ok(Self::with_backend(backend::chosen()?))
    }

    /// Makes a reactor on `backend`. A backend serves one reactor at a time.
    pub fn with_backend(backend: Rc<dyn Backend>) -> Self {
        static REACTORS: AtomicU32 = AtomicU32::new(0);
        let number = REACTORS.fetch_add(1, Ordering::Relaxed);
        trace::clock(&backend);
        Self {
            shared: Rc::new(Shared {
                backend,
                waiting: RefCell::new(Waiting::new(number)),
                timers: RefCell::new(Timers::new(number)),
                events: RefCell::default(),
            }),
        }
    }

    /// The time by the reactor's clock. It is monotonic; under a virtual clock it need not
    /// be the wall's.
    #[doc(alias = "time")]
    pub fn now(&self) -> Instant {
        self.shared.backend.now()
    }

    /// When `delay` will have passed. `None` is never: no clock can show that time.
    pub fn after(&self, delay: Duration) -> Option<Instant> {
        self.now().checked_add(delay)
    }

    /// Opens a listening socket.
    ///
    /// # Errors
    ///
    /// Whatever `bind` and `listen` answer: address in use, no descriptors left.
    pub fn listen(&self, address: SocketAddr) -> io::Result<TcpListener<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.listen(slot.token(), address)?;
        Ok(TcpListener::new(inner, slot))
    }

    /// Starts to connect. Wait to [`Write`](Direction::Write), then ask
    /// [`TcpStream::connected`] how it ended.
    ///
    /// # Errors
    ///
    /// What can be said at once: no descriptors left, no route. A refusal comes later.
    pub fn connect(&self, address: SocketAddr) -> io::Result<TcpStream<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.connect(slot.token(), address)?;
        Ok(TcpStream::new(inner, slot))
    }

    /// Opens a socket for datagrams, UDP.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend without datagrams; whatever `bind` answers.
    #[doc(alias = "create_datagram_endpoint")]
    pub fn bind(&self, address: SocketAddr) -> io::Result<UdpSocket<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.bind(slot.token(), address)?;
        Ok(UdpSocket::new(inner, slot))
    }

    /// Opens a listening socket in the file system.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend without such sockets; whatever `bind` answers: `AddrInUse`
    /// when there is a file of that name, even if nobody listens there any more.
    #[cfg(unix)]
    #[doc(alias = "create_unix_server")]
    pub fn listen_unix(&self, path: impl AsRef<Path>) -> io::Result<UnixListener<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.listen_unix(slot.token(), path.as_ref())?;
        Ok(UnixListener::new(inner, slot))
    }

    /// Starts to connect to a socket in the file system. Wait to [`Write`](Direction::Write),
    /// then ask [`UnixStream::connected`] how it ended.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend without such sockets; what can be said at once, which is
    /// mostly all: `NotFound`, `ConnectionRefused`; `WouldBlock` when too many wait there to be
    /// accepted: then nothing was started, and it has to be called again later.
    #[cfg(unix)]
    #[doc(alias = "create_unix_connection")]
    pub fn connect_unix(&self, path: impl AsRef<Path>) -> io::Result<UnixStream<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.connect_unix(slot.token(), path.as_ref())?;
        Ok(UnixStream::new(inner, slot))
    }

    /// Opens a socket for datagrams in the file system. Without a path it has no name: it can
    /// send, and nobody can answer.
    ///
    /// # Errors
    ///
    /// As [`listen_unix`](Self::listen_unix).
    #[cfg(unix)]
    pub fn bind_unix(&self, path: Option<&Path>) -> io::Result<UnixDatagram<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.bind_unix(slot.token(), path)?;
        Ok(UnixDatagram::new(inner, slot))
    }

    /// Takes over a listening socket that was opened elsewhere, with options of its own. It
    /// does not block from now on, and neither do its clones.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend that is invented, or what the registration answers.
    pub fn adopt_listener(
        &self,
        listener: net::TcpListener,
    ) -> io::Result<TcpListener<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.adopt_listener(slot.token(), listener)?;
        Ok(TcpListener::new(inner, slot))
    }

    /// Takes over a connected socket.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    #[doc(alias = "connect_accepted_socket")]
    pub fn adopt_stream(&self, stream: net::TcpStream) -> io::Result<TcpStream<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.adopt_stream(slot.token(), stream)?;
        Ok(TcpStream::new(inner, slot))
    }

    /// Takes over a socket for datagrams.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    pub fn adopt_datagram(&self, socket: net::UdpSocket) -> io::Result<UdpSocket<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.adopt_datagram(slot.token(), socket)?;
        Ok(UdpSocket::new(inner, slot))
    }

    /// Takes over a connected socket without an address: one of a pair, say.
    ///
    /// # Errors
    ///
    /// As [`adopt_listener`](Self::adopt_listener).
    #[cfg(unix)]
    #[doc(alias = "socketpair")]
    pub fn adopt_unix(&self, stream: unix::UnixStream) -> io::Result<UnixStream<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.adopt_unix(slot.token(), stream)?;
        Ok(UnixStream::new(inner, slot))
    }

    /// Takes over one end of a pipe, to be read or written as `direction` says. It does not
    /// block from now on, and neither do its clones: that is a property of what they share.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend without pipes, or what the registration answers: a
    /// regular file cannot be waited for (`PermissionDenied` on Linux).
    #[cfg(unix)]
    pub fn adopt(&self, end: OwnedFd, direction: Direction) -> io::Result<Pipe<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.adopt(slot.token(), end, direction)?;
        Ok(Pipe::new(inner, slot))
    }

    /// Opens a file, to be read from its beginning to its end like a pipe. The engine makes the
    /// calls: nobody waits for the disk. What is wrong with it, the first read says.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend that only knows readiness, which files do not have: read them on
    /// another thread there.
    #[cfg(unix)]
    pub fn open(&self, path: &Path) -> io::Result<Pipe<T>> {
        let slot = Slot::new(&self.shared);
        let inner = self.shared.backend.open(slot.token(), path)?;
        Ok(Pipe::new(inner, slot))
    }

    /// Waits for a descriptor, whatever it is, and leaves the rest to the caller. To wait for
    /// somebody else's, hand over a clone.
    ///
    /// # Errors
    ///
    /// `Unsupported` on a backend without descriptors, or what the registration answers: a
    /// regular file cannot be waited for (`PermissionDenied` on Linux).
    #[cfg(unix)]
    #[doc(alias("add_reader", "add_writer"))]
    pub fn watch(&self, descriptor: OwnedFd) -> io::Result<Descriptor<T>> {
        let slot = Slot::forgetful(&self.shared);
        let inner = self.shared.backend.watch(slot.token(), descriptor)?;
        Ok(Descriptor::new(inner, slot))
    }

    /// Waits for the end of a process: its descriptor is readable from then on. To reap it
    /// remains the caller's task.
    ///
    /// # Errors
    ///
    /// As [`watch`](Self::watch), or whatever `pidfd_open` answers.
    #[cfg(target_os = "linux")]
    #[doc(alias = "PidfdChildWatcher")]
    pub fn watch_child(&self, child: &Child) -> io::Result<Descriptor<T>> {
        let no_flags = rustix::process::PidfdFlags::empty();
        let child = rustix::process::Pid::from_child(child);
        self.watch(rustix::process::pidfd_open(child, no_flags)?)
    }

    /// Leaves `data` behind until it is worth trying `direction` again, and returns what it
    /// displaced: one reader and one writer can wait on a socket.
    ///
    /// Call it after an attempt said `WouldBlock`. Called without one, it hands `data` back
    /// at the next [`select`](Self::select), since readiness is remembered until an attempt
    /// uses it up: to the caller this selector is level-triggered.
    ///
    /// # Panics
    ///
    /// Panics when the socket of that key is closed, or belongs to another reactor: nobody
    /// could ever be woken.
    #[doc(alias("register", "add_reader", "add_writer"))]
    #[must_use = "who was displaced may have to be woken"]
    pub fn wait_for(&self, key: Key, direction: Direction, data: T) -> Option<T> {
        let parked = self.shared.waiting.borrow_mut().park(key, direction, data);
        if !parked.at_once {
            self.shared.backend.arm(key.token(), direction);
        }
        parked.displaced
    }

    /// Takes back what [`wait_for`](Self::wait_for) left, if it is still there.
    #[doc(alias("unregister", "remove_reader", "remove_writer"))]
    pub fn stop_waiting(&self, key: Key, direction: Direction) -> Option<T> {
        self.shared.waiting.borrow_mut().unpark(key, direction)
    }

    /// Whether somebody waits there: who comes now would displace them.
    pub fn is_taken(&self, key: Key, direction: Direction) -> bool {
        self.shared.waiting.borrow_mut().is_taken(key, direction)
    }

    /// Whether all that one can do there is to wait: nobody does, and an attempt would be in
    /// vain, as far as the last [`select`](Self::select) knows.
    pub fn can_only_wait(&self, key: Key, direction: Direction) -> bool {
        self.shared.waiting.borrow_mut().can_only_wait(key, direction)
    }

    /// Leaves `data` behind until the clock reaches `deadline`. Equal deadlines come back in
    /// the order in which they were left. With `None`, as [`after`](Self::after) gives it for
    /// a delay beyond all clocks, `data` stays until it is taken back.
    #[doc(alias("call_at", "callLater"))]
    pub fn wait_until(&self, deadline: impl Into<Option<Instant>>, data: T) -> TimerId {
        self.shared.timers.borrow_mut().insert(deadline.into(), data)
    }

    /// Takes a timer back before it expires. `None`: it has expired, or was cancelled, or is
    /// another reactor's.
    pub fn cancel(&self, id: TimerId) -> Option<T> {
        self.shared.timers.borrow_mut().remove(id)
    }

    /// Takes everybody back, sockets before timers: for the end of a loop.
    #[must_use = "who is dropped may use the reactor once more"]
    pub fn take_all(&self) -> Vec<T> {
        let mut all = self.shared.waiting.borrow_mut().take_all();
        all.extend(self.shared.timers.borrow_mut().take_all());
        all
    }

    /// A handle that ends a sleeping [`select`](Self::select), or the next one, from any
    /// thread. Many wakes may end one select.
    #[doc(alias = "call_soon_threadsafe")]
    pub fn waker(&self) -> Waker {
        self.shared.backend.waker()
    }

    /// How many sockets are open here, waited for or not.
    pub fn sockets(&self) -> usize {
        self.shared.waiting.borrow().entries()
    }

    /// Whether something that is waited for can end a sleep: a socket, or a timer that will
    /// expire. It costs less than to count the sockets.
    pub fn is_waited_for(&self) -> bool {
        let Shared { timers, waiting, .. } = &*self.shared;
        timers.borrow().len() > 0 || waiting.borrow().has_waiter()
    }

    /// How many values wait for a socket.
    pub fn waiters(&self) -> usize {
        self.shared.waiting.borrow().len()
    }

    /// How many values wait for the clock. Those that wait until never do not: it will not
    /// give them back.
    pub fn timers(&self) -> usize {
        self.shared.timers.borrow().len()
    }

    /// Sleeps until something is worth trying, a timer expires, `timeout` is over or
    /// somebody wakes it; appends what was left behind to `ready`, sockets before timers,
    /// timers by their deadline. A signal neither ends nor shortens the sleep (PEP 475).
    ///
    /// # Errors
    ///
    /// What the platform's selector answers; nothing that concerns a single socket.
    pub fn select(
        &self,
        timeout: Option<Duration>,
        ready: &mut Vec<T>,
    ) -> io::Result<()> {
        let Shared { backend, waiting, timers, events } = &*self.shared;
        let mut happened = events.take();
        let slept = self.sleep(timeout, &mut happened);
        waiting.borrow_mut().deliver(&mut happened, ready);
        events.replace(happened);
        timers.borrow_mut().deliver(|| backend.now(), ready);
        slept
    }

    /// Waits in the backend until the earliest of `timeout` and the first timer.
    fn sleep(
        &self,
        timeout: Option<Duration>,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let Shared { backend, waiting, timers, .. } = &*self.shared;
        let busy = timeout == Some(Duration::ZERO) || waiting.borrow().is_ready();
        // Who does not sleep need not know what time it is.
        let asked = timeout.filter(|_| !busy).and_then(|timeout| self.after(timeout));
        let deadline = earliest(asked, timers.borrow_mut().first());
        loop {
            let left = if busy {
                Some(Duration::ZERO)
            } else {
                deadline.map(|deadline| deadline.saturating_duration_since(self.now()))
            };
            match backend.wait(left, events) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

/// The earlier of two deadlines, where `None` means never.
fn earliest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// Breaks the circle of a reactor that keeps callbacks that keep sockets of the reactor.
impl<T> Drop for Reactor<T> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}
