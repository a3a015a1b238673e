//! A slot for a result that is not there yet: the `Future` of PEP 3156.
//!
//! Not to be mixed up with Rust's trait of that name, which is a thing that runs. This one
//! runs nothing. Whoever has the result puts it in; whoever wants it leaves a callback, which
//! the loop calls in a later turn, never inside `set_result`.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;

use crate::event_loop::{Callback, try_current};
use crate::extras::depth;
use crate::extras::errors::errors;
use crate::extras::line::Line;
use crate::failure::{Failure, bury, report};

/// A result to come. Its clones are one future.
pub struct Future<T: 'static>(pub(crate) Rc<Slot<T>>);

/// Where its result is put.
pub(crate) struct Slot<T: 'static> {
    /// What it is to whoever waits for it, in words.
    what: &'static str,
    /// Set once, by `set_result`, `set_exception` or `cancel`.
    state: RefCell<State<T>>,
    /// Filled by `add_done_callback`; emptied when the result is there.
    callbacks: RefCell<Line<Callback>>,
    /// Set by `result`: an error that somebody saw need not be reported.
    seen: Cell<bool>,
}

enum State<T> {
    Pending,
    Finished(Result<T, Failure>),
}

/// Something to wait for, whatever its result: what a coroutine yields to its task.
#[derive(Clone)]
pub struct AnyFuture(pub(crate) Rc<dyn Wait>);

/// What a task asks of what it waits for.
pub(crate) trait Wait {
    fn add_done_callback(&self, callback: Callback) -> CallbackId;
    fn done(&self) -> bool;
    /// Who is to have that cancel instead: a task passes it on to what it waits for.
    fn passes_on(&self, cancel: u64) -> Option<AnyFuture>;
    fn cancel(&self) -> bool;
    /// What it is, in words.
    fn what(&self) -> String;
}

thread_local! {
    /// Counts the cancels so far: each has a number of its own.
    static CANCELS: Cell<u64> = const { Cell::new(0) };
}

/// Names a callback, so that it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(u64);

errors! {
    /// A future was asked for what it cannot do in its present state.
    #[doc(alias = "InvalidStateError")]
    InvalidState: "invalid state",
    /// Somebody did not want to wait any longer.
    #[doc(alias = "CancelledError")]
    Cancelled: "cancelled",
}

impl<T: 'static> Future<T> {
    /// A future without a result.
    pub fn new() -> Self {
        Self::named("a future")
    }

    pub(crate) fn named(what: &'static str) -> Self {
        Self(Rc::new(Slot {
            what,
            state: RefCell::new(State::Pending),
            callbacks: RefCell::default(),
            seen: Cell::new(false),
        }))
    }

    /// Whether there is a result, an error, or a cancel.
    pub fn done(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Finished(_))
    }

    /// Whether it was cancelled.
    pub fn cancelled(&self) -> bool {
        let state = self.0.state.borrow();
        matches!(&*state, State::Finished(Err(failure)) if failure.is::<Cancelled>())
    }

    /// Puts the result in, and schedules the callbacks.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState> {
        self.finish(Ok(value))
    }

    /// Puts an error in, and schedules the callbacks.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done.
    pub fn set_exception(&self, failure: impl Into<Failure>) -> Result<(), InvalidState> {
        self.finish(Err(failure.into()))
    }

    /// Gives it up, unless it is done: then it says `false` and does nothing.
    pub fn cancel(&self) -> bool {
        self.finish(Err(Cancelled.into())).is_ok()
    }

    /// Has `callback` called by the loop once the future is done; in the next turn, if it is
    /// done already.
    pub fn add_done_callback(&self, callback: impl FnOnce() + 'static) -> CallbackId {
        let id = self.0.callbacks.borrow_mut().join(Box::new(callback));
        if self.done() {
            self.schedule_callbacks();
        }
        CallbackId(id)
    }

    /// Takes a callback back; says whether it was there.
    pub fn remove_done_callback(&self, id: CallbackId) -> bool {
        let removed = self.0.callbacks.borrow_mut().leave(id.0);
        removed.is_some()
    }

    pub(crate) fn finish(&self, result: Result<T, Failure>) -> Result<(), InvalidState> {
        if self.done() {
            return Err(InvalidState);
        }
        self.0.state.replace(State::Finished(result));
        self.schedule_callbacks();
        Ok(())
    }

    fn schedule_callbacks(&self) {
        let next = || self.0.callbacks.borrow_mut().next();
        while let Some(callback) = next() {
            schedule(callback);
        }
    }

    /// The result, for the one who alone has a right to it.
    pub(crate) fn take(&self) -> Option<Result<T, Failure>> {
        match self.0.state.replace(State::Pending) {
            State::Pending => None,
            State::Finished(result) => Some(result),
        }
    }

    /// Gives all callbacks back, uncalled.
    pub(crate) fn forget_callbacks(&self) -> Line<Callback> {
        self.0.callbacks.take()
    }

    /// Whether the two are one.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// The same future, its type forgotten.
    pub fn erased(&self) -> AnyFuture {
        AnyFuture(Rc::new(self.clone()))
    }
}

impl<T: Clone + 'static> Future<T> {
    /// The result. It can be asked for again and again, and is the same each time.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is not done; [`Cancelled`], or the error that was put in.
    pub fn result(&self) -> Result<T, Failure> {
        match &*self.0.state.borrow() {
            State::Pending => Err(InvalidState.into()),
            State::Finished(result) => {
                self.0.seen.set(true);
                result.clone()
            }
        }
    }
}

impl AnyFuture {
    /// Gives up whoever stands at the end of the line, and says `false` if nobody is left to.
    /// Flat: tasks that wait for tasks may be many.
    pub(crate) fn cancel(&self) -> bool {
        CANCELS.set(CANCELS.get() + 1);
        let mut last = self.clone();
        while let Some(next) = last.0.passes_on(CANCELS.get()) {
            last = next;
        }
        last.0.cancel()
    }
}

impl<T: 'static> Wait for Future<T> {
    fn add_done_callback(&self, callback: Callback) -> CallbackId {
        Self::add_done_callback(self, callback)
    }

    fn done(&self) -> bool {
        Self::done(self)
    }

    fn passes_on(&self, _: u64) -> Option<AnyFuture> {
        None
    }

    fn cancel(&self) -> bool {
        Self::cancel(self)
    }

    fn what(&self) -> String {
        self.0.what.to_owned()
    }
}

/// Where no loop runs any more, nobody is called.
fn schedule(callback: Callback) {
    match try_current() {
        Some(event_loop) => event_loop.call_soon(callback),
        None => _ = bury([callback]),
    }
}

/// An error that nobody ever saw is reported when nobody can see it any more.
impl<T: 'static> Drop for Slot<T> {
    fn drop(&mut self) {
        let state = mem::replace(self.state.get_mut(), State::Pending);
        if let State::Finished(Err(failure)) = &state
            && !self.seen.get()
            && !failure.is::<Cancelled>()
        {
            report(format_args!("Future exception was never retrieved: {failure}"));
        }
        bury([state]);
        let callbacks = mem::take(self.callbacks.get_mut());
        if !callbacks.is_empty() {
            // They may own another future, and so on.
            depth::flatten(Box::new(|| _ = bury(callbacks.all())));
        }
    }
}

impl<T: 'static> Clone for Future<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: 'static> Default for Future<T> {
    fn default() -> Self {
        Self::new()
    }
}
