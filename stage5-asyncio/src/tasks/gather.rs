//! Several results at a time, in the order in which they were asked for.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::cancel::{Cancellable, End};
use crate::event_loop::EventLoop;
use crate::events::get_running_loop;
use crate::extras::waiter::Waiter;
use crate::futures::{EnsureFuture, Future, Outcome, Promised, Teller};
use crate::tasks::WaitsFor;

/// Awaits all of `children`, and gives their results in the order in which they are listed.
/// Coroutines become tasks; of tasks and futures, the result is taken.
///
/// If one of them is cancelled or panics, so is whoever awaits this, at once; the others go on.
/// A cancel of this, or of whoever awaits it, cancels all that are not done.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn gather<C: EnsureFuture>(
    children: impl IntoIterator<Item = C>,
) -> Future<Vec<C::Output>> {
    collect(
        children,
        |end| !matches!(end, End::Finished(_)),
        |ends| {
            let mut results = Vec::new();
            for end in ends {
                match end {
                    End::Finished(result) => results.push(result),
                    End::Cancelled => return End::Cancelled,
                    End::Panicked(panic) => return End::Panicked(panic),
                }
            }
            End::Finished(results)
        },
    )
}

/// The same for results that may be errors: the first of them is the result, at once; the
/// others go on.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias("asyncio.gather", "return_exceptions=False"))]
#[track_caller]
pub fn try_gather<T: 'static, E: 'static>(
    children: impl IntoIterator<Item: EnsureFuture<Output = Result<T, E>>>,
) -> Future<Result<Vec<T>, E>> {
    collect(
        children,
        |end| !matches!(end, End::Finished(Ok(_))),
        |ends| {
            let mut results = Vec::new();
            for end in ends {
                match end {
                    End::Finished(Ok(result)) => results.push(result),
                    End::Finished(Err(error)) => return End::Finished(Err(error)),
                    End::Cancelled => return End::Cancelled,
                    End::Panicked(panic) => return End::Panicked(panic),
                }
            }
            End::Finished(Ok(results))
        },
    )
}

/// How a task ended that has no result.
#[derive(Debug)]
pub enum Exception {
    /// It was cancelled.
    Cancelled,
    /// It panicked, and that with.
    Panicked(Box<dyn Any + Send>),
}

/// Awaits all of `children`, however they end: what has no result has an exception in its place.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "return_exceptions=True")]
#[track_caller]
pub fn gather_each<C: EnsureFuture>(
    children: impl IntoIterator<Item = C>,
) -> Future<Vec<Result<C::Output, Exception>>> {
    collect(
        children,
        |_| false,
        |ends| {
            let each = ends.into_iter().map(|end| match end {
                End::Finished(result) => Ok(result),
                End::Cancelled => Err(Exception::Cancelled),
                End::Panicked(panic) => Err(Exception::Panicked(panic)),
            });
            End::Finished(each.collect())
        },
    )
}

/// A future whose cancel goes to others.
struct Gathering<T: 'static, R: 'static> {
    outcome: Outcome<R>,
    /// Emptied at the end.
    children: RefCell<Vec<Future<T>>>,
    /// How many are not done.
    left: Cell<usize>,
    /// Set by a cancel that somebody listened to: how the children end is how this ends, and
    /// then it counts as cancelled.
    is_cancelled: Cell<bool>,
    /// Whether a child that ends like this ends it all.
    is_enough: fn(&End<T>) -> bool,
    /// Makes the result of the children's, or of the one that was enough.
    collect: fn(Vec<End<T>>) -> End<R>,
}

#[track_caller]
fn collect<C: EnsureFuture, R: 'static>(
    children: impl IntoIterator<Item = C>,
    is_enough: fn(&End<C::Output>) -> bool,
    collect: fn(Vec<End<C::Output>>) -> End<R>,
) -> Future<R> {
    let event_loop = &get_running_loop();
    let futures = children.into_iter().map(|child| child.ensure_future(event_loop));
    let futures: Vec<_> = futures.collect();
    let gathering = Gathering::new(event_loop, futures.clone(), is_enough, collect);
    if futures.is_empty() {
        gathering.end(Vec::new());
    }
    for child in futures {
        child.add_teller(Box::new(Child(Rc::clone(&gathering))));
    }
    Future(gathering)
}

/// One of the children is done.
struct Child<T: 'static, R: 'static>(Rc<Gathering<T, R>>);

impl<T: 'static, R: 'static> Teller<T> for Child<T, R> {
    fn call(self: Box<Self>, child: &Future<T>) {
        self.0.child_done(child);
    }

    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        self.0.outcome.awaiters(visit);
    }
}

impl<T: 'static, R: 'static> Gathering<T, R> {
    fn new(
        event_loop: &EventLoop,
        children: Vec<Future<T>>,
        is_enough: fn(&End<T>) -> bool,
        collect: fn(Vec<End<T>>) -> End<R>,
    ) -> Rc<Self> {
        let (outcome, left) = (Outcome::new(event_loop), Cell::new(children.len()));
        let (children, is_cancelled) = (RefCell::new(children), Cell::new(false));
        Rc::new(Self { outcome, children, left, is_cancelled, is_enough, collect })
    }

    fn child_done(self: &Rc<Self>, child: &Future<T>) {
        self.left.set(self.left.get() - 1);
        if self.outcome.is_done() {
            // Somebody hears of an error: whoever heard of the first one.
            return child.outcome().is_heard();
        }
        if child.outcome().look(self.is_enough).unwrap_or(false) {
            self.end(vec![child.clone()]);
        } else if self.left.get() == 0 {
            let children = self.children.take();
            self.end(children);
        }
    }

    fn end(self: &Rc<Self>, children: Vec<Future<T>>) {
        let take = || children.iter().map(|child| child.outcome().take_end()).collect();
        let end = match catch_unwind(AssertUnwindSafe(take)) {
            Ok(_) if self.is_cancelled.get() => End::Cancelled,
            Ok(ends) => (self.collect)(ends),
            Err(panic) => End::Panicked(panic),
        };
        Future(Rc::clone(self) as Rc<dyn Promised<R>>).finish(end);
    }
}

impl<T: 'static, R: 'static> Promised<R> for Gathering<T, R> {
    fn outcome(&self) -> &Outcome<R> {
        &self.outcome
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Other("a gather")
    }
}

impl<T: 'static, R: 'static> Cancellable for Gathering<T, R> {
    fn cancel(self: Rc<Self>) -> bool {
        if self.outcome.is_done() {
            return false;
        }
        let children = self.children.borrow().clone();
        let is_heard = children.iter().fold(false, |heard, child| child.cancel() | heard);
        self.is_cancelled.set(self.is_cancelled.get() | is_heard);
        is_heard
    }
}
