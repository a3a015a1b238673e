//! The event loop: call whoever is ready, then wait for whoever is not.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use reactor::{Reactor, trace};

use crate::extras::callback::{once, recorded};
use crate::extras::lasting::Lasting;
use crate::extras::left::{Entered, Leave};
use crate::extras::remote::Mailbox;
use crate::failure::{Failure, guard, report};
use crate::future::Future;
use crate::task::{Coroutine, spawn};

pub use crate::extras::handle::{Handle, TimerHandle, call_at, now};
pub use crate::extras::remote::{Remote, remote};

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    pub(crate) static CURRENT: Lasting<Rc<EventLoop>> = const { Lasting::new() };
}

/// Runs `main` to its end on a loop of its own: asyncio's `run_until_complete`.
///
/// # Errors
///
/// What opening or asking the selector answers, and [`Deadlock`](io::ErrorKind::Deadlock) when
/// nobody can wake the loop any more: it says which tasks are left, and what each waits for.
/// Inside, what `main` fails with.
///
/// # Panics
///
/// Panics inside another `run`.
/// ```
/// use stage3_yield_from::{Failure, coroutine, run};
///
/// # fn main() -> std::io::Result<()> {
/// assert_eq!(run(coroutine(async { Ok(42) }))?.unwrap(), 42);
/// let failed = run(coroutine(async { Err::<(), _>(Failure::from("no luck")) }))?;
/// assert_eq!(failed.unwrap_err().to_string(), "no luck");
/// # Ok(())
/// # }
/// ```
#[doc(alias = "run_until_complete")]
#[track_caller]
pub fn run<T: 'static>(main: Coroutine<T>) -> io::Result<Result<T, Failure>> {
    let event_loop = Rc::new(EventLoop::new()?);
    let _entered = Entered::enter(&event_loop);
    let main = spawn(main);
    event_loop.run_until(|| main.done())?;
    Ok(main.take().expect("the loop ran until it was there"))
}

/// Calls `callback` in the next turn.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn call_soon(callback: impl FnOnce() + 'static) -> Handle {
    Handle::soon(callback)
}

/// Calls `callback` once `delay` has passed, unless it is cancelled before.
///
/// ```
/// use stage3_yield_from::{Future, call_later, coroutine, run, yield_from};
/// # use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let rung = Future::new();
///     let bell = rung.clone();
///     call_later(Duration::from_millis(1), move || bell.set_result("ding").unwrap());
///     assert_eq!(yield_from(&rung).await?, "ding");
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn call_later(delay: Duration, callback: impl FnOnce() + 'static) -> TimerHandle {
    TimerHandle::at(current().reactor.after(delay), callback)
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
pub(crate) fn current() -> Rc<EventLoop> {
    try_current().expect(
        "no event loop is running on this thread: call this from inside `run`, in a \
         coroutine or in something it calls",
    )
}

/// The loop that is running on this thread, if any.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.with(Lasting::get)
}

/// What to do next: called by `run_ready`.
pub(crate) type Callback = Rc<dyn Call>;

/// Something that can be called, and sees for itself whether it still is to be.
pub(crate) trait Call {
    /// Does what is next, if anything is.
    fn call(self: Rc<Self>);
}

/// One thread, many tasks.
pub(crate) struct EventLoop {
    /// Filled by `call_soon` and `wait`; emptied by `run_ready`, a turn at a time.
    pub(crate) ready: RefCell<VecDeque<Callback>>,
    /// Filled by the reactor and emptied by `wait`; kept only for its allocation.
    woken: Cell<Vec<Future<()>>>,
    /// Filled by `spawn`; read when the loop ends.
    pub(crate) tasks: RefCell<Vec<Weak<dyn Leave>>>,
    /// How many tasks there were so far: numbers them.
    pub(crate) spawned: Cell<u32>,
    /// Filled by other threads; emptied by `wait`.
    pub(crate) mailbox: Arc<Mailbox>,
    /// Filled by a read, which copies out of it what has arrived; one is enough for all.
    pub(crate) buffer: RefCell<Vec<u8>>,
    pub(crate) reactor: Reactor<Future<()>>,
}

impl EventLoop {
    fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        Ok(Self {
            ready: RefCell::default(),
            woken: Cell::default(),
            tasks: RefCell::default(),
            spawned: Cell::new(0),
            mailbox: Mailbox::new(reactor.waker()),
            buffer: RefCell::default(),
            reactor,
        })
    }

    #[track_caller]
    pub(crate) fn call_soon(&self, callback: Callback) {
        let callback = if trace::is_on() { recorded(callback) } else { callback };
        self.ready.borrow_mut().push_back(callback);
    }

    /// Turn after turn, until `done` says so. Whoever is ready by then has one more: in
    /// asyncio, what stops the loop is a callback behind them.
    fn run_until(&self, mut done: impl FnMut() -> bool) -> io::Result<()> {
        loop {
            self.run_ready();
            if done() {
                break;
            }
            self.wait()?;
        }
        if !self.ready.borrow().is_empty() {
            self.run_ready();
        }
        Ok(())
    }

    /// One turn: every callback that was ready when it began is called. What they schedule
    /// waits for the next turn, so that the sockets are never starved. A panic ends its own
    /// callback and no other.
    fn run_ready(&self) {
        let _turn = trace::turn();
        let turn = self.ready.borrow().len();
        for _ in 0..turn {
            let Some(callback) = self.ready.borrow_mut().pop_front() else { return };
            if let Err(panic) = guard(|| callback.call()) {
                report(format_args!("Unhandled error in a callback: {panic}"));
            }
        }
    }

    /// Sleeps in the reactor until somebody is ready, then finishes the futures that were
    /// left there.
    fn wait(&self) -> io::Result<()> {
        let busy = !self.ready.borrow().is_empty();
        let mut woken = self.woken.take();
        let slept = match (busy, self.can_be_woken()) {
            (true, false) => Ok(()), // there is nobody to ask for
            (false, false) => Err(io::ErrorKind::Deadlock.into()),
            _ => self.reactor.select(busy.then_some(Duration::ZERO), &mut woken),
        };
        slept.map_err(|error| self.explain(error))?;
        for future in woken.drain(..) {
            trace::handed_back();
            // One that was cancelled meanwhile is done already.
            let _ = future.set_result(());
        }
        self.woken.set(woken);
        let remote = self.mailbox.take();
        remote.into_iter().for_each(|callback| self.call_soon(once(callback)));
        Ok(())
    }
}
