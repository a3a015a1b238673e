//! Many tasks, awaited in the order in which they end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use reactor::trace;
use slab::Slab;

use crate::event_loop::spawn;
use crate::extras::outcome::{AbortHandle, JoinError};
use crate::extras::seat::Seat;
use crate::extras::waiter::Waiter;
use crate::task::JoinHandle;

/// Tasks that are spawned together and awaited as they end: asyncio's `as_completed`, for
/// tasks that may still be added. Dropped, it cancels those that are left.
///
/// Each end costs the same, however many others there are: the set is told who it was, and
/// asks nobody.
///
/// ```
/// use stage4_async_await::{extras::join_set::JoinSet, run, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let mut set = JoinSet::new();
///     for millis in [3, 1, 2] {
///         set.spawn(async move {
///             sleep(Duration::from_millis(millis)).await;
///             millis
///         });
///     }
///     let mut order = Vec::new();
///     while let Some(ended) = set.join_next().await {
///         order.push(ended.unwrap());
///     }
///     assert_eq!(order, [1, 2, 3]);
/// })
/// # })
/// # }
/// ```
#[doc(alias("as_completed", "wait"))]
pub struct JoinSet<T: 'static> {
    /// Filled by `spawn`, emptied by `join_next`.
    members: RefCell<Slab<JoinHandle<T>>>,
    ended: Rc<Ended>,
}

/// Which tasks have ended, and were not asked for yet.
#[derive(Default)]
pub(crate) struct Ended {
    members: RefCell<VecDeque<usize>>,
    owner: Seat,
}

impl Ended {
    /// Called at the end of a task.
    #[track_caller]
    pub(crate) fn add(&self, member: usize) {
        self.members.borrow_mut().push_back(member);
        self.owner.wake();
    }
}

impl<T: 'static> JoinSet<T> {
    /// A set without tasks.
    pub fn new() -> Self {
        Self { members: RefCell::default(), ended: Rc::default() }
    }

    /// Starts a task in the set. It takes its first step in a later turn.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[track_caller]
    pub fn spawn(&self, future: impl Future<Output = T> + 'static) -> AbortHandle {
        let handle = spawn(future);
        let abort_handle = handle.abort_handle();
        let mut members = self.members.borrow_mut();
        let entry = members.vacant_entry();
        let waiter = Waiter::Set(Rc::clone(&self.ended), entry.key());
        handle.waits(Some(waiter));
        entry.insert(handle);
        abort_handle
    }

    /// Waits for the next task to end, whichever comes first, and for its exits. `None`: the
    /// set is empty. Cancelled, it has taken nothing.
    #[track_caller]
    pub fn join_next(&mut self) -> impl Future<Output = Option<Result<T, JoinError>>> {
        let at = trace::Place::here();
        poll_fn(move |context| self.poll_next(context, at))
    }

    /// Cancels them all. `join_next` still tells the end of each.
    #[track_caller]
    pub fn abort_all(&self) {
        let members = self.members.borrow();
        members.iter().for_each(|(_, handle)| handle.0.stop(Ok(())));
    }

    /// How many tasks there are, with those that have ended and were not asked for.
    pub fn len(&self) -> usize {
        self.members.borrow().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Wakes whoever polled last, once somebody has ended; even somebody who was spawned
    /// later, into an empty set.
    pub(crate) fn poll_next(
        &self,
        context: &Context<'_>,
        at: trace::Place,
    ) -> Poll<Option<Result<T, JoinError>>> {
        let first = self.ended.members.borrow_mut().pop_front();
        if let Some(member) = first {
            let handle = self.members.borrow_mut().remove(member);
            return Poll::Ready(Some(handle.ended()));
        }
        self.ended.owner.take(context, "a task of a set", at);
        if self.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

impl<T: 'static> Default for JoinSet<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: 'static> Drop for JoinSet<T> {
    /// Nobody awaits them: each ends, with its exits, soon after this.
    fn drop(&mut self) {
        self.ended.owner.leave();
        self.abort_all();
    }
}

impl<T: 'static> fmt::Debug for JoinSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinSet").field("tasks", &self.len()).finish_non_exhaustive()
    }
}
