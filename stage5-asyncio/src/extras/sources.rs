//! Whoever waits for a socket again and again: transports, and the sockets of servers. The loop
//! keeps them until they are closed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use reactor::trace::{self, Place, Running, Uncalled};
use reactor::{Direction, Key};
use slab::Slab;

use crate::event_loop::EventLoop;
use crate::events::Ready;

/// How much is read at once, in bytes: asyncio's `max_size`.
const READ_SIZE: usize = 256 * 1024;

/// Whoever waits for a socket again and again. It costs no allocation each time.
pub(crate) trait Source {
    /// The socket is worth trying.
    fn ready(self: Rc<Self>, direction: Direction);

    /// The line of the program that made it.
    fn place(&self) -> Place;

    /// The loop is closed: the socket is to be closed, and nobody to be told.
    fn abandon(self: Rc<Self>);
}

/// All that are open on a loop.
#[derive(Default)]
pub(crate) struct Sources {
    open: RefCell<Slab<Rc<dyn Source>>>,
    /// Into which all of them read, one after the other. Not here while one does.
    buffer: Cell<Vec<u8>>,
}

impl Sources {
    /// Keeps it until it is released by that number.
    pub(crate) fn keep(&self, source: Rc<dyn Source>) -> usize {
        self.open.borrow_mut().insert(source)
    }

    pub(crate) fn release(&self, number: usize) {
        let source = self.open.borrow_mut().try_remove(number);
        drop(source);
    }

    pub(crate) fn take_all(&self) -> Vec<Rc<dyn Source>> {
        self.open.take().into_iter().map(|(_, source)| source).collect()
    }

    /// Lends the buffer. Whoever reads and fills it lets the others read before it reads again.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&mut [u8]) -> R) -> R {
        let mut buffer = self.buffer.take();
        buffer.resize(READ_SIZE, 0);
        let result = read(&mut buffer);
        self.buffer.set(buffer);
        result
    }
}

/// One direction of a socket, as its source waits for it.
pub(crate) struct Watch {
    direction: Direction,
    /// Set by `arm` and `again`; cleared by `fired`, and by `disarm`.
    is_armed: Cell<bool>,
    /// For the recording.
    uncalled: Cell<Uncalled>,
}

impl Watch {
    pub(crate) fn new(direction: Direction) -> Self {
        Self { direction, is_armed: Cell::default(), uncalled: Cell::default() }
    }

    /// An attempt said `WouldBlock`: has `source` told, once, when it is worth trying again.
    /// `callback` is what the recording calls that.
    pub(crate) fn arm<S: Source + 'static, F>(
        &self,
        event_loop: &EventLoop,
        key: Key,
        source: &Rc<S>,
        callback: &F,
    ) {
        if self.is_armed.replace(true) {
            return;
        }
        self.uncalled.set(trace::left_behind(callback));
        let ready = Ready::source(Rc::clone(source) as _, self.direction);
        let displaced = event_loop.reactor().wait_for(key, self.direction, ready);
        drop(displaced);
    }

    /// Has `source` try in the next turn, as soon as the others had theirs.
    pub(crate) fn again<S: Source + 'static, F>(
        &self,
        event_loop: &EventLoop,
        source: &Rc<S>,
        callback: &F,
    ) {
        if self.is_armed.replace(true) {
            return;
        }
        self.uncalled.set(trace::queued(callback));
        event_loop.0.engine.push(Ready::source(Rc::clone(source) as _, self.direction));
    }

    /// It is not told any more, even if that is queued already.
    pub(crate) fn disarm(&self, event_loop: &EventLoop, key: Key) {
        if self.is_armed.replace(false) {
            drop(self.uncalled.take());
            drop(event_loop.reactor().stop_waiting(key, self.direction));
        }
    }

    /// Whether its source is going to be told.
    pub(crate) fn is_armed(&self) -> bool {
        self.is_armed.get()
    }

    /// It is told now. `None`: it was disarmed meanwhile.
    pub(crate) fn fired(&self) -> Option<Running> {
        self.is_armed.replace(false).then(|| self.uncalled.take().call())
    }
}
