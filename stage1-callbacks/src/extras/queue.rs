//! Values for whoever asks, in the order in which both came: Twisted's `DeferredQueue`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::line::Line;
use crate::deferred::{Deferred, Firer, fail, succeed};

/// A queue of values, or of those who wait for one. Both can be bounded. Its clones are one
/// queue.
///
/// Whoever cancels a [`get`](Self::get) leaves the line, and the value goes to the next. (To
/// drop the deferred is not to cancel it: its callbacks still get their value.)
///
/// ```
/// use stage1_callbacks::extras::queue::DeferredQueue;
///
/// let jobs = DeferredQueue::bounded(1, 1);
/// let first = jobs.get(); // there is none yet: it waits
/// jobs.put("sweep").unwrap();
/// assert_eq!(first.try_take().unwrap().unwrap(), "sweep");
///
/// jobs.put("wash").unwrap();
/// assert_eq!(jobs.put("cook").unwrap_err().0, "cook"); // full: you get it back
/// assert_eq!(jobs.get().try_take().unwrap().unwrap(), "wash");
/// ```
pub struct DeferredQueue<T: 'static>(Rc<Shared<T>>);

struct Shared<T: 'static> {
    size: usize,
    backlog: usize,
    /// Filled by `put` when nobody waits; emptied by `get`.
    values: RefCell<VecDeque<T>>,
    /// Filled by `get` when there is no value; served by `put`, left by a cancel.
    line: RefCell<Line<Firer<T>>>,
    waiting: Cell<usize>,
}

/// There is no room for this value, which you get back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct QueueOverflow<T>(pub T);

/// Too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueUnderflow;

impl<T: 'static> DeferredQueue<T> {
    /// A queue without bounds.
    pub fn new() -> Self {
        Self::bounded(usize::MAX, usize::MAX)
    }

    /// A queue of at most `size` values, for which at most `backlog` wait.
    pub fn bounded(size: usize, backlog: usize) -> Self {
        let (values, line, waiting) = Default::default();
        Self(Rc::new(Shared { size, backlog, values, line, waiting }))
    }

    /// Gives a value to whoever waited longest, or keeps it for whoever comes.
    ///
    /// # Errors
    ///
    /// [`QueueOverflow`] with the value if there is no room for it.
    pub fn put(&self, value: T) -> Result<(), QueueOverflow<T>> {
        let Shared { values, line, waiting, size, .. } = &*self.0;
        let next = line.borrow_mut().next();
        if let Some(firer) = next {
            waiting.set(waiting.get() - 1);
            firer.fire(Ok(value)).expect("whoever was cancelled has left the line");
            return Ok(());
        }
        let mut values = values.borrow_mut();
        if values.len() < *size {
            values.push_back(value);
            return Ok(());
        }
        Err(QueueOverflow(value))
    }

    /// Fires with the oldest value, once there is one. Where too many wait it fails, with
    /// [`QueueUnderflow`].
    #[track_caller]
    pub fn get(&self) -> Deferred<T> {
        let Shared { values, line, waiting, backlog, .. } = &*self.0;
        let value = values.borrow_mut().pop_front();
        if let Some(value) = value {
            return succeed(value);
        }
        if waiting.get() == *backlog {
            return fail(QueueUnderflow);
        }
        // Whoever waits does not keep the queue, which keeps its number.
        let (number, queue) = (Rc::new(Cell::new(0)), Rc::downgrade(&self.0));
        let own = Rc::clone(&number);
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            drop(queue.upgrade().and_then(|queue| queue.leave(own.get())));
        });
        number.set(line.borrow_mut().join(firer));
        waiting.set(waiting.get() + 1);
        deferred
    }

    /// How many values there are.
    #[doc(alias = "pending")]
    pub fn len(&self) -> usize {
        self.0.values.borrow().len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many wait for a value.
    pub fn waiting(&self) -> usize {
        self.0.waiting.get()
    }
}

impl<T> Shared<T> {
    fn leave(&self, number: u64) -> Option<Firer<T>> {
        let left = self.line.borrow_mut().leave(number)?;
        self.waiting.set(self.waiting.get() - 1);
        Some(left)
    }
}

impl<T> Clone for DeferredQueue<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Default for DeferredQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for DeferredQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (values, waiting) = (self.len(), self.waiting());
        let mut f = f.debug_struct("DeferredQueue");
        f.field("values", &values).field("waiting", &waiting).finish()
    }
}

impl<T> fmt::Display for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue has no room for more")
    }
}

impl<T> fmt::Debug for QueueOverflow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("QueueOverflow").finish_non_exhaustive()
    }
}

impl fmt::Display for QueueUnderflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many wait for the queue already")
    }
}

impl<T> Error for QueueOverflow<T> {}
impl Error for QueueUnderflow {}
