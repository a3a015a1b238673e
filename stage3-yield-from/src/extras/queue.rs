//! A queue between tasks: a shelf, a semaphore for what lies on it, and one for the room that is
//! left.
//!
//! Whoever gets takes a permit of the one and releases one of the other; whoever puts does it the
//! other way round. So it is as fair as a semaphore is, and loses as little when somebody is
//! cancelled.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt;
use std::rc::Rc;

use reactor::trace::Place;

use crate::extras::errors::{DoneTooOften, QueueEmpty, QueueFull};
use crate::extras::waiters::Waiters;
use crate::failure::Failure;
use crate::sync::Semaphore;
use crate::task::{Coroutine, coroutine};

/// What was put first is got first.
///
/// ```
/// use stage3_yield_from::extras::queue::Queue;
/// use stage3_yield_from::{coroutine, run, spawn, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let queue = Queue::new(1);
///     let producer = queue.clone();
///     spawn(coroutine(async move {
///         for page in 1..=3 {
///             yield_from(producer.put(page)).await?; // waits while there is no room
///         }
///         Ok(())
///     }));
///     for page in 1..=3 {
///         assert_eq!(yield_from(queue.get()).await?, page);
///         queue.task_done()?;
///     }
///     yield_from(queue.join()).await
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
pub type Queue<T> = QueueOn<VecDeque<T>>;

/// What was put last is got first.
///
/// ```
/// use stage3_yield_from::extras::queue::LifoQueue;
///
/// let stack = LifoQueue::new(2);
/// stack.put_nowait("below").unwrap();
/// stack.put_nowait("above").unwrap();
/// assert_eq!(stack.put_nowait("too much").unwrap_err().0, "too much");
/// assert_eq!(stack.get_nowait(), Ok("above"));
/// ```
pub type LifoQueue<T> = QueueOn<Vec<T>>;

/// What is least is got first. Among equals any may be.
///
/// ```
/// use stage3_yield_from::extras::queue::PriorityQueue;
///
/// let queue = PriorityQueue::new(0);
/// for urgency in [3, 1, 2] {
///     queue.put_nowait(urgency).unwrap();
/// }
/// assert_eq!(queue.get_nowait(), Ok(1));
/// ```
pub type PriorityQueue<T> = QueueOn<BinaryHeap<Reverse<T>>>;

/// A queue whose items lie on a shelf of that kind, which says what comes next. Its clones are
/// one queue.
pub struct QueueOn<S: Shelf>(Rc<Inner<S>>);

struct Inner<S> {
    shelf: RefCell<S>,
    maxsize: usize,
    /// A permit for each item that lies there and is promised to nobody.
    items: Semaphore,
    /// A permit for each place that is free and promised to nobody.
    room: Semaphore,
    /// How many were put and not yet called done.
    unfinished: Cell<usize>,
    /// Whoever waits until that is none.
    joining: Waiters,
}

/// Where the items of a queue lie.
pub trait Shelf: Default + 'static {
    /// What lies there.
    type Item: 'static;
    /// Puts one more there.
    fn put(&mut self, item: Self::Item);
    /// Takes away the one whose turn it is.
    fn get(&mut self) -> Option<Self::Item>;
    /// How many there are.
    fn count(&self) -> usize;
}

impl<S: Shelf> QueueOn<S> {
    /// A queue with room for `maxsize` items; without an end, if that is 0.
    pub fn new(maxsize: usize) -> Self {
        let room = if maxsize == 0 { usize::MAX } else { maxsize };
        Self(Rc::new(Inner {
            shelf: RefCell::default(),
            maxsize,
            items: Semaphore::new(0),
            room: Semaphore::new(room),
            unfinished: Cell::new(0),
            joining: Waiters::default(),
        }))
    }

    /// Waits until there is room, and puts `item` there.
    #[track_caller]
    pub fn put(&self, item: S::Item) -> Coroutine<()> {
        let (place, queue) = (Place::here(), self.clone());
        coroutine(async move {
            queue.0.room.take(place, "room in a queue").await?;
            queue.shelve(item);
            Ok(())
        })
    }

    /// Puts `item` there if that needs no waiting.
    ///
    /// # Errors
    ///
    /// [`QueueFull`], with the item, if there is no room.
    pub fn put_nowait(&self, item: S::Item) -> Result<(), QueueFull<S::Item>> {
        if !self.0.room.take_now() {
            return Err(QueueFull(item));
        }
        self.shelve(item);
        Ok(())
    }

    /// Waits until there is an item, and takes it. Whoever waited longest is served first.
    #[track_caller]
    pub fn get(&self) -> Coroutine<S::Item> {
        let (place, queue) = (Place::here(), self.clone());
        coroutine(async move { queue.get_at(place).await })
    }

    pub(crate) async fn get_at(&self, place: Place) -> Result<S::Item, Failure> {
        self.0.items.take(place, "an item in a queue").await?;
        Ok(self.unshelve())
    }

    /// Takes an item if that needs no waiting. One that is promised to somebody who waited is
    /// not there any more; in asyncio it still is, and that one waits once more.
    ///
    /// # Errors
    ///
    /// [`QueueEmpty`] if there is none.
    pub fn get_nowait(&self) -> Result<S::Item, QueueEmpty> {
        if self.0.items.take_now() { Ok(self.unshelve()) } else { Err(QueueEmpty) }
    }

    /// Says that the work on an item that was got is done.
    ///
    /// # Errors
    ///
    /// [`DoneTooOften`] if it was said for every item that was put; asyncio's `ValueError`.
    pub fn task_done(&self) -> Result<(), DoneTooOften> {
        let left = self.0.unfinished.get().checked_sub(1).ok_or(DoneTooOften)?;
        self.0.unfinished.set(left);
        while left == 0 && self.0.joining.serve() {}
        Ok(())
    }

    /// Waits until [`task_done`](Self::task_done) was said for every item that was put.
    #[track_caller]
    pub fn join(&self) -> Coroutine<()> {
        let (place, queue) = (Place::here(), self.clone());
        coroutine(async move {
            while queue.0.unfinished.get() > 0 {
                queue.0.joining.wait(place, "the work of a queue", || ()).await?;
            }
            Ok(())
        })
    }

    /// How many items there are.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.0.shelf.borrow().count()
    }

    /// Whether there is none.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.0.maxsize > 0 && self.len() >= self.0.maxsize
    }

    /// How much room there is altogether; 0 is no end of it.
    pub fn maxsize(&self) -> usize {
        self.0.maxsize
    }

    /// There is room, which has been taken.
    fn shelve(&self, item: S::Item) {
        self.0.shelf.borrow_mut().put(item);
        self.0.unfinished.set(self.0.unfinished.get() + 1);
        self.0.items.release();
    }

    /// There is an item, which has been taken.
    fn unshelve(&self) -> S::Item {
        let item = self.0.shelf.borrow_mut().get();
        if self.0.maxsize > 0 {
            self.0.room.release();
        }
        item.expect("there is an item for each permit")
    }
}

impl<T: 'static> Shelf for VecDeque<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.push_back(item);
    }

    fn get(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<T: 'static> Shelf for Vec<T> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.push(item);
    }

    fn get(&mut self) -> Option<T> {
        self.pop()
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<T: Ord + 'static> Shelf for BinaryHeap<Reverse<T>> {
    type Item = T;

    fn put(&mut self, item: T) {
        self.push(Reverse(item));
    }

    fn get(&mut self) -> Option<T> {
        self.pop().map(|Reverse(item)| item)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl<S: Shelf> Clone for QueueOn<S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<S: Shelf> fmt::Debug for QueueOn<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish_non_exhaustive()
    }
}
