//! A task: a greenlet whose parent is the hub, and a handle to wait for its end.

use std::any::{Any, type_name_of_val};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use reactor::trace;

use crate::extras::current::try_current;
use crate::extras::deadlock::What;
use crate::extras::link::Links;
use crate::extras::message::Parcel;
use crate::extras::name::Name;
use crate::extras::report::{bury, report_end, report_unread};
use crate::extras::waiters::Waiters;
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
    let (end, joining) = (RefCell::default(), Waiters::default());
    let (links, unread) = (Links::default(), (|end| report_unread(end)) as fn(&T));
    let state = Rc::new(State { end, joining, links, unread });
    let theirs = Rc::clone(&state);
    let body = move |first: Parcel| {
        let end = match first.failure() {
            None => catch_unwind(AssertUnwindSafe(body)),
            Some(failure) => {
                bury([body]);
                Err(Box::new(failure) as _)
            }
        };
        theirs.finish(name, end);
        Parcel::default()
    };
    JoinHandle { greenlet: Greenlet::child_of(hub.clone(), name, Box::new(body)), state }
}

/// What a task and its handle share.
pub(crate) struct State<T> {
    /// Left by the task, taken by the handle.
    pub(crate) end: RefCell<Option<thread::Result<T>>>,
    /// Who waits for it.
    pub(crate) joining: Waiters,
    /// What is called then.
    pub(crate) links: Links<T>,
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
        try_current().into_iter().for_each(|it| it.forget_task(name));
        self.joining.wake_all();
        self.look_at(|end| self.links.call(end));
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
    pub(crate) state: Rc<State<T>>,
}

impl<T> JoinHandle<T> {
    /// Whether the greenlet has come to an end, whichever.
    #[doc(alias("ready", "dead"))]
    pub fn is_finished(&self) -> bool {
        self.state.end.borrow().is_some()
    }

    /// Waits for the greenlet, and gives what its body returned.
    ///
    /// ```
    /// use interlude_greenlets::{run, spawn};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let (sum, text) = run(|| {
    ///     let good = spawn(|| 1 + 1);
    ///     let bad = spawn(|| "two".parse::<i32>());
    ///     (good.join().unwrap(), bad.join().unwrap())
    /// })?;
    /// assert!(sum == 2 && text.is_err());
    /// # Ok(())
    /// # }
    /// ```
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
            self.wait_for_end().map_err(exit)?;
        }
        self.output().expect("it was made ready because it is there")
    }

    #[track_caller]
    pub(crate) fn wait_for_end(&self) -> Result<(), GreenletExit> {
        let name = self.greenlet.0.name;
        trace::waits_for(name.subject);
        self.state.joining.wait(What::Greenlet(name))
    }

    /// How it ended, if it has.
    pub(crate) fn output(&mut self) -> Option<thread::Result<T>> {
        self.state.end.take()
    }
}
