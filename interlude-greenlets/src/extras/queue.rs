//! A queue between greenlets: two semaphores, one that counts what is in it, and one that
//! counts what still fits.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::extras::deadlock::What;
use crate::extras::event::Event;
use crate::sync::Semaphore;
use crate::time::{Elapsed, timeout};

/// First in, first out; and whoever waits is served in its turn, too. With `task_done` and
/// `join` it is both of gevent's, `queue.Queue` and `queue.JoinableQueue`.
///
/// gevent's is not fair: who asks between a `put` and the turn of the one that waits gets
/// ahead of it. Here the item is promised to the one that waits.
///
/// ```
/// use interlude_greenlets::extras::queue::Queue;
/// use interlude_greenlets::{run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let got = run(|| {
///     let queue = Rc::new(Queue::bounded(1));
///     let filled = Rc::clone(&queue);
///     drop(spawn(move || (1..=3).for_each(|n| filled.put(n)))); // waits twice for room
///     [queue.get(), queue.get(), queue.get()]
/// })?;
/// assert_eq!(got, [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
pub struct Queue<T> {
    items: RefCell<VecDeque<T>>,
    /// Counts the items that nobody has been promised.
    there: Semaphore,
    /// Counts the places that nobody has been promised.
    room: Semaphore,
    /// How many have been put in and not been done.
    unfinished: Cell<usize>,
    /// Set as long as that is zero.
    all_done: Event,
}

/// There was no room. What did not fit comes back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is full")]
pub struct Full<T>(pub T);

impl<T> Queue<T> {
    /// A queue with room for so many.
    pub fn bounded(most: usize) -> Self {
        let all_done = Event::default();
        all_done.set();
        Self {
            items: RefCell::default(),
            there: Semaphore::new(0),
            room: Semaphore::new(most),
            unfinished: Cell::new(0),
            all_done,
        }
    }

    /// How many are in it.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.items.borrow().len()
    }

    /// Whether there is nothing in it.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts `item` in, as soon as there is room.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn put(&self, item: T) {
        self.room.enter(What::Queue);
        self.add(item);
    }

    /// Puts it in if there is room now.
    ///
    /// # Errors
    ///
    /// [`Full`], with the item.
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, item: T) -> Result<(), Full<T>> {
        if !self.room.try_enter() {
            return Err(Full(item));
        }
        self.add(item);
        Ok(())
    }

    /// Waits for room no longer than `duration`.
    ///
    /// # Errors
    ///
    /// [`Full`], with the item.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    #[track_caller]
    pub fn put_timeout(&self, item: T, duration: Duration) -> Result<(), Full<T>> {
        if timeout(duration, || self.room.enter(What::Queue)).is_err() {
            return Err(Full(item));
        }
        self.add(item);
        Ok(())
    }

    /// Takes the oldest out, as soon as there is one.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    #[track_caller]
    pub fn get(&self) -> T {
        self.there.enter(What::Queue);
        self.remove()
    }

    /// Takes the oldest out if there is one that nobody waits for.
    #[doc(alias("get_nowait", "Empty"))]
    pub fn try_get(&self) -> Option<T> {
        self.there.try_enter().then(|| self.remove())
    }

    /// Waits no longer than `duration`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when there was none; then none is missing.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    #[track_caller]
    pub fn get_timeout(&self, duration: Duration) -> Result<T, Elapsed> {
        timeout(duration, || self.there.enter(What::Queue))?;
        Ok(self.remove())
    }

    /// Says that one that was taken out has been dealt with.
    ///
    /// ```
    /// use interlude_greenlets::extras::queue::Queue;
    /// use interlude_greenlets::{run, spawn};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let done = run(|| {
    ///     let shared = Rc::new((Queue::default(), Cell::new(0)));
    ///     let workers = [(); 2].map(|()| {
    ///         let shared = Rc::clone(&shared);
    ///         spawn(move || loop {
    ///             let n: i32 = shared.0.get();
    ///             shared.1.set(shared.1.get() + n);
    ///             shared.0.task_done();
    ///         })
    ///     });
    ///     (1..=4).for_each(|n| shared.0.put(n));
    ///     shared.0.join(); // until all four are done, by whomever
    ///     workers.iter().for_each(|it| it.kill());
    ///     shared.1.get()
    /// })?;
    /// assert_eq!(done, 10);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics when that has been said of all that were put in.
    pub fn task_done(&self) {
        let left = self.unfinished.get().checked_sub(1);
        self.unfinished.set(left.expect("task_done() has been called too many times"));
        if left == Some(0) {
            self.all_done.set();
        }
    }

    /// Waits until all that was put in has been dealt with.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    #[track_caller]
    pub fn join(&self) {
        self.all_done.wait();
    }

    /// Waits no longer than `duration`, and says whether all has been dealt with.
    ///
    /// # Panics
    ///
    /// As [`put`](Self::put).
    #[track_caller]
    pub fn join_timeout(&self, duration: Duration) -> bool {
        self.all_done.wait_timeout(duration)
    }

    fn add(&self, item: T) {
        self.items.borrow_mut().push_back(item);
        self.unfinished.set(self.unfinished.get() + 1);
        self.all_done.clear();
        self.there.release();
    }

    fn remove(&self) -> T {
        let item = self.items.borrow_mut().pop_front();
        self.room.release();
        item.expect("as many are there as have been counted")
    }
}

/// A queue that is never full.
impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::bounded(usize::MAX)
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("len", &self.len()).finish()
    }
}

impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full")
    }
}
