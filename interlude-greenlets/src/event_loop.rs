//! The event loop, which gevent calls the hub: resume whoever is ready, then wait for
//! whoever is not.
//!
//! The hub is the greenlet that called [`run`]. Whoever has to wait switches to it, and it
//! switches back when the wait is over.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::resume_unwind;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use reactor::{Reactor, trace};

use crate::extras::block_on::Woken;
pub use crate::extras::block_on::block_on;
use crate::extras::current::{Entered, current};
use crate::extras::deadlock::What;
use crate::extras::errors::of_the_world;
use crate::extras::message::{Parcel, Trouble};
use crate::extras::name::Name;
use crate::extras::report::report_uncaught;
use crate::extras::unwinding::{before_a_switch, give_way, raise_or_put_off};
use crate::extras::waiting::{Waiter, Waiting};
use crate::failure::GreenletExit;
use crate::greenlet::{self, Greenlet, Inner};
use crate::task::{JoinHandle, task};

/// Runs `main` to its end in a greenlet, on a loop of its own. Greenlets that wait then are
/// asked to end, by [`GreenletExit`], and unwound. Their destructors can wait no more: whatever
/// waits there is over at once, or fails. One that swallows its exit and waits again is left
/// as it is, and reported.
///
/// ```
/// use interlude_greenlets::extras::event::Event;
/// use interlude_greenlets::run;
/// use std::io;
///
/// # fn main() -> io::Result<()> {
/// let (word, end) = (run(|| "hello")?, run(|| Event::default().wait()));
/// assert_eq!(word, "hello");
/// // Nobody has a handle to that event, and so nobody can set it.
/// assert_eq!(end.unwrap_err().kind(), io::ErrorKind::Deadlock);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What opening or asking the selector answers; that there is no memory for a stack, or what
/// else of that kind was raised in `main`; [`Deadlock`](io::ErrorKind::Deadlock) when
/// nobody can be woken any more: the error tells who waits, and what for.
///
/// # Panics
///
/// Panics inside another `run`, and with whatever else `main` panics with.
#[track_caller]
pub fn run<T: 'static>(main: impl FnOnce() -> T + 'static) -> io::Result<T> {
    let event_loop = Rc::new(EventLoop::new()?);
    let entered = Entered::enter(&event_loop);
    let mut main = event_loop.spawn(main);
    event_loop.run_until(|| main.is_finished())?;
    drop(entered);
    let end = main.output().expect("the loop ran until it was there");
    end.or_else(|end| of_the_world(&*end).map_or_else(|| resume_unwind(end), Err))
}

/// Starts a greenlet on the running loop. It begins in a later turn, never here.
///
/// ```
/// use interlude_greenlets::{run, spawn};
/// use std::{cell::Cell, rc::Rc};
///
/// # fn main() -> std::io::Result<()> {
/// run(|| {
///     let has_run = Rc::new(Cell::new(false));
///     let theirs = Rc::clone(&has_run);
///     let other = spawn(move || theirs.set(true));
///     assert!(!has_run.get(), "nobody runs before we wait");
///     other.join().unwrap();
///     assert!(has_run.get());
/// })
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn spawn<T: 'static>(body: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    current().spawn(body)
}

/// Names a greenlet that waits, for the length of that one wait: what is left with the
/// reactor. No number comes twice, so an id that comes back late resumes nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GreenletId {
    /// How many waits there have been on this thread before it.
    pub(crate) number: u64,
    /// Where the loop finds who waits.
    pub(crate) place: usize,
}

/// One thread, many greenlets.
pub(crate) struct EventLoop {
    /// The greenlet that called `run`.
    hub: Greenlet,
    /// Filled by whoever ends a wait; emptied by `run_ready`.
    ready: RefCell<VecDeque<GreenletId>>,
    /// Filled by wakers, on any thread; emptied by `wait`.
    pub(crate) woken: Arc<Woken>,
    /// Filled by `expect`; emptied by `take`.
    pub(crate) waiting: RefCell<Waiting>,
    /// Filled by `spawn`; emptied as they end.
    pub(crate) tasks: RefCell<BTreeMap<u32, Weak<Inner>>>,
    /// Set when it ends, and nobody will be resumed any more.
    pub(crate) is_over: Cell<bool>,
    pub(crate) reactor: Reactor<GreenletId>,
}

impl EventLoop {
    fn new() -> io::Result<Self> {
        Name::start_over();
        let reactor = Reactor::new()?;
        Ok(Self {
            hub: greenlet::current(),
            ready: RefCell::default(),
            woken: Woken::new(&reactor),
            waiting: RefCell::default(),
            tasks: RefCell::default(),
            is_over: Cell::default(),
            reactor,
        })
    }

    #[track_caller]
    fn spawn<T: 'static>(&self, body: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
        let (handle, id) = self.prepare(body);
        self.make_ready(id);
        handle
    }

    /// A greenlet that begins when its id is made ready.
    #[track_caller]
    pub(crate) fn prepare<T: 'static>(
        &self,
        body: impl FnOnce() -> T + 'static,
    ) -> (JoinHandle<T>, GreenletId) {
        let handle = task(&self.hub, body);
        let number = handle.greenlet.0.name.number;
        self.tasks.borrow_mut().insert(number, Rc::downgrade(&handle.greenlet.0));
        let id = self.expect(&handle.greenlet, What::Turn, None);
        (handle, id)
    }

    /// Turn after turn, until `done` says so.
    fn run_until(&self, mut done: impl FnMut() -> bool) -> io::Result<()> {
        loop {
            self.run_ready();
            if done() {
                return Ok(());
            }
            self.wait()?;
        }
    }

    /// One turn: whoever was ready when it began goes on, until it waits again or ends.
    fn run_ready(&self) {
        let _turn = trace::turn();
        let turn = self.ready.take();
        turn.into_iter().for_each(|id| self.resume(id));
    }

    /// Sleeps in the reactor until somebody is ready.
    fn wait(&self) -> io::Result<()> {
        let busy = !(self.ready.borrow().is_empty() && self.woken.may_sleep());
        let mut ready = Vec::new();
        if busy || self.can_be_woken() {
            self.reactor.select(busy.then_some(Duration::ZERO), &mut ready)
        } else {
            Err(io::ErrorKind::Deadlock.into())
        }
        .map_err(|error| self.explain(error))?;
        ready.extend(self.woken.take());
        self.ready.borrow_mut().extend(ready);
        Ok(())
    }

    /// Ends a wait: the one place where the hub resumes a greenlet.
    fn resume(&self, id: GreenletId) {
        let Some(Waiter { greenlet, raise, .. }) = self.take(id) else { return };
        if greenlet.is_dead() {
            return; // to switch to it is to switch to its parent
        }
        let running = trace::resumed(greenlet.0.name.subject);
        let parcel = match raise {
            None => Parcel::default(),
            Some(raise) => Trouble::Raise(raise, self.hub.clone()).into(),
        };
        // What it sends to the hub when it waits or ends is of no interest.
        let back = greenlet.clone().hand_over(before_a_switch(), parcel);
        running.stopped(greenlet.is_dead());
        if let Some(failure) = back.failure() {
            report_uncaught(failure);
        }
    }

    /// Waits until somebody makes `id` ready: the one place where a greenlet parks. What is
    /// thrown at it meanwhile is raised here, and unwinds the stack from here.
    ///
    /// When the loop is over it cannot wait, nor can the hub itself.
    #[track_caller]
    pub(crate) fn park(&self, id: GreenletId) -> Result<(), GreenletExit> {
        if greenlet::current() == self.hub {
            return Err(GreenletExit);
        }
        trace::waits_at(trace::Place::here());
        while self.is_waiting(id) {
            if self.is_over.get() {
                return Err(give_way());
            }
            let (hub, depth) = (self.hub.clone(), before_a_switch());
            let back = hub.hand_over(depth, Parcel::default());
            if let Some(thrown) = back.failure() {
                raise_or_put_off(thrown);
            }
        }
        Ok(())
    }

    /// Whoever waits under this id goes on in the next turn.
    #[track_caller]
    pub(crate) fn make_ready(&self, id: GreenletId) {
        if let Some(waiter) = self.waiting.borrow().get(id) {
            trace::woken_here(waiter.greenlet.0.name.subject);
        }
        self.ready.borrow_mut().push_back(id);
    }
}
