//! Which loop a thread is running.

use std::cell::RefCell;
use std::rc::Rc;

use crate::event_loop::EventLoop;
use crate::extras::unwinding::{give_way, wait_for_good};
use crate::failure::GreenletExit;
use crate::greenlet;

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
pub(crate) fn current() -> Rc<EventLoop> {
    current_or_exit().unwrap_or_else(|exit| wait_for_good(exit))
}

/// The same, but a greenlet that is unwound for good is told that nobody would resume it.
pub(crate) fn current_or_exit() -> Result<Rc<EventLoop>, GreenletExit> {
    match try_current() {
        Some(event_loop) => Ok(event_loop),
        None if greenlet::current().is_closing() => Err(give_way()),
        None => panic!(
            "no event loop is running on this thread: call this from inside `run`, in a \
             greenlet or in something it calls"
        ),
    }
}

/// The loop that is running on this thread, if any.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.try_with(|it| it.borrow().clone()).ok().flatten()
}

/// Makes a loop current; dropping it ends that, and before it the greenlets that are left.
pub(crate) struct Entered(Rc<EventLoop>);

impl Entered {
    pub(crate) fn enter(event_loop: &Rc<EventLoop>) -> Self {
        assert!(
            try_current().is_none(),
            "run() cannot be called from a running event loop: call spawn() instead"
        );
        CURRENT.set(Some(Rc::clone(event_loop)));
        Self(Rc::clone(event_loop))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.unwind_all();
        CURRENT.set(None);
    }
}
