//! Queues between tasks: whoever puts waits while it is full, whoever gets waits while it is
//! empty, first come, first served.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use crate::debug::{Length, QueueInfo};
use crate::extras::line::{Line, Serves, Standing};
use crate::locks::Event;

/// A queue whose first in is the first out.
pub type Queue<T> = BaseQueue<T, VecDeque<T>>;

/// A queue whose last in is the first out.
pub type LifoQueue<T> = BaseQueue<T, Vec<T>>;

/// A queue whose smallest item is the first out.
pub type PriorityQueue<T> = BaseQueue<T, BinaryHeap<Reverse<T>>>;

/// A queue, whatever its order.
pub struct BaseQueue<T, S: Store<T>> {
    maxsize: usize,
    /// Not here while items are compared with each other.
    items: RefCell<S>,
    /// How many items there are.
    size: Cell<usize>,
    getters: Claimants,
    putters: Claimants,
    /// How many items were put, and not said to be done.
    unfinished: Cell<usize>,
    /// Set while there are none.
    finished: Event,
    is_shut_down: Cell<bool>,
    item: PhantomData<T>,
}

/// Where the items of a queue are kept.
pub trait Store<T>: Default {
    /// Keeps one more.
    fn put(&mut self, item: T);

    /// Gives out whichever is next.
    fn get(&mut self) -> Option<T>;
}

/// Why nothing was put, or nothing got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueError {
    /// There is nothing to get, or what there is belongs to those who wait.
    #[doc(alias = "QueueEmpty")]
    Empty,
    /// There is no room, or it belongs to those who wait.
    #[doc(alias = "QueueFull")]
    Full,
    /// The queue was shut down.
    ShutDown,
}

/// The queue was shut down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueShutDown;

/// An item that was not put, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPut<T> {
    /// The item.
    pub item: T,
    /// The reason.
    pub why: QueueError,
}

/// Those who wait for an item, or for room. Each of them who is served has a claim: so nobody
/// who comes later takes it away.
struct Claimants {
    what: &'static str,
    /// Served with `true`: it is there. Or with `false`: it never will be.
    line: Line<bool>,
    /// Counted up by `serve`, down by whoever makes use of the claim.
    claims: Cell<usize>,
}

impl<T, S: Store<T>> BaseQueue<T, S> {
    /// A queue without a bound.
    pub fn new() -> Self {
        Self::bounded(usize::MAX)
    }

    /// A queue for no more than `maxsize` items.
    ///
    /// # Panics
    ///
    /// Panics with no room at all.
    #[doc(alias = "maxsize")]
    pub fn bounded(maxsize: usize) -> Self {
        assert!(maxsize > 0, "a queue needs room for one item at least");
        let finished = Event::new();
        finished.set();
        Self {
            maxsize,
            items: RefCell::default(),
            size: Cell::new(0),
            getters: Claimants::new("an item of a queue"),
            putters: Claimants::new("room in a queue"),
            unfinished: Cell::new(0),
            finished,
            is_shut_down: Cell::new(false),
            item: PhantomData,
        }
    }

    /// Puts an item, as soon as there is room.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`] if the queue was shut down, or is meanwhile.
    #[track_caller]
    pub fn put(&self, item: T) -> impl Future<Output = Result<(), QueueShutDown>> {
        let standing = Standing::before(&self.putters);
        async {
            let not_put = match self.put_nowait(item) {
                Ok(()) => return Ok(()),
                Err(not_put) => not_put,
            };
            if not_put.why == QueueError::ShutDown || !standing.await {
                return Err(QueueShutDown);
            }
            self.putters.resolve();
            if self.is_shut_down.get() {
                return Err(QueueShutDown);
            }
            self.add(not_put.item);
            Ok(())
        }
    }

    /// Puts an item now.
    ///
    /// # Errors
    ///
    /// Gives it back if there is no room, or the queue was shut down.
    pub fn put_nowait(&self, item: T) -> Result<(), NotPut<T>> {
        if self.is_shut_down.get() {
            return Err(NotPut { item, why: QueueError::ShutDown });
        }
        if self.room() == 0 {
            return Err(NotPut { item, why: QueueError::Full });
        }
        self.add(item);
        Ok(())
    }

    /// Gets the next item, as soon as there is one.
    ///
    /// # Errors
    ///
    /// [`QueueShutDown`] if the queue was shut down, and is empty.
    #[track_caller]
    pub fn get(&self) -> impl Future<Output = Result<T, QueueShutDown>> {
        let standing = Standing::before(&self.getters);
        async {
            match self.get_nowait() {
                Ok(item) => return Ok(item),
                Err(QueueError::ShutDown) => return Err(QueueShutDown),
                Err(_) => {}
            }
            if !standing.await {
                return Err(QueueShutDown);
            }
            self.getters.resolve();
            // An immediate shutdown empties a queue whatever was claimed.
            self.take().ok_or(QueueShutDown)
        }
    }

    /// Gets the next item now.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn get_nowait(&self) -> Result<T, QueueError> {
        if self.unclaimed() == 0 {
            let is_over = self.is_shut_down.get() && self.empty();
            return Err(if is_over { QueueError::ShutDown } else { QueueError::Empty });
        }
        self.take().ok_or(QueueError::Empty)
    }

    /// Says that an item that was got is done with.
    ///
    /// # Panics
    ///
    /// Panics if it is said more often than items were put.
    #[track_caller]
    pub fn task_done(&self) {
        let left = self.unfinished.get().checked_sub(1);
        self.unfinished.set(left.expect("task_done() called too many times"));
        if left == Some(0) {
            self.finished.set();
        }
    }

    /// Waits until all that was put is done with.
    #[track_caller]
    pub fn join(&self) -> impl Future<Output = ()> {
        self.finished.wait()
    }

    /// Nothing more can be put. What is there can be got, and then whoever waits for more gets
    /// an error; with `immediate`, it is thrown away.
    pub fn shutdown(&self, immediate: bool) {
        self.is_shut_down.set(true);
        if immediate {
            self.throw_away();
        }
        self.getters.line.serve_all(|_| false);
        self.putters.line.serve_all(|_| false);
    }

    fn throw_away(&self) {
        while let Some(item) = self.take() {
            drop(item);
            self.task_done();
        }
    }

    /// How many items there are.
    pub fn qsize(&self) -> usize {
        self.size.get()
    }

    /// Whether there are none.
    pub fn empty(&self) -> bool {
        self.qsize() == 0
    }

    /// Whether there is no room.
    pub fn full(&self) -> bool {
        self.qsize() >= self.maxsize
    }

    /// For how many items there is room.
    pub fn maxsize(&self) -> usize {
        self.maxsize
    }

    /// How many items do not belong to anybody yet.
    fn unclaimed(&self) -> usize {
        self.qsize().saturating_sub(self.getters.claims.get())
    }

    /// How much room does not belong to anybody yet.
    fn room(&self) -> usize {
        self.maxsize
            .saturating_sub(self.qsize().saturating_add(self.putters.claims.get()))
    }

    fn add(&self, item: T) {
        self.size.set(self.size.get() + 1);
        self.unfinished.set(self.unfinished.get() + 1);
        self.finished.clear();
        self.with_items(|items| items.put(item));
        self.getters.serve();
    }

    fn take(&self) -> Option<T> {
        let item = self.with_items(S::get)?;
        self.size.set(self.size.get() - 1);
        if !self.is_shut_down.get() {
            self.putters.serve();
        }
        Some(item)
    }

    /// Lets `body` have the items. It compares them with each other, and that is the user's
    /// code, which may use this queue: so nothing is borrowed meanwhile.
    fn with_items<R>(&self, body: impl FnOnce(&mut S) -> R) -> R {
        let mut out =
            Out { cell: &self.items, items: self.items.take(), item: self.item };
        body(&mut out.items)
    }
}

/// Items that are out; they come back when this is dropped.
struct Out<'a, T, S: Store<T>> {
    cell: &'a RefCell<S>,
    items: S,
    item: PhantomData<T>,
}

impl<T, S: Store<T>> Drop for Out<'_, T, S> {
    fn drop(&mut self) {
        let mut meanwhile = self.cell.replace(std::mem::take(&mut self.items));
        while let Some(item) = meanwhile.get() {
            let items = self.cell.take();
            let mut out = Out { cell: self.cell, items, item: self.item };
            out.items.put(item);
        }
    }
}

impl Claimants {
    fn new(what: &'static str) -> Self {
        Self { what, line: Line::default(), claims: Cell::new(0) }
    }

    /// What they wait for is there, once: for whoever waits longest.
    fn serve(&self) {
        if self.line.serve(true).is_ok() {
            self.claims.set(self.claims.get() + 1);
        }
    }

    /// Somebody makes use of its claim, or gives it up.
    fn resolve(&self) {
        self.claims.set(self.claims.get() - 1);
    }
}

impl Serves for Claimants {
    type Given = bool;

    fn what(&self) -> &'static str {
        self.what
    }

    fn line(&self) -> &Line<bool> {
        &self.line
    }

    fn come_back(&self, is_there: bool) {
        if is_there {
            self.resolve();
            self.serve();
        }
    }
}

impl<T> Store<T> for VecDeque<T> {
    fn put(&mut self, item: T) {
        self.push_back(item);
    }

    fn get(&mut self) -> Option<T> {
        self.pop_front()
    }
}

impl<T> Store<T> for Vec<T> {
    fn put(&mut self, item: T) {
        self.push(item);
    }

    fn get(&mut self) -> Option<T> {
        self.pop()
    }
}

impl<T: Ord> Store<T> for BinaryHeap<Reverse<T>> {
    fn put(&mut self, item: T) {
        self.push(Reverse(item));
    }

    fn get(&mut self) -> Option<T> {
        self.pop().map(|Reverse(item)| item)
    }
}

impl<T, S: Store<T>> Length for BaseQueue<T, S> {
    fn info(&self) -> QueueInfo {
        QueueInfo {
            name: String::new(),
            size: self.qsize(),
            maxsize: Some(self.maxsize).filter(|it| *it != usize::MAX),
            getters: self.getters.line.len(),
            putters: self.putters.line.len(),
        }
    }
}

impl<T, S: Store<T>> Default for BaseQueue<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, S: Store<T>> fmt::Debug for BaseQueue<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("size", &self.size).finish_non_exhaustive()
    }
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty",
            Self::Full => "the queue is full",
            Self::ShutDown => "the queue was shut down",
        })
    }
}

impl fmt::Display for QueueShutDown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        QueueError::ShutDown.fmt(f)
    }
}

impl<T> fmt::Display for NotPut<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl Error for QueueError {}
impl Error for QueueShutDown {}
impl<T: fmt::Debug> Error for NotPut<T> {}
