//! The event loop, which gevent calls the hub: resume whoever is ready, then wait for
//! whoever is not.
//!
//! The hub is the greenlet that called [`run`]. Whoever has to wait switches to it, and it
//! switches back when the wait is over.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use reactor::{Reactor, trace, wake};

use crate::extras::errors::WrongMessage;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::{self, Greenlet};
use crate::task::{JoinHandle, task};

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// Runs `main` to its end in a greenlet, on a loop of its own. Greenlets that wait then are
/// unwound.
///
/// # Errors
///
/// What opening or asking the selector answers.
///
/// # Panics
///
/// Panics inside another `run`, and with whatever `main` panics with.
#[track_caller]
pub fn run<T: 'static>(main: impl FnOnce() -> T + 'static) -> io::Result<T> {
    let event_loop = Rc::new(EventLoop::new()?);
    let entered = Entered::enter(&event_loop);
    let mut main = event_loop.spawn(main);
    event_loop.run_until(|| main.is_finished())?;
    drop(entered);
    let end = main.output().expect("the loop ran until it was there");
    Ok(end.unwrap_or_else(|panic| resume_unwind(panic)))
}

/// Starts a greenlet on the running loop. It begins in a later turn, never here.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn spawn<T: 'static>(body: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
    current().spawn(body)
}

/// Waits for a std future, as if it were a call that blocks. Any thread may wake it.
///
/// # Panics
///
/// Panics when no loop is running on this thread, and on a stack that is being unwound.
#[doc(alias("async_", "call_soon_threadsafe"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let (event_loop, mut future) = (current(), pin!(future));
    loop {
        let id = event_loop.expect_wake();
        let waker = event_loop.waker(id);
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(output) = poll {
            event_loop.forget(id);
            return output;
        }
        event_loop.park(id).expect("a stack that is being unwound cannot wait");
    }
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
pub(crate) fn current() -> Rc<EventLoop> {
    try_current().expect(
        "no event loop is running on this thread: call this from inside `run`, in a \
         greenlet or in something it calls",
    )
}

/// The loop that is running on this thread, if any.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Names a greenlet that waits, for the length of that one wait: what is left with the
/// reactor. No number is used twice, so an id that comes back late resumes nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GreenletId(u64);

impl GreenletId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// One thread, many greenlets.
pub(crate) struct EventLoop {
    /// The greenlet that called `run`.
    hub: Greenlet,
    /// Filled by whoever ends a wait; emptied by `run_ready`.
    ready: RefCell<VecDeque<GreenletId>>,
    /// Filled by wakers, on any thread; emptied by `wait`.
    woken: Arc<Woken>,
    /// Filled by `expect`; emptied by `take`.
    waiting: RefCell<BTreeMap<GreenletId, Wait>>,
    pub(crate) reactor: Reactor<GreenletId>,
}

/// Who waits, and what for: to go on, or to have something raised.
struct Wait {
    greenlet: Greenlet,
    raise: Option<Failure>,
}

impl EventLoop {
    fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        let woken = Woken { queue: Mutex::default(), remote: reactor.waker() };
        Ok(Self {
            hub: greenlet::current(),
            ready: RefCell::default(),
            woken: Arc::new(woken),
            waiting: RefCell::default(),
            reactor,
        })
    }

    #[track_caller]
    fn spawn<T: 'static>(&self, body: impl FnOnce() -> T + 'static) -> JoinHandle<T> {
        let handle = task(&self.hub, body);
        self.make_ready(self.expect(&handle.greenlet, None));
        handle
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
        let busy = !self.ready.borrow().is_empty();
        let mut ready = Vec::new();
        self.reactor.select(busy.then_some(Duration::ZERO), &mut ready)?;
        ready.extend(self.woken.take());
        self.ready.borrow_mut().extend(ready);
        Ok(())
    }

    /// Ends a wait: the one place where the hub resumes a greenlet.
    fn resume(&self, id: GreenletId) {
        let Some(Wait { greenlet, raise }) = self.take(id) else { return };
        let running = trace::resumed(greenlet.0.subject);
        let back = match raise {
            None => greenlet.switch::<(), ()>(()),
            Some(failure) => greenlet.throw::<()>(failure),
        };
        running.stopped(greenlet.is_dead());
        // What it sends to the hub when it waits or ends is of no interest.
        if let Err(failure) = back
            && !failure.is::<WrongMessage>()
        {
            report(&failure);
        }
    }

    /// Waits until somebody makes `id` ready: the one place where a greenlet parks. What is
    /// thrown at it meanwhile is raised here, and unwinds the stack from here.
    ///
    /// A stack that is being unwound already cannot wait, nor can the hub itself.
    #[track_caller]
    pub(crate) fn park(&self, id: GreenletId) -> Result<(), GreenletExit> {
        if thread::panicking() || greenlet::current() == self.hub {
            self.forget(id);
            return Err(GreenletExit);
        }
        trace::waits_at(trace::Place::here());
        while self.is_waiting(id) {
            if let Err(thrown) = self.hub.switch::<(), ()>(()) {
                self.forget(id);
                thrown.raise();
            }
        }
        Ok(())
    }

    /// An id under which the running greenlet is going to wait, to be left with whoever
    /// knows when the wait is over.
    pub(crate) fn expect_wake(&self) -> GreenletId {
        self.expect(&greenlet::current(), None)
    }

    /// An id under which `greenlet` will go on, or have something raised.
    pub(crate) fn expect(
        &self,
        greenlet: &Greenlet,
        raise: Option<Failure>,
    ) -> GreenletId {
        let (id, greenlet) = (GreenletId::next(), greenlet.clone());
        self.waiting.borrow_mut().insert(id, Wait { greenlet, raise });
        id
    }

    pub(crate) fn is_waiting(&self, id: GreenletId) -> bool {
        self.waiting.borrow().contains_key(&id)
    }

    /// From now on, nobody waits under this id.
    pub(crate) fn forget(&self, id: GreenletId) {
        drop(self.take(id));
    }

    fn take(&self, id: GreenletId) -> Option<Wait> {
        self.waiting.borrow_mut().remove(&id)
    }

    /// Whoever waits under this id goes on in the next turn.
    #[track_caller]
    pub(crate) fn make_ready(&self, id: GreenletId) {
        if let Some(wait) = self.waiting.borrow().get(&id) {
            trace::woken_here(wait.greenlet.0.subject);
        }
        self.ready.borrow_mut().push_back(id);
    }

    /// Makes `id` ready from any thread.
    fn waker(&self, id: GreenletId) -> Waker {
        Arc::new(Remote { id, woken: Arc::clone(&self.woken) }).into()
    }

    /// Unwinds the greenlets that wait, which may own sockets and timers of this loop.
    fn unwind_all(&self) {
        let first = || self.waiting.borrow_mut().pop_first();
        while let Some((_, left)) = first() {
            // What panics now has nobody left to tell but the panic hook.
            drop(catch_unwind(AssertUnwindSafe(|| left.greenlet.close())));
        }
    }
}

/// Makes a loop current; dropping it ends that, and before it the greenlets that are left.
struct Entered(Rc<EventLoop>);

impl Entered {
    fn enter(event_loop: &Rc<EventLoop>) -> Self {
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

/// The ids whose wakers were called.
struct Woken {
    queue: Mutex<Vec<GreenletId>>,
    /// Ends the loop's sleep.
    remote: Waker,
}

impl Woken {
    fn push(&self, id: GreenletId) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        wake(self.remote.clone());
    }

    fn take(&self) -> Vec<GreenletId> {
        mem::take(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Remote {
    id: GreenletId,
    woken: Arc<Woken>,
}

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.woken.push(self.id);
    }
}

/// A failure that nobody was left to catch.
#[expect(clippy::print_stderr, reason = "there is nobody else to tell")]
pub(crate) fn report(failure: &Failure) {
    eprintln!("a greenlet failed, and nobody caught it: {failure}");
}
