//! A task: a greenlet whose parent is the hub, and a handle to wait for its end.

use std::any::{Any, type_name_of_val};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use reactor::trace;

use crate::event_loop::{GreenletId, current_or_exit, try_current};
use crate::extras::deadlock::What;
use crate::extras::message::Message;
use crate::extras::name::Name;
use crate::extras::report::{bury, report_end, report_unread};
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::Greenlet;

/// The handle to a greenlet that will call `body`, and that gets its result. A panic ends this
/// greenlet and no other: it goes to whoever joins, and the panic hook has reported it.
#[track_caller]
pub(crate) fn task<T: 'static>(
    hub: &Greenlet,
    body: impl FnOnce() -> T + 'static,
) -> JoinHandle<T> {
    let name = Name::new(type_name_of_val(&body));
    let (end, joining) = (RefCell::default(), Cell::default());
    let state = Rc::new(State { end, joining, unread: |end| report_unread(end) });
    let theirs = Rc::clone(&state);
    let body = move |first| {
        theirs.finish(
            name,
            match first {
                Ok(_) => catch_unwind(AssertUnwindSafe(body)),
                Err(failure) => {
                    bury([body]);
                    Err(Box::new(failure) as _)
                }
            },
        );
        Ok(Message::new(()))
    };
    JoinHandle { greenlet: Greenlet::child_of(hub.clone(), name, Box::new(body)), state }
}

/// What a task and its handle share.
struct State<T> {
    /// Left by the task, taken by the handle.
    end: RefCell<Option<thread::Result<T>>>,
    /// Who waits for it.
    joining: Cell<Option<GreenletId>>,
    /// Told of a result that nobody took.
    unread: fn(&T),
}

impl<T> State<T> {
    /// Says how a task ended, once: with its body, or because that never began.
    fn finish(&self, name: Name, end: thread::Result<T>) {
        match end.as_ref().err().map(|end| end.downcast_ref::<Failure>()) {
            None => {}
            Some(Some(exit)) if exit.is::<GreenletExit>() => trace::cancelled(),
            Some(_) => trace::panicked(),
        }
        *self.end.borrow_mut() = Some(end);
        let Some(event_loop) = try_current() else { return };
        event_loop.forget_task(name);
        if let Some(id) = self.joining.take() {
            event_loop.make_ready(id);
        }
    }
}

/// An end that nobody was interested in.
impl<T> Drop for State<T> {
    fn drop(&mut self) {
        self.end.take().into_iter().for_each(|end| report_end(end, self.unread));
    }
}

/// Waits for the end of a greenlet, as [`std::thread::JoinHandle`] does for a thread's.
/// Dropping it lets the greenlet run on. If it fails then, that is reported.
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
    /// What it panicked with; a boxed [`Failure`] if that was raised and not caught, or if it
    /// could not begin because there was no memory for its stack.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias("get", "wait"))]
    #[track_caller]
    pub fn join(mut self) -> thread::Result<T> {
        let exit = |exit| Box::new(Failure::from(exit)) as Box<dyn Any + Send>;
        if !self.is_finished() {
            let event_loop = current_or_exit().map_err(exit)?;
            let wait = event_loop.expect_wake(What::Greenlet(self.greenlet.0.name));
            self.state.joining.set(Some(wait.id));
            trace::waits_for(self.greenlet.0.name.subject);
            wait.park().map_err(exit)?;
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
