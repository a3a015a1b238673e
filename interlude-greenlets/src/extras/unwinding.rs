//! Stacks that are unwound, and wait meanwhile: a destructor may call whatever waits.
//!
//! To unwind a stack twice at once ends the process: nothing may be raised in a destructor
//! that would leave it. So a greenlet has to know how many unwindings deep it is. What was
//! raised here is counted. For panics of others there is only `thread::panicking`, and std
//! says of a *thread* what is true of one of its stacks: while a destructor waits, all
//! greenlets seem to panic. So one gap is left. Whoever panics by itself while a destructor of
//! another waits, and then waits in a destructor as well, is not known to be unwound: what is
//! thrown at it there ends the process.

use std::cell::{Cell, RefCell};
use std::thread;

use crate::extras::message::Parcel;
use crate::extras::report::report_uncaught;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::{Greenlet, Handover, State, current};

/// How often a greenlet that is to end may ask to wait, and is told no. After that it waits
/// for ever: it may be a loop until something has happened that is not going to happen.
const PATIENCE: u32 = 1_000;

thread_local! {
    /// How many stacks are unwound, but for the one that is running.
    static ELSEWHERE: Cell<u32> = const { Cell::new(0) };
}

/// What a greenlet knows of its own unwinding.
#[derive(Default)]
pub(crate) struct Unwinding {
    /// What was raised here and not caught so far. A catch that we do not see is noticed as
    /// soon as the thread does not panic.
    raised: Cell<u32>,
    /// What cannot be raised before the stack is no deeper than that: filled by `put_off`.
    put_off: RefCell<Vec<(Failure, u32)>>,
    /// Whether it was asked to end.
    exits: Cell<bool>,
    /// How often it was refused to wait.
    refused: Cell<u32>,
}

impl Greenlet {
    /// How many unwindings its stack is in. Ask the one that is running.
    pub(crate) fn depth(&self) -> u32 {
        let Unwinding { raised, .. } = &self.0.unwinding;
        if !thread::panicking() {
            raised.set(0);
            return 0;
        }
        let panics = ELSEWHERE.get() == 0;
        raised.get().max(panics.into())
    }

    /// Unwinds the stack that is running with `failure`.
    pub(crate) fn raise(&self, failure: Failure) -> ! {
        let Unwinding { raised, exits, .. } = &self.0.unwinding;
        raised.set(self.depth() + 1);
        exits.set(exits.get() || failure.is::<GreenletExit>());
        failure.raise()
    }

    /// What was raised here last has been caught.
    pub(crate) fn caught(&self) {
        let raised = &self.0.unwinding.raised;
        raised.set(raised.get().saturating_sub(1));
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Closing)
    }

    /// Whether it goes on as if it had not been asked to end.
    fn has_swallowed(&self) -> bool {
        self.0.unwinding.exits.get() && self.depth() == 0
    }

    /// Itself, unless it is closed, so that nobody would come back to it. One that has
    /// swallowed its exit may leave, and does not come back.
    pub(crate) fn unless_closed(self) -> Result<Self, GreenletExit> {
        if !self.is_closing() || self.has_swallowed() {
            return Ok(self);
        }
        drop(self);
        Err(give_way())
    }

    /// Keeps a failure until it can be raised without ending the process.
    pub(crate) fn put_off(&self, failure: Failure, limit: u32) {
        self.0.unwinding.put_off.borrow_mut().push((failure, limit));
    }

    /// Raises the first that can be raised now.
    pub(crate) fn raise_what_was_put_off(&self, depth: u32) {
        let mut put_off = self.0.unwinding.put_off.borrow_mut();
        let first = put_off.iter().position(|(_, limit)| depth <= *limit);
        let first = first.map(|first| put_off.remove(first));
        drop(put_off);
        if let Some((failure, _)) = first {
            self.raise(failure);
        }
    }

    /// Whoever would have caught this is gone.
    pub(crate) fn take_back(&self, failure: &Failure) {
        let ours = |it: &(Failure, u32)| it.0.is_same(failure);
        self.0.unwinding.put_off.borrow_mut().retain(|it| !ours(it));
    }
}

/// Raises what was thrown at a wait, if that does not end the process.
pub(crate) fn raise_or_put_off(thrown: Failure) {
    let here = current();
    match here.depth() {
        0 => here.raise(thrown),
        _ if here.is_closing() => {}
        _ => here.put_off(thrown, 0),
    }
}

/// For whoever cannot wait because nobody will come back: in a destructor it is told so,
/// and goes on. One that has swallowed its exit, or asks again and again, stops here.
pub(crate) fn give_way() -> GreenletExit {
    let here = current();
    here.raise_what_was_put_off(here.depth());
    let refused = &here.0.unwinding.refused;
    refused.set(refused.get() + 1);
    let is_enough = here.has_swallowed() || refused.get() > PATIENCE;
    drop(here);
    if is_enough { wait_for_good(GreenletExit) } else { GreenletExit }
}

/// For whoever can neither wait nor go on without. What closes it gets control, and tells.
///
/// # Panics
///
/// Panics if it is the loop itself.
pub(crate) fn wait_for_good(_: GreenletExit) -> ! {
    assert!(current().is_closing(), "the event loop itself cannot wait for anything");
    let depth = current().depth();
    loop {
        let to = current().parent().expect("a thread's own greenlet is never closed");
        current().suspend(depth, Handover { to, parcel: Parcel::nothing() });
    }
}

/// Calls `wait`, in which others run. They are not unwound, even if this stack is.
pub(crate) fn aside<T>(depth: u32, wait: impl FnOnce() -> T) -> T {
    if depth == 0 {
        return wait();
    }
    ELSEWHERE.set(ELSEWHERE.get() + 1);
    let result = wait();
    ELSEWHERE.set(ELSEWHERE.get() - 1);
    result
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        let put_off = self.put_off.take();
        put_off.into_iter().for_each(|(failure, _)| report_uncaught(failure));
    }
}
