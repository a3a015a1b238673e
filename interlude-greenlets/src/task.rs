//! A task: a greenlet whose parent is the hub, and a handle to wait for its end.

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use reactor::trace;

use crate::event_loop::{GreenletId, current, report, try_current};
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// The handle to a greenlet that will call `body`, and that gets its result. A panic ends this
/// greenlet and no other: it goes to whoever joins, and the panic hook has reported it.
#[track_caller]
pub(crate) fn task<T: 'static>(
    hub: &Greenlet,
    body: impl FnOnce() -> T + 'static,
) -> JoinHandle<T> {
    let subject = trace::created(trace::Kind::Greenlet, type_name_of_val(&body));
    let state = Rc::new(State { end: RefCell::default(), joining: Cell::new(None) });
    let unfinished = Unfinished(Rc::clone(&state));
    let greenlet = Greenlet::child_of(hub.clone(), subject, move |()| {
        unfinished.finish(catch_unwind(AssertUnwindSafe(body)));
        Ok(())
    });
    JoinHandle { greenlet, state }
}

/// What a task and its handle share.
struct State<T> {
    /// Left by the task, taken by the handle.
    end: RefCell<Option<thread::Result<T>>>,
    /// Who waits for it.
    joining: Cell<Option<GreenletId>>,
}

/// The duty to say how a task ended. Dropped, because it never began, it says so.
struct Unfinished<T>(Rc<State<T>>);

impl<T> Unfinished<T> {
    fn finish(&self, end: thread::Result<T>) {
        let raised = end.as_ref().err().and_then(|end| end.downcast_ref::<Failure>());
        match raised {
            _ if end.is_ok() => {}
            Some(failure) if failure.is::<GreenletExit>() => trace::cancelled(),
            _ => trace::panicked(),
        }
        if let Some(failure) = raised.filter(|failure| !failure.is::<GreenletExit>()) {
            report(failure);
        }
        *self.0.end.borrow_mut() = Some(end);
        if let (Some(id), Some(event_loop)) = (self.0.joining.take(), try_current()) {
            event_loop.make_ready(id);
        }
    }
}

impl<T> Drop for Unfinished<T> {
    fn drop(&mut self) {
        if self.0.end.borrow().is_none() {
            self.finish(Err(Box::new(Failure::from(GreenletExit))));
        }
    }
}

/// Waits for the end of a greenlet, as [`std::thread::JoinHandle`] does for a thread's.
/// Dropping it lets the greenlet run on.
pub struct JoinHandle<T> {
    pub(crate) greenlet: Greenlet,
    state: Rc<State<T>>,
}

impl<T> JoinHandle<T> {
    /// Whether the greenlet has come to an end, whichever.
    #[doc(alias("ready", "dead"))]
    pub fn is_finished(&self) -> bool {
        self.state.end.borrow().is_some()
    }

    /// Waits for the greenlet, and gives what its body returned.
    ///
    /// # Errors
    ///
    /// What it panicked with; a boxed [`Failure`] if that was raised and not caught.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias("get", "wait"))]
    #[track_caller]
    pub fn join(mut self) -> thread::Result<T> {
        if !self.is_finished() {
            let id = current().expect_wake();
            self.state.joining.set(Some(id));
            trace::waits_for(self.greenlet.0.subject);
            if let Err(exit) = current().park(id) {
                return Err(Box::new(Failure::from(exit)));
            }
        }
        self.output().expect("it was made ready because it is there")
    }

    /// How it ended, if it has.
    pub(crate) fn output(&mut self) -> Option<thread::Result<T>> {
        self.state.end.take()
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}
