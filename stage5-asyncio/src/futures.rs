//! A place for a result that comes later: somebody sets it, others await it.
//!
//! asyncio's `Future` is not what Rust calls a future. Rust's is a coroutine: polled, it runs.
//! This one runs nothing. It is one half of a promise: there is a state, and a list of those
//! who want to be told when it changes. A [`Task`](crate::tasks::Task) is one, too: there it is
//! a coroutine that sets the result, by coming to its end.

mod outcome;

use std::fmt;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use reactor::trace::{self, Place};

use crate::cancel::{Cancellable, End, Patience, Seat, raise};
use crate::contextvars::copy_context;
use crate::event_loop::EventLoop;
use crate::events::{Handle, Ready};
use crate::exceptions::{Cancelled, InvalidState};
use crate::extras::report::text_of;
use crate::tasks::{Step, WaitsFor, waits};

use outcome::{DoneCallback, Notice, State};
pub(crate) use outcome::{Outcome, Teller};

/// A place for a result. Its clones are the same place.
///
/// Await it by value to take the result, or by reference (`(&future).await`) for a clone of it:
/// then it may be awaited often, and by many. Whoever awaits it while it is cancelled is
/// cancelled, too; and a cancel of whoever awaits it cancels it: use
/// [`shield`](crate::tasks::shield) where that is too much.
pub struct Future<T: 'static>(pub(crate) Rc<dyn Promised<T>>);

impl<T> Clone for Future<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Whatever has a result one day: a future, a task, a `gather`.
pub(crate) trait Promised<T>: Cancellable {
    fn outcome(&self) -> &Outcome<T>;

    /// Whether somebody may set the result from outside.
    fn may_be_set(&self) -> bool {
        false
    }

    /// Makes sure that whoever runs may wait for it.
    fn expect_another(&self) {}

    /// What it is called where an error is reported.
    fn name(&self) -> String {
        "Future".to_owned()
    }

    /// For those who ask what a task waits for.
    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Other("a future")
    }

    /// For the recording.
    fn subject(&self) -> Option<trace::Id> {
        None
    }

    /// The same, if it is a task.
    fn task(self: Rc<Self>) -> Option<Rc<dyn Step>> {
        None
    }
}

/// Names a callback of a future, so that it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(u64);

/// Why there is no result to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoResult {
    /// Not yet; or it was taken.
    InvalidState,
    /// It never will be there.
    Cancelled,
}

impl<T: 'static> Future<T> {
    /// One that is pending.
    pub(crate) fn new(event_loop: &EventLoop) -> Self {
        Self(Rc::new(Outcome::new(event_loop)))
    }

    /// Whether it is no longer pending, however it ended.
    pub fn done(&self) -> bool {
        self.outcome().is_done()
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        self.outcome().state.get() == State::Cancelled
    }

    /// Sets the result, and has everybody told in the next turn.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done already.
    ///
    /// # Panics
    ///
    /// Panics for a task, which sets its result itself.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState> {
        assert!(
            self.0.may_be_set(),
            "a task does not support set_result: its coroutine returns the result"
        );
        if self.done() {
            return Err(InvalidState);
        }
        self.finish(End::Finished(value));
        Ok(())
    }

    /// Cancels it: whoever awaits it is cancelled. `false`: it was done already.
    pub fn cancel(&self) -> bool {
        Rc::clone(&self.0).cancel()
    }

    /// A clone of the result.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    ///
    /// # Panics
    ///
    /// Panics as the task did.
    pub fn result(&self) -> Result<T, NoResult>
    where
        T: Clone,
    {
        if !self.done() {
            return Err(NoResult::InvalidState);
        }
        match self.outcome().clone_end() {
            Some(End::Finished(value)) => Ok(value),
            Some(End::Cancelled) => Err(NoResult::Cancelled),
            Some(End::Panicked(panic)) => resume_unwind(panic),
            None => Err(NoResult::InvalidState),
        }
    }

    /// Takes the result of one that is done.
    pub(crate) fn take(&self) -> Result<T, Cancelled> {
        match self.outcome().take_end() {
            End::Finished(value) => Ok(value),
            End::Cancelled => Err(Cancelled),
            End::Panicked(panic) => resume_unwind(panic),
        }
    }

    /// Has `callback` called when it is done: in the next turn after that, never inside of this
    /// call, and with the [context variables](crate::contextvars) of whoever adds it. Callbacks
    /// are called in the order in which they were added.
    #[track_caller]
    pub fn add_done_callback(
        &self,
        callback: impl FnOnce(&Self) + 'static,
    ) -> CallbackId {
        let mut context = copy_context();
        self.add_teller(Box::new(move |future: &Self| context.run(|| callback(future))))
    }

    /// The same for whoever can say who waits for it to be called.
    #[track_caller]
    pub(crate) fn add_teller(&self, callback: DoneCallback<T>) -> CallbackId {
        let outcome = self.outcome();
        let id = outcome.next_id();
        if self.done() {
            self.call_soon(callback, Place::here());
        } else {
            outcome.note(id, Notice::Callback(callback, Place::here()));
        }
        id
    }

    /// Takes a callback back. `false`: it is not waiting any more.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        self.outcome().remove(id).is_some()
    }

    /// The loop it belongs to, unless that was closed and dropped.
    pub fn get_loop(&self) -> Option<EventLoop> {
        self.outcome().event_loop.upgrade().map(EventLoop)
    }

    /// Ends it, and tells everybody, in the order in which they asked to be told.
    pub(crate) fn finish(&self, end: End<T>) {
        let outcome = self.outcome();
        if let End::Panicked(panic) = &end {
            let text = text_of(&**panic).to_owned();
            outcome.is_unheard(format!("{}: {text}", self.0.name()));
            outcome.has_said(text);
        }
        outcome.state.set(match &end {
            End::Finished(_) => State::Finished,
            End::Cancelled => State::Cancelled,
            End::Panicked(_) => State::Panicked,
        });
        outcome.end.set(Some(end));
        let notices = outcome.take_notices();
        if notices.is_empty() {
            return;
        }
        for (_, notice) in notices {
            match notice {
                Notice::Waiter(waiter) => waiter.wake(),
                Notice::Callback(callback, place) => self.call_soon(callback, place),
            }
        }
    }

    fn call_soon(&self, callback: DoneCallback<T>, place: Place) {
        let Some(event_loop) = self.get_loop().filter(|it| !it.is_closed()) else {
            return;
        };
        let future = self.clone();
        let handle = Handle::at(place, move || callback.call(&future), trace::queued);
        event_loop.0.engine.push(Ready::call(handle));
    }

    pub(crate) fn outcome(&self) -> &Outcome<T> {
        self.0.outcome()
    }
}

impl<T: 'static, E: fmt::Debug + 'static> Future<Result<T, E>> {
    /// Sets an error. If nobody ever hears of it, it is told to the loop's exception handler.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done already.
    #[doc(alias = "set_exception")]
    pub fn set_error(&self, error: E) -> Result<(), InvalidState> {
        let text = format!("{}: {error:?}", self.0.name());
        self.set_result(Err(error))?;
        self.outcome().is_unheard(text);
        Ok(())
    }

    /// A clone of the error. `None`: there is a result instead.
    ///
    /// # Errors
    ///
    /// Says why there is neither.
    pub fn exception(&self) -> Result<Option<E>, NoResult>
    where
        T: Clone,
        E: Clone,
    {
        self.result().map(Result::err)
    }
}

impl<T: 'static> Promised<T> for Outcome<T> {
    fn outcome(&self) -> &Outcome<T> {
        self
    }

    fn may_be_set(&self) -> bool {
        true
    }
}

impl<T: 'static> Cancellable for Outcome<T> {
    fn cancel(self: Rc<Self>) -> bool {
        let future = Future(self as _);
        if future.done() {
            return false;
        }
        future.finish(End::Cancelled);
        true
    }
}

/// Waits for a result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Awaiting<T: 'static> {
    of: Future<T>,
    how: fn(&Outcome<T>) -> End<T>,
    /// Given by the first poll that had to wait.
    notice: Option<CallbackId>,
    /// Where a cancel of whoever waits finds it. `None`: it is shielded.
    seat: Option<Seat>,
    /// What was cancelled along with whoever waits is given its time.
    patience: Patience,
}

impl<T: 'static> Awaiting<T> {
    fn new(of: Future<T>, how: fn(&Outcome<T>) -> End<T>) -> Self {
        Self {
            of,
            how,
            notice: None,
            seat: Some(Seat::default()),
            patience: Patience::default(),
        }
    }

    /// A cancel of whoever waits does not go further.
    pub(crate) fn shielded(mut self) -> Self {
        self.seat = None;
        self
    }
}

impl<T: 'static> std::future::Future for Awaiting<T> {
    type Output = T;

    /// Called by the `.await`, which is the line that waits.
    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { of, how, notice, seat, patience } = &mut *self;
        let outcome = of.outcome();
        if !outcome.is_done() {
            of.0.expect_another();
            if let Some(seat) = seat {
                seat.take(|| Rc::clone(&of.0) as Rc<dyn Cancellable>);
            }
        }
        if !outcome.is_done() {
            if trace::is_on() {
                of.0.subject().into_iter().for_each(trace::waits_for);
            }
            waits(of.0.waits_for(), Place::here());
            outcome.tell(notice, context);
            patience.ask(seat.as_ref().is_some_and(Seat::is_reached));
            return Poll::Pending;
        }
        // Whoever is told of the end has left the list.
        (*notice, *seat) = (None, None);
        patience.ask(false);
        match how(outcome) {
            End::Finished(value) => Poll::Ready(value),
            End::Panicked(panic) => resume_unwind(panic),
            End::Cancelled => raise(),
        }
    }
}

impl<T> Drop for Awaiting<T> {
    fn drop(&mut self) {
        if let Some(id) = self.notice {
            drop(self.of.outcome().remove(id));
        }
    }
}

impl<T: 'static> IntoFuture for Future<T> {
    type Output = T;
    type IntoFuture = Awaiting<T>;

    /// Takes the result.
    fn into_future(self) -> Awaiting<T> {
        Awaiting::new(self, Outcome::take_end)
    }
}

impl<T: Clone + 'static> IntoFuture for &Future<T> {
    type Output = T;
    type IntoFuture = Awaiting<T>;

    /// Clones the result.
    fn into_future(self) -> Awaiting<T> {
        Awaiting::new(self.clone(), |outcome| {
            outcome.clone_end().unwrap_or_else(|| outcome.take_end())
        })
    }
}

/// Whatever can be awaited by several, or becomes so: coroutines are made tasks; tasks and
/// futures are what they are.
pub trait EnsureFuture {
    /// The result.
    type Output: 'static;

    /// Gives the future of it on that loop.
    #[doc(alias = "asyncio.ensure_future")]
    fn ensure_future(self, event_loop: &EventLoop) -> Future<Self::Output>;
}

impl<F: std::future::Future<Output: 'static> + 'static> EnsureFuture for F {
    type Output = F::Output;

    #[track_caller]
    fn ensure_future(self, event_loop: &EventLoop) -> Future<F::Output> {
        Future::clone(&event_loop.create_task(self))
    }
}

impl<T: 'static> EnsureFuture for Future<T> {
    type Output = T;

    fn ensure_future(self, _: &EventLoop) -> Self {
        self
    }
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.outcome().state.get() {
            State::Pending => "pending",
            State::Finished => "finished",
            State::Cancelled => "cancelled",
            State::Panicked => "panicked",
        };
        write!(f, "<Future {state}>")
    }
}

impl<T> fmt::Debug for Awaiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Awaiting").field(&self.of).finish()
    }
}
