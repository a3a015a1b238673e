//! A slot for a result that is not there yet: the `Future` of PEP 3156.
//!
//! Not to be mixed up with Rust's trait of that name, which is a thing that runs. This one
//! runs nothing. Whoever has the result puts it in; whoever wants it leaves a callback, which
//! the loop calls in a later turn, never inside `set_result`.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::event_loop::{Callback, try_current};
use crate::extras::callback::once;
use crate::extras::cancel::Cancel;
use crate::extras::deadlock::Told;
use crate::extras::line::Line;
use crate::failure::{Failure, bury};

pub use crate::extras::errors::{Cancelled, InvalidState};

/// A result to come. Its clones are one future.
///
/// ```
/// use stage3_yield_from::{Future, call_soon, coroutine, run, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// let answer = run(coroutine(async {
///     let future = Future::new();
///     let producer = future.clone();
///     call_soon(move || producer.set_result(42).expect("nobody has set it"));
///     yield_from(&future).await
/// }))?;
/// assert_eq!(answer.unwrap(), 42);
/// # Ok(())
/// # }
/// ```
pub struct Future<T: 'static>(pub(crate) Rc<Slot<T>>);

/// Where its result is put.
pub(crate) struct Slot<T: 'static> {
    /// What it is to whoever waits for it, in words.
    pub(crate) what: &'static str,
    /// Finished once, by `set_result`, `set_exception` or `cancel`.
    pub(crate) state: RefCell<State<T>>,
    /// Filled by `add_done_callback`; emptied when the result is there.
    pub(crate) callbacks: RefCell<Line<Callback>>,
    /// Set by `result`: an error that somebody saw need not be reported.
    pub(crate) seen: Cell<bool>,
}

pub(crate) enum State<T> {
    Pending,
    Finished(Result<T, Failure>),
    /// Finished, and the result is with the one who alone has a right to it.
    Taken,
}

/// Something to wait for, whatever its result: what a coroutine yields to its task.
#[derive(Clone)]
pub struct AnyFuture(pub(crate) Rc<dyn Wait>);

/// What a task asks of what it waits for.
pub(crate) trait Wait: Cancel + Told {
    fn add_done_callback(&self, callback: Callback) -> CallbackId;
    fn done(&self) -> bool;
}

/// Names a callback, so that it can be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackId(pub(crate) u64);

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
        self.0.done()
    }

    /// Puts the result in, and schedules the callbacks.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is done.
    pub fn set_result(&self, value: T) -> Result<(), InvalidState> {
        self.0.finish(Ok(value))
    }

    /// Gives it up, unless it is done: then it says `false` and does nothing.
    pub fn cancel(&self) -> bool {
        self.0.finish(Err(Cancelled.into())).is_ok()
    }

    /// Has `callback` called by the loop once the future is done; in the next turn, if it is
    /// done already.
    pub fn add_done_callback(&self, callback: impl FnOnce() + 'static) -> CallbackId {
        self.0.add_done_callback(once(callback))
    }

    /// The same future, its type forgotten.
    pub fn erased(&self) -> AnyFuture {
        AnyFuture(Rc::clone(&self.0) as _)
    }
}

impl<T: Clone + 'static> Future<T> {
    /// The result. It can be asked for again and again, and is the same each time.
    ///
    /// # Errors
    ///
    /// [`InvalidState`] if it is not done, or somebody has taken the result; [`Cancelled`], or
    /// the error that was put in.
    pub fn result(&self) -> Result<T, Failure> {
        match &*self.0.state.borrow() {
            State::Finished(result) => {
                self.0.seen.set(true);
                result.clone()
            }
            State::Pending | State::Taken => Err(InvalidState.into()),
        }
    }
}

impl<T: 'static> Slot<T> {
    pub(crate) fn finish(&self, result: Result<T, Failure>) -> Result<(), InvalidState> {
        if self.done() {
            return Err(InvalidState);
        }
        self.state.replace(State::Finished(result));
        self.schedule_callbacks();
        Ok(())
    }

    fn schedule_callbacks(&self) {
        let next = || self.callbacks.borrow_mut().next();
        while let Some(callback) = next() {
            schedule(callback);
        }
    }
}

impl<T: 'static> Wait for Slot<T> {
    fn add_done_callback(&self, callback: Callback) -> CallbackId {
        let id = self.callbacks.borrow_mut().join(callback);
        if self.done() {
            self.schedule_callbacks();
        }
        CallbackId(id)
    }

    fn done(&self) -> bool {
        !matches!(*self.state.borrow(), State::Pending)
    }
}

/// Where no loop runs any more, nobody is called.
fn schedule(callback: Callback) {
    match try_current() {
        Some(event_loop) => event_loop.call_soon(callback),
        None => _ = bury([callback]),
    }
}
