//! The event loop: call whoever is ready, then wait for whoever is not.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use reactor::Reactor;
use reactor::trace::{self, Uncalled};

use crate::deferred::{Deferred, maybe_deferred};
use crate::extras::remote::Mailbox;
use crate::failure::{Failure, bury, guard, report};

pub use crate::extras::delayed::DelayedCall;
pub use crate::extras::remote::Remote;

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// Calls `main`, and then serves callbacks until [`stop`]: Twisted's `reactor.run`.
///
/// # Errors
///
/// What `main` gives, and what opening or asking the selector answers. Where nobody is left
/// who could wake the loop, and so call [`stop`], a [`Deadlock`](io::ErrorKind::Deadlock).
///
/// # Panics
///
/// Panics inside another `run`.
#[doc = include_str!("../docs/run.md")]
pub fn run(main: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    let event_loop = Rc::new(EventLoop::new()?);
    let _entered = Entered::enter(&event_loop);
    main()?;
    event_loop.run_until_stopped()
}

/// Runs until the deferred that `main` gives has fired, and gives its result: Twisted's
/// `task.react`.
///
/// # Errors
///
/// What opening or asking the selector answers. Where nobody is left who could fire the
/// deferred, a [`Deadlock`](io::ErrorKind::Deadlock).
///
/// # Panics
///
/// Panics inside another `run`, and if somebody calls [`stop`] before the deferred has fired.
#[doc = include_str!("../docs/react.md")]
pub fn react<T: 'static>(
    main: impl FnOnce() -> Deferred<T>,
) -> io::Result<Result<T, Failure>> {
    let result = Rc::new(Cell::new(None));
    let slot = Rc::clone(&result);
    run(move || {
        let end = maybe_deferred(main).add_both(move |end| {
            slot.set(Some(end));
            stop();
        });
        current().kept.set(Some(Box::new(end)));
        Ok(())
    })?;
    Ok(result.take().expect("stop() was called before the deferred of `react` had fired"))
}

/// Ends [`run`] after the present turn. What is left is dropped.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc = include_str!("../docs/stop.md")]
pub fn stop() {
    current().stopped.set(true);
}

/// Calls `callback` in the next turn.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc = include_str!("../docs/call_soon.md")]
#[doc(alias = "callLater(0)")]
#[track_caller]
pub fn call_soon(callback: impl FnOnce() + 'static) {
    let callback = once(trace::queued(&callback), callback);
    current().ready.borrow_mut().push_back(callback);
}

/// Calls `callback` once `delay` has passed, unless it is cancelled before.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc = include_str!("../docs/call_later.md")]
#[doc(alias = "callLater")]
#[track_caller]
pub fn call_later(delay: Duration, callback: impl FnOnce() + 'static) -> DelayedCall {
    DelayedCall::new(delay, once(trace::left_behind(&callback), callback))
}

/// A handle for other threads: the one part of the loop that may leave its own.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc = include_str!("../docs/remote.md")]
#[doc(alias = "callFromThread")]
pub fn remote() -> Remote {
    current().mailbox.remote()
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
pub(crate) fn current() -> Rc<EventLoop> {
    try_current().expect(
        "no event loop is running on this thread: call this from inside `run`, in a \
         callback or in something it calls",
    )
}

/// The loop that is running on this thread, if any.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.try_with(|it| it.borrow().clone()).ok().flatten()
}

/// What to do next. It is left with the reactor, and called by `run_ready`.
pub(crate) type Callback = Rc<dyn Call>;

/// Something that can be called, and sees for itself whether it still is to be.
pub(crate) trait Call {
    /// Does what is next, if anything is.
    fn call(self: Rc<Self>);
}

/// A function that is called once.
struct Once<F>(Cell<Option<(Uncalled, F)>>);

/// Makes a callback of a function, of which the trace knows.
pub(crate) fn once(uncalled: Uncalled, function: impl FnOnce() + 'static) -> Callback {
    Rc::new(Once(Cell::new(Some((uncalled, function)))))
}

impl<F: FnOnce()> Call for Once<F> {
    fn call(self: Rc<Self>) {
        let Some((uncalled, function)) = self.0.take() else { return };
        let running = uncalled.call();
        function();
        running.finished();
    }
}

/// One thread, many callbacks.
pub(crate) struct EventLoop {
    /// Filled by `call_soon` and `wait`; emptied by `run_ready`, a turn at a time.
    pub(crate) ready: RefCell<VecDeque<Callback>>,
    /// Filled by the reactor and emptied by `wait`; kept only for its allocation.
    woken: Cell<Vec<Callback>>,
    /// Lives as long as the loop: filled by `react` with what it waits for.
    kept: Cell<Option<Box<dyn Any>>>,
    /// Set by `stop`; read after each turn.
    stopped: Cell<bool>,
    /// Filled by other threads; emptied by `wait`.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Filled by a read, which copies out of it what has arrived; one is enough for all.
    pub(crate) buffer: RefCell<Vec<u8>>,
    pub(crate) reactor: Reactor<Callback>,
}

impl EventLoop {
    pub(crate) fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        Ok(Self {
            ready: RefCell::default(),
            woken: Cell::default(),
            kept: Cell::default(),
            stopped: Cell::new(false),
            mailbox: Mailbox::new(reactor.waker()),
            buffer: RefCell::default(),
            reactor,
        })
    }

    fn run_until_stopped(&self) -> io::Result<()> {
        loop {
            self.run_ready();
            if self.stopped.get() {
                return Ok(());
            }
            self.wait()?;
        }
    }

    /// One turn: every callback that was ready when it began is called. What they schedule
    /// waits for the next turn, so that the sockets are never starved. A panic ends its own
    /// callback and no other.
    pub(crate) fn run_ready(&self) {
        let _turn = trace::turn();
        let turn = self.ready.borrow().len();
        for _ in 0..turn {
            let Some(callback) = self.ready.borrow_mut().pop_front() else { return };
            if let Err(panic) = guard(|| callback.call()) {
                report(format_args!("Unhandled error in a callback: {panic}"));
            }
        }
    }

    /// Sleeps in the reactor until somebody is ready, then queues whoever can make progress.
    pub(crate) fn wait(&self) -> io::Result<()> {
        let busy = !self.ready.borrow().is_empty();
        let mut woken = self.woken.take();
        let slept = if busy || self.can_be_woken() {
            self.reactor.select(busy.then_some(Duration::ZERO), &mut woken)
        } else {
            Err(io::ErrorKind::Deadlock.into())
        };
        slept.map_err(|error| self.explain(error))?;
        let remote = self.mailbox.take();
        let mut queue = self.ready.borrow_mut();
        queue.extend(woken.drain(..));
        queue.extend(remote.into_iter().map(|it| once(trace::queued(&it), it)));
        self.woken.set(woken);
        Ok(())
    }

    /// Drops the callbacks that are left. `false`: there were none.
    fn drop_left(&self) -> bool {
        let (ready, remote) = (bury(self.ready.take()), bury(self.mailbox.take()));
        ready + remote + bury(self.kept.take()) + bury(self.reactor.take_all()) > 0
    }
}

/// Makes a loop current; dropping it ends that, and before it the callbacks that are left.
pub(crate) struct Entered(Rc<EventLoop>);

impl Entered {
    pub(crate) fn enter(event_loop: &Rc<EventLoop>) -> Self {
        assert!(
            try_current().is_none(),
            "run() cannot be called from a running event loop: it is running already"
        );
        CURRENT.set(Some(Rc::clone(event_loop)));
        Self(Rc::clone(event_loop))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What is left may own sockets and timers of this loop, which must still be current. It
        // may call the loop once more, even as it is dropped.
        while self.0.drop_left() {}
        CURRENT.set(None);
    }
}
