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

use crate::extras::message::{Parcel, Trouble};
use crate::extras::report::report_uncaught;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::{Greenlet, State, current, suspend};

/// How often a greenlet that is to end may ask to wait, and is told no. After that it waits
/// for ever: it may be a loop until something has happened that is not going to happen.
const PATIENCE: u32 = 1_000;

thread_local! {
    /// How many stacks are unwound, but for the one that is running.
    static ELSEWHERE: Cell<u32> = const { Cell::new(0) };

    /// How many reasons there are to look twice before a switch.
    static UNQUIET: Cell<u32> = const { Cell::new(0) };
}

/// A reason to look twice before a switch, as long as it is there: somebody is closed, or
/// unwound, or has something put off. Mostly there is none, and a switch is short.
#[derive(Debug)]
pub(crate) struct Unquiet(());

impl Unquiet {
    pub(crate) fn new() -> Self {
        UNQUIET.set(UNQUIET.get() + 1);
        Self(())
    }
}

impl Drop for Unquiet {
    fn drop(&mut self) {
        UNQUIET.set(UNQUIET.get() - 1);
    }
}

/// Whether nothing on this thread is out of the ordinary.
#[inline]
fn is_quiet() -> bool {
    UNQUIET.get() == 0 && !thread::panicking()
}

/// What a greenlet knows of its own unwinding.
#[derive(Default)]
pub(crate) struct Unwinding {
    /// What was raised here and not caught so far. A catch that we do not see is noticed as
    /// soon as the thread does not panic.
    raised: Cell<u32>,
    /// As long as it is not zero.
    is_raised: Cell<Option<Unquiet>>,
    /// What cannot be raised before the stack is no deeper than that: filled by `put_off`.
    put_off: RefCell<Vec<(Failure, u32, Unquiet)>>,
    /// Whether it was asked to end.
    exits: Cell<bool>,
    /// How often it was refused to wait.
    refused: Cell<u32>,
}

impl Greenlet {
    /// How many unwindings its stack is in. Ask the one that is running.
    pub(crate) fn depth(&self) -> u32 {
        if !thread::panicking() {
            self.set_raised(0);
            return 0;
        }
        let panics = ELSEWHERE.get() == 0;
        self.0.unwinding.raised.get().max(panics.into())
    }

    fn set_raised(&self, raised: u32) {
        self.0.unwinding.raised.set(raised);
        self.0.unwinding.is_raised.set((raised > 0).then(Unquiet::new));
    }

    /// Unwinds the stack that is running with `failure`.
    pub(crate) fn raise(&self, failure: Failure) -> ! {
        self.set_raised(self.depth() + 1);
        let exits = &self.0.unwinding.exits;
        exits.set(exits.get() || failure.is::<GreenletExit>());
        failure.raise()
    }

    /// What was raised here last has been caught.
    pub(crate) fn caught(&self) {
        self.set_raised(self.0.unwinding.raised.get().saturating_sub(1));
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.0.state.get() == State::Closing
    }

    /// Whether it goes on as if it had not been asked to end.
    fn has_swallowed(&self) -> bool {
        self.0.unwinding.exits.get() && self.depth() == 0
    }

    /// Keeps a failure until it can be raised without ending the process.
    pub(crate) fn put_off(&self, failure: Failure, limit: u32) {
        self.0.unwinding.put_off.borrow_mut().push((failure, limit, Unquiet::new()));
    }

    /// Raises the first that can be raised now.
    pub(crate) fn raise_what_was_put_off(&self, depth: u32) {
        let mut put_off = self.0.unwinding.put_off.borrow_mut();
        let first = put_off.iter().position(|(_, limit, _)| depth <= *limit);
        let first = first.map(|first| put_off.remove(first));
        drop(put_off);
        if let Some((failure, ..)) = first {
            self.raise(failure);
        }
    }

    /// Whoever would have caught this is gone.
    pub(crate) fn take_back(&self, failure: &Failure) {
        self.0.unwinding.put_off.borrow_mut().retain(|it| !it.0.is_same(failure));
    }
}

/// How many unwindings deep the greenlet is that wants to switch. What was put off is raised
/// now, if it can be.
#[inline]
pub(crate) fn before_a_switch() -> u32 {
    if is_quiet() { 0 } else { look_twice() }
}

#[cold]
fn look_twice() -> u32 {
    let here = current();
    let depth = here.depth();
    here.raise_what_was_put_off(depth);
    depth
}

/// The same; an error for one that is closed: nobody would come back to it. One that has
/// swallowed its exit may leave, and does not come back.
#[inline]
pub(crate) fn unless_closed() -> Result<u32, GreenletExit> {
    if is_quiet() { Ok(0) } else { look_whether_closed() }
}

#[cold]
fn look_whether_closed() -> Result<u32, GreenletExit> {
    let here = current();
    let may_leave = !here.is_closing() || here.has_swallowed();
    drop(here);
    if may_leave { Ok(look_twice()) } else { Err(give_way()) }
}

/// What whoever comes back to a stack, that many unwindings deep, is given there; or what
/// unwinds it from there.
#[inline]
pub(crate) fn receive(depth: u32, parcel: Parcel) -> Parcel {
    if parcel.is_plain() { parcel } else { unwind(depth, parcel) }
}

#[cold]
fn unwind(depth: u32, mut parcel: Parcel) -> Parcel {
    loop {
        match parcel.take() {
            Ok(Trouble::Raise((failure, limit), _)) if depth <= limit => {
                current().raise(failure)
            }
            Ok(Trouble::Raise((failure, limit), hub)) => {
                current().put_off(failure, limit);
                parcel = suspend(depth, (hub, Parcel::default()));
            }
            Ok(Trouble::Exit) if depth == 0 => current().raise(GreenletExit.into()),
            Ok(Trouble::Exit) => {
                current().put_off(GreenletExit.into(), 0);
                return Failure::from(GreenletExit).into();
            }
            Ok(Trouble::Failure(failure)) => return failure.into(),
            Err(message) => return message,
        }
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
        suspend(depth, (to, Parcel::default()));
    }
}

/// As long as it is there, others run. They are not unwound, even if this stack is.
#[derive(Debug)]
pub(crate) struct Aside(());

impl Aside {
    #[inline]
    pub(crate) fn unless_quiet(depth: u32) -> Option<Self> {
        (depth > 0).then(Self::new)
    }

    fn new() -> Self {
        ELSEWHERE.set(ELSEWHERE.get() + 1);
        Self(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        ELSEWHERE.set(ELSEWHERE.get() - 1);
    }
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        let put_off = self.put_off.take();
        put_off.into_iter().for_each(|(failure, ..)| report_uncaught(failure));
    }
}
