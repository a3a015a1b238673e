//! The event loop as a value: what a program says to it, whatever engine it runs on.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use reactor::{Reactor, trace};

use crate::debug::{Shown, Watch};
use crate::events::{AbstractEventLoop, ErrorContext, Handle, Ready, TimerHandle};
use crate::exceptions::Cancelled;
use crate::extras::live::Generators;
#[cfg(unix)]
use crate::extras::readers::Readers;
use crate::extras::remote::RemoteHandle;
use crate::extras::report::{bury, guard, say};
use crate::extras::sources::{Source, Sources};
use crate::futures::{EnsureFuture, Future as Promise};
#[cfg(unix)]
use crate::signals::Signals;
use crate::tasks::{self, Spare, Step, Task};
use crate::threads::{Jobs, ThreadPoolExecutor};

thread_local! {
    /// Set for the length of a `run_forever`; read by whatever needs the loop.
    static CURRENT: RefCell<Option<EventLoop>> = const { RefCell::new(None) };
}

/// The loop that is running on this thread, if any.
#[doc(alias = "_get_running_loop")]
pub fn try_current() -> Option<EventLoop> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Asks the loop that is running on this thread. No code of the user's may run in `ask`.
pub(crate) fn with_current<R>(ask: impl FnOnce(&EventLoop) -> R) -> Option<R> {
    let asked = CURRENT.try_with(|current| current.borrow().as_ref().map(ask));
    asked.ok().flatten()
}

/// An event loop. Its clones are the same loop; it stays on its thread.
///
/// Close it when it has served. A loop that is dropped before is closed by the drop of its last
/// clone.
#[derive(Clone)]
pub struct EventLoop(pub(crate) Rc<Inner>);

/// What is the same for all clones.
pub(crate) struct Inner {
    pub(crate) engine: Box<dyn AbstractEventLoop>,
    state: Cell<State>,
    /// Set by each run: whether somebody waits for its end, so that somebody has to be there who
    /// can wake the loop.
    pub(crate) must_end: Cell<bool>,
    /// Where the last look for wakers outside found one.
    pub(crate) seen_outside: Cell<usize>,
    /// Set by `set_exception_handler`; called by `call_exception_handler`.
    exception_handler: RefCell<Option<Rc<ExceptionHandler>>>,
    /// Filled by `add_reader` and `add_writer`.
    #[cfg(unix)]
    pub(crate) readers: Readers,
    /// Filled by `add_signal_handler`.
    #[cfg(unix)]
    pub(crate) signals: Signals,
    /// Filled by the first item of each asynchronous generator.
    pub(crate) generators: Generators,
    /// For debug mode, and for whoever looks on.
    pub(crate) watch: Watch,
    /// For whoever looks on.
    pub(crate) queues: Shown,
    /// Filled by transports and servers, which leave it when they are closed.
    pub(crate) sources: Sources,
    /// Filled by whatever other threads do for us.
    pub(crate) jobs: Jobs,
    /// Filled by tasks that are done; emptied by new ones.
    pub(crate) spare: Spare,
    /// Opened by the first `to_thread`.
    pub(crate) executor: RefCell<Option<ThreadPoolExecutor>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Stopped,
    Running,
    Closed,
}

type ExceptionHandler = dyn Fn(&EventLoop, &ErrorContext);

/// Running, stopping, closing.
impl EventLoop {
    pub(crate) fn new(engine: Box<dyn AbstractEventLoop>) -> Self {
        let watch = Watch::new(engine.remote());
        Self(Rc::new(Inner {
            engine,
            state: Cell::new(State::Stopped),
            must_end: Cell::default(),
            seen_outside: Cell::default(),
            exception_handler: RefCell::default(),
            #[cfg(unix)]
            readers: RefCell::default(),
            #[cfg(unix)]
            signals: RefCell::default(),
            generators: RefCell::default(),
            watch,
            queues: Shown::default(),
            sources: Sources::default(),
            jobs: RefCell::default(),
            spare: Spare::default(),
            executor: RefCell::default(),
        }))
    }

    /// Runs until `future` is done, and gives its result. A coroutine becomes a task; it may
    /// also be a task or a future that is there already.
    ///
    /// # Errors
    ///
    /// What the reactor answers; `Interrupted` with [`Cancelled`] in it if the future was
    /// cancelled, and without if the loop was stopped before the future was done; `Deadlock` when
    /// nobody can wake the loop any more: nobody is ready, no socket and no timer is waited for,
    /// nothing runs on another thread or in a process, and nobody outside has a task's waker or a
    /// [handle](Self::remote). It shows the tasks, and what each waits for.
    ///
    /// # Panics
    ///
    /// Panics as the task did; if a loop runs on this thread already; if this one is closed.
    #[track_caller]
    pub fn run_until_complete<F: EnsureFuture>(
        &self,
        future: F,
    ) -> io::Result<F::Output> {
        self.expect_open();
        let future = future.ensure_future(self);
        let event_loop = self.clone();
        let done = future.add_done_callback(move |_| event_loop.stop());
        let ran = self.run_engine(true);
        future.remove_done_callback(done);
        ran?;
        if !future.done() {
            let message = "the event loop was stopped before the future was done";
            return Err(io::Error::new(io::ErrorKind::Interrupted, message));
        }
        future
            .take()
            .map_err(|Cancelled| io::Error::new(io::ErrorKind::Interrupted, Cancelled))
    }

    /// Runs until [`stop`](Self::stop). If nobody is there who could wake it, it sleeps for ever,
    /// as asyncio's does: nobody has said that it is to end. (By a virtual clock nobody sleeps,
    /// and that is a `Deadlock`.)
    ///
    /// # Errors
    ///
    /// What the reactor answers.
    ///
    /// # Panics
    ///
    /// Panics if a loop runs on this thread already, or if this one is closed.
    #[track_caller]
    pub fn run_forever(&self) -> io::Result<()> {
        self.run_engine(false)
    }

    #[track_caller]
    fn run_engine(&self, must_end: bool) -> io::Result<()> {
        self.expect_open();
        let _entered = Entered::enter(self, State::Running);
        self.0.must_end.set(must_end);
        self.0.engine.run_forever().map_err(|error| self.explain(error))
    }

    /// Has the loop stop after this turn; a loop that does not run yet takes one turn then.
    /// Whatever is queued by then is kept for the next run.
    pub fn stop(&self) {
        self.0.engine.stop();
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.0.state.get() == State::Running
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.0.state.get() == State::Closed
    }

    /// Drops what is left on the loop: its tasks, whatever is queued, its timers. To close twice
    /// is fine.
    ///
    /// # Panics
    ///
    /// Panics if a loop runs on this thread.
    #[track_caller]
    pub fn close(&self) {
        if self.is_closed() {
            return;
        }
        assert!(
            !self.is_running(),
            "a running event loop cannot be closed: stop it before"
        );
        // What is left owns sockets and timers of this loop, which must still be current. It
        // may leave more behind, even as it is dropped.
        let entered = Entered::enter(self, State::Closed);
        self.0.engine.remote().close();
        while self.drop_left() {}
        drop(entered);
        drop((self.0.exception_handler.take(), self.0.executor.take()));
    }

    /// `false`: there was nothing left.
    fn drop_left(&self) -> bool {
        let tasks = tasks::of(self);
        #[cfg(unix)]
        bury((self.0.readers.take(), self.0.signals.take()));
        bury(self.0.jobs.take());
        let mut left = self.0.engine.take_all();
        left.extend(self.reactor().take_all());
        let sources = self.0.sources.take_all();
        let is_any = !tasks.is_empty() || !left.is_empty() || !sources.is_empty();
        sources.into_iter().for_each(Source::abandon);
        left.into_iter().for_each(bury);
        tasks.into_iter().for_each(Step::abandon);
        is_any
    }

    #[track_caller]
    fn expect_open(&self) {
        assert!(!self.is_closed(), "the event loop is closed: open another one");
    }
}

/// Callbacks, futures, tasks.
impl EventLoop {
    /// Has `callback` called in the next turn, after whatever is queued already.
    ///
    /// # Panics
    ///
    /// Panics if the loop is closed.
    #[track_caller]
    pub fn call_soon(&self, callback: impl FnOnce() + 'static) -> Handle {
        self.expect_open();
        let handle = Handle::new(callback, trace::queued);
        self.0.engine.push(Ready::call(handle.clone()));
        handle
    }

    /// Has `callback` called when `delay` will have passed.
    ///
    /// # Panics
    ///
    /// Panics if the loop is closed.
    #[track_caller]
    pub fn call_later(
        &self,
        delay: Duration,
        callback: impl FnOnce() + 'static,
    ) -> TimerHandle {
        self.call_at(self.reactor().after(delay), callback)
    }

    /// Has `callback` called when the loop's clock shows `when`. `None` is never.
    ///
    /// # Panics
    ///
    /// Panics if the loop is closed.
    #[track_caller]
    pub fn call_at(
        &self,
        when: impl Into<Option<Instant>>,
        callback: impl FnOnce() + 'static,
    ) -> TimerHandle {
        self.expect_open();
        let handle = Handle::new(callback, trace::left_behind);
        TimerHandle::new(handle, when.into(), &self.0)
    }

    /// Has `callback` called in the next turn. [`remote`](Self::remote) does the same from any
    /// thread.
    #[track_caller]
    pub fn call_soon_threadsafe(&self, callback: impl FnOnce() + Send + 'static) {
        self.0.engine.remote().call_soon_threadsafe(callback);
    }

    /// The way in from other threads: the only part of a loop that may be sent to them. As long
    /// as somebody has one, the loop may be woken.
    pub fn remote(&self) -> RemoteHandle {
        self.0.engine.remote().handle()
    }

    /// The sockets, the timers and the clock: what transports are made of.
    pub fn reactor(&self) -> &Reactor<Ready> {
        self.0.engine.reactor()
    }

    /// The time by the loop's clock, which is not the wall's.
    pub fn time(&self) -> Instant {
        self.reactor().now()
    }

    /// Starts a task. It takes its first step in a later turn, never here.
    ///
    /// # Panics
    ///
    /// Panics if the loop is closed.
    #[track_caller]
    pub fn create_task<T: 'static>(
        &self,
        coroutine: impl Future<Output = T> + 'static,
    ) -> Task<T> {
        self.expect_open();
        Task::new(self, coroutine)
    }

    /// A place for a result, which somebody will set.
    pub fn create_future<T: 'static>(&self) -> Promise<T> {
        Promise::new(self)
    }
}

/// Errors that nobody is left to hear of.
impl EventLoop {
    /// Has `handler` told of every error that nobody is left to hear of. The default handler
    /// writes to standard error.
    pub fn set_exception_handler(
        &self,
        handler: impl Fn(&EventLoop, &ErrorContext) + 'static,
    ) {
        let before = self.0.exception_handler.replace(Some(Rc::new(handler)));
        drop(before);
    }

    /// Tells the default handler again.
    pub fn reset_exception_handler(&self) {
        let before = self.0.exception_handler.take();
        drop(before);
    }

    /// Tells the handler. One that panics stops nobody: that is told to the default handler.
    pub fn call_exception_handler(&self, context: ErrorContext) {
        let handler = self.0.exception_handler.borrow().clone();
        let Some(handler) = handler else {
            return self.default_exception_handler(&context);
        };
        if guard(|| handler(self, &context)).is_err() {
            let message =
                format!("Unhandled error in exception handler, for: {}", context.message);
            self.default_exception_handler(&ErrorContext { message, ..context });
        }
    }

    /// What is done unless a handler is set.
    pub fn default_exception_handler(&self, context: &ErrorContext) {
        say(context);
    }
}

/// Makes a loop current; dropping it ends that.
struct Entered {
    event_loop: EventLoop,
    after: State,
}

impl Entered {
    #[track_caller]
    fn enter(event_loop: &EventLoop, state: State) -> Self {
        assert!(
            try_current().is_none(),
            "an event loop is running on this thread already: await the future instead"
        );
        let after = if state == State::Running { State::Stopped } else { state };
        event_loop.0.state.set(state);
        CURRENT.set(Some(event_loop.clone()));
        event_loop.0.watch.enter();
        Self { event_loop: event_loop.clone(), after }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.event_loop.0.state.set(self.after);
        CURRENT.set(None);
        self.event_loop.0.watch.leave();
    }
}

/// The last clone closes the loop, if a tidy program has not.
impl Drop for EventLoop {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) > 1 || self.is_closed() {
            return;
        }
        // Where the thread is ending, it is too late: nothing can be current any more.
        let may_enter = CURRENT.try_with(|current| current.borrow().is_none());
        if may_enter.unwrap_or(false) && tasks::are_kept() {
            self.close();
        }
    }
}

impl PartialEq for EventLoop {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").field("state", &self.0.state).finish_non_exhaustive()
    }
}
