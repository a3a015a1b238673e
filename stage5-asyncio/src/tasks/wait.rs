//! Several tasks at a time, in the order in which they end.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use reactor::trace::Place;

use super::{Task, WaitsFor, waits, within};
use crate::cancel::End;
use crate::events::{TimerHandle, get_running_loop};
use crate::exceptions::Elapsed;
use crate::extras::waiter::Waiter;
use crate::futures::{Awaiting, CallbackId, EnsureFuture, Future as Promise, Teller};
use crate::timeouts::timeout;

/// Waits for `future`, but no longer than `delay`: then it is cancelled, and its exits are
/// awaited.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
#[track_caller]
pub fn wait_for<F: IntoFuture>(
    future: F,
    delay: Duration,
) -> impl Future<Output = Result<F::Output, Elapsed>> {
    timeout(delay, future)
}

/// Awaits a task or a future, or a reference to one, and keeps it from a cancel of whoever
/// awaits this: that one is cancelled, and the task goes on. Keep a handle of it: who else
/// would hear how it ends?
pub fn shield<T: 'static>(of: impl IntoFuture<IntoFuture = Awaiting<T>>) -> Awaiting<T> {
    of.into_future().shielded()
}

/// Something that ends one day, and tells.
pub trait Waitable: Clone + 'static {
    /// Whether it has ended, however.
    fn is_done(&self) -> bool;

    /// Has `callback` called in the turn after the end, for whoever awaits `waiter`.
    fn when_done(&self, waiter: &Promise<()>, callback: Box<dyn FnOnce()>) -> CallbackId;

    /// Takes the callback back.
    fn forget(&self, id: CallbackId);
}

/// Something that may end with an error.
pub trait Fallible: Waitable {
    /// Whether it has ended with an error, or in a panic. To be cancelled is none.
    fn has_failed(&self) -> bool;
}

/// Waits for tasks, or futures, that are left as they are: they are neither cancelled, nor are
/// their results taken. Await it to wait for all of them; or say first that
/// [one is enough](Wait::first_completed), or for [how long](Wait::timeout) to wait. It gives
/// those that are done, and those that are not.
///
/// # Panics
///
/// Panics with nothing to wait for.
#[track_caller]
pub fn wait<W: Waitable>(these: impl IntoIterator<Item = W>) -> Wait<W> {
    let these: Vec<_> = these.into_iter().collect();
    assert!(!these.is_empty(), "wait: there is nothing to wait for");
    Wait { place: Place::here(), these, timeout: None, is_enough: |_| false }
}

/// What to wait for, and how long.
#[must_use = "await it"]
pub struct Wait<W> {
    /// The line that waits.
    place: Place,
    these: Vec<W>,
    timeout: Option<Duration>,
    /// Whether one that is done ends the waiting.
    is_enough: fn(&W) -> bool,
}

impl<W: Waitable> Wait<W> {
    /// No longer than `delay`. What is not done by then is in the second list.
    pub fn timeout(self, delay: Duration) -> Self {
        Self { timeout: Some(delay), ..self }
    }

    /// Until one of them is done.
    #[doc(alias = "FIRST_COMPLETED")]
    pub fn first_completed(self) -> Self {
        Self { is_enough: |_| true, ..self }
    }

    /// Until one of them has failed, or all are done.
    #[doc(alias = "FIRST_EXCEPTION")]
    pub fn first_exception(self) -> Self
    where
        W: Fallible,
    {
        Self { is_enough: W::has_failed, ..self }
    }

    async fn finish(self) -> (Vec<W>, Vec<W>) {
        let waiter = get_running_loop().create_future::<()>();
        let callbacks = self.watch(&waiter);
        let alarm = self.timeout.map(|delay| {
            let waiter = waiter.clone();
            get_running_loop().call_later(delay, move || {
                let _ = waiter.set_result(());
            })
        });
        let watching = Watching { these: self.these, callbacks, alarm };
        within(self.place, waiter.into_future()).await;
        let (done, pending) = watching.these.iter().cloned().partition(W::is_done);
        (done, pending)
    }

    /// Has `waiter` told when there is no more to wait for.
    fn watch(&self, waiter: &Promise<()>) -> Vec<CallbackId> {
        let (left, is_enough) = (Rc::new(Cell::new(self.these.len())), self.is_enough);
        let watch = |one: &W| {
            let (left, tell, this) = (Rc::clone(&left), waiter.clone(), one.clone());
            let callback = move || {
                left.set(left.get() - 1);
                if left.get() == 0 || is_enough(&this) {
                    // Whoever comes second finds it done.
                    let _ = tell.set_result(());
                }
            };
            one.when_done(waiter, Box::new(callback))
        };
        self.these.iter().map(watch).collect()
    }
}

impl<W: Waitable> IntoFuture for Wait<W> {
    type Output = (Vec<W>, Vec<W>);
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.finish())
    }
}

/// One of those that are waited for is done.
struct OneOf {
    waiter: Promise<()>,
    callback: Box<dyn FnOnce()>,
}

impl<T: 'static> Teller<T> for OneOf {
    fn call(self: Box<Self>, _: &Promise<T>) {
        (self.callback)();
    }

    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        self.waiter.outcome().awaiters(visit);
    }
}

/// Callbacks, and an alarm, that are taken back when nobody waits any more.
struct Watching<W: Waitable> {
    these: Vec<W>,
    callbacks: Vec<CallbackId>,
    alarm: Option<TimerHandle>,
}

impl<W: Waitable> Drop for Watching<W> {
    fn drop(&mut self) {
        for (one, callback) in self.these.iter().zip(&self.callbacks) {
            one.forget(*callback);
        }
        self.alarm.iter().for_each(TimerHandle::cancel);
    }
}

/// Gives the results of `children` in the order in which they end. Coroutines become tasks.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn as_completed<C: EnsureFuture>(
    children: impl IntoIterator<Item = C>,
) -> AsCompleted<C::Output> {
    let event_loop = &get_running_loop();
    let children = children.into_iter().map(|child| child.ensure_future(event_loop));
    let children: Vec<_> = children.collect();
    let done = Rc::new(Done { queue: RefCell::default(), waiter: Cell::default() });
    for child in &children {
        child.add_teller(Box::new(Next(Rc::clone(&done))));
    }
    AsCompleted { left: children.len(), done }
}

/// Results, as they come.
pub struct AsCompleted<T: 'static> {
    /// How many were not given out.
    left: usize,
    done: Rc<Done<T>>,
}

struct Done<T: 'static> {
    /// Filled by the children's callbacks; emptied by `next`.
    queue: RefCell<VecDeque<Promise<T>>>,
    /// Left by whoever waits for the next one.
    waiter: Cell<Option<Waiter>>,
}

/// One more is done.
struct Next<T: 'static>(Rc<Done<T>>);

impl<T: 'static> Teller<T> for Next<T> {
    fn call(self: Box<Self>, child: &Promise<T>) {
        self.0.push(child.clone());
    }

    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        let waiter = self.0.waiter.take();
        waiter.iter().for_each(visit);
        self.0.waiter.set(waiter);
    }
}

impl<T: 'static> Done<T> {
    fn push(&self, child: Promise<T>) {
        self.queue.borrow_mut().push_back(child);
        if let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }
}

impl<T: 'static> AsCompleted<T> {
    /// The next result. `None`: those were all. Put a [`timeout`](crate::timeouts::timeout)
    /// around it, or around the whole loop, if it may take too long: nothing is lost.
    ///
    /// # Panics
    ///
    /// Panics as the task did. If it was cancelled, so is whoever awaits this.
    #[doc(alias = "__anext__")]
    #[allow(clippy::should_implement_trait, reason = "it has to be awaited")]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Option<T>> {
        self.next_at(Place::here())
    }

    async fn next_at(&mut self, place: Place) -> Option<T> {
        if self.left == 0 {
            return None;
        }
        let next = poll_fn(|context| {
            let next = self.done.queue.borrow_mut().pop_front();
            if next.is_none() {
                let before = self.done.waiter.replace(Some(Waiter::of(context)));
                drop(before);
                waits(WaitsFor::Other("whichever of several is done first"), place);
            }
            next.map_or(Poll::Pending, Poll::Ready)
        });
        let next = next.await;
        self.left -= 1;
        Some(next.await)
    }
}

impl<T: 'static> Waitable for Promise<T> {
    fn is_done(&self) -> bool {
        self.done()
    }

    fn when_done(&self, waiter: &Promise<()>, callback: Box<dyn FnOnce()>) -> CallbackId {
        self.add_teller(Box::new(OneOf { waiter: waiter.clone(), callback }))
    }

    fn forget(&self, id: CallbackId) {
        self.remove_done_callback(id);
    }
}

impl<T: 'static> Waitable for Task<T> {
    fn is_done(&self) -> bool {
        self.done()
    }

    fn when_done(&self, waiter: &Promise<()>, callback: Box<dyn FnOnce()>) -> CallbackId {
        Promise::when_done(self, waiter, callback)
    }

    fn forget(&self, id: CallbackId) {
        self.remove_done_callback(id);
    }
}

impl<T: 'static, E: 'static> Fallible for Promise<Result<T, E>> {
    fn has_failed(&self) -> bool {
        let is_error =
            |end: &End<_>| matches!(end, End::Finished(Err(_)) | End::Panicked(_));
        self.done() && self.outcome().look(is_error).unwrap_or(false)
    }
}

impl<T: 'static, E: 'static> Fallible for Task<Result<T, E>> {
    fn has_failed(&self) -> bool {
        Promise::has_failed(self)
    }
}

impl<W: fmt::Debug> fmt::Debug for Wait<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait").field("these", &self.these).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}
