//! The standardised interface: what every loop must do, what it queues, and who opens one.
//!
//! PEP 3156 made the loop a part that can be exchanged. What a program says to a loop is in
//! [`event_loop`](crate::event_loop), the same for all of them. What a loop has to do for that
//! is in the trait [`AbstractEventLoop`], and is little: to keep a queue of whatever is ready,
//! to sleep in a reactor, to stop. [`install`] and [`with_loop_factory`] plug another one in.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use std::time::Instant;

use reactor::trace::{self, Place};
use reactor::{Direction, Reactor, TimerId};

use crate::contextvars::{Context, copy_context};
use crate::debug::{Job, is_anyone_watching, names_of_loops, run_watched};
use crate::event_loop::{EventLoop, Inner, try_current};
use crate::extras::remote::Remote;
use crate::extras::report::{guard, report_panic, text_of};
use crate::extras::sources::Source;
use crate::extras::waiter::Waiter;
use crate::tasks::Step;

/// What an engine has to do so that a program can use it as its [`EventLoop`].
///
/// Everything else (tasks, futures, timeouts, locks, handlers for errors) is made of these, and
/// is the same on every engine. All of it is called on the loop's own thread.
pub trait AbstractEventLoop: fmt::Debug {
    /// Queues something to be run in a later turn: first come, first served.
    #[doc(alias("call_soon", "_add_callback"))]
    fn push(&self, next: Ready);

    /// Turn after turn, until [`stop`](Self::stop): whoever is ready by now is run; then the
    /// loop sleeps in the reactor, but not if somebody is ready again, and not without having asked
    /// [`deadlock::watch`]; then it queues what the reactor hands back, by way of
    /// [`Ready::handed_back`], and what other threads have left.
    ///
    /// [`deadlock::watch`]: crate::extras::deadlock::watch
    ///
    /// # Errors
    ///
    /// What the reactor answers, and `watch`.
    fn run_forever(&self) -> io::Result<()>;

    /// Ends [`run_forever`](Self::run_forever) after the turn that is under way, or the next
    /// one after its first turn. Nothing that is queued is lost.
    fn stop(&self);

    /// Takes back whatever is queued: for the end of the loop.
    fn take_all(&self) -> Vec<Ready>;

    /// How much is queued: for those who look on.
    fn queued(&self) -> usize;

    /// The sockets, the timers and the clock.
    fn reactor(&self) -> &Reactor<Ready>;

    /// The way in from other threads.
    fn remote(&self) -> &Arc<Remote>;
}

/// Something that a loop can run: a callback, a step of a task, a wake.
#[derive(Debug)]
pub struct Ready(Kind);

enum Kind {
    Call(Handle),
    Step(Rc<dyn Step>),
    Wake(Waiter),
    Source(Rc<dyn Source>, Direction),
}

impl Ready {
    pub(crate) fn call(handle: Handle) -> Self {
        Self(Kind::Call(handle))
    }

    pub(crate) fn step(task: Rc<dyn Step>) -> Self {
        Self(Kind::Step(task))
    }

    /// Somebody who is told that it is worth trying again.
    pub(crate) fn wake(waiter: Waiter) -> Self {
        Self(Kind::Wake(waiter))
    }

    /// A transport or a server, whose socket is worth trying.
    pub(crate) fn source(source: Rc<dyn Source>, direction: Direction) -> Self {
        Self(Kind::Source(source, direction))
    }

    /// Runs it.
    #[inline]
    pub fn run(self) {
        if is_anyone_watching() { run_watched(self) } else { self.go() }
    }

    #[inline]
    pub(crate) fn go(self) {
        match self.0 {
            Kind::Call(handle) => handle.run(),
            Kind::Step(task) => task.step(),
            Kind::Wake(waiter) => waiter.wake(),
            Kind::Source(source, direction) => source.ready(direction),
        }
    }

    /// What keeps the loop while this runs, for whoever watches. `None`: a wake, which is over
    /// at once.
    pub(crate) fn job(&self) -> Option<(Job, Option<Rc<dyn Step>>)> {
        match &self.0 {
            Kind::Call(handle) => Some((Job::of_callback(handle), None)),
            Kind::Step(task) => Some((Job::of_task(task), Some(Rc::clone(task)))),
            Kind::Wake(_) => None,
            Kind::Source(source, _) => Some((Job::Callback(source.place()), None)),
        }
    }

    /// What an engine does with whatever its reactor hands back: callbacks are queued, and
    /// tasks are woken, which queues them.
    #[track_caller]
    pub fn handed_back(self, engine: &dyn AbstractEventLoop) {
        trace::handed_back();
        match self.0 {
            Kind::Wake(waiter) => waiter.wake(),
            other => engine.push(Self(other)),
        }
    }
}

/// Wakes a stranger. A waker that panics stops nobody.
#[track_caller]
pub(crate) fn wake(waker: Waker) {
    let place = Place::here();
    let woken = guard(|| {
        let _place = place.enter();
        reactor::wake(waker);
    });
    if let Err(panic) = woken {
        report_panic("A waker panicked", &*panic);
    }
}

/// A callback that was handed to a loop. Dropping the handle does not cancel it.
#[derive(Clone)]
pub struct Handle(Rc<Callback>);

struct Callback {
    /// Taken by whoever comes first: the call, or a cancel.
    call: Cell<Option<Box<dyn FnOnce()>>>,
    /// A copy of the caller's, in which it is called.
    context: Cell<Context>,
    is_cancelled: Cell<bool>,
    /// The line that handed it over.
    place: Place,
    /// For the recording.
    uncalled: Cell<trace::Uncalled>,
}

impl Handle {
    /// A callback that is told of as queued, or as left behind with the reactor.
    #[track_caller]
    pub(crate) fn new<F: FnOnce() + 'static>(
        callback: F,
        tell: fn(&F) -> trace::Uncalled,
    ) -> Self {
        Self::at(Place::here(), callback, tell)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn at<F: FnOnce() + 'static>(
        place: Place,
        callback: F,
        tell: fn(&F) -> trace::Uncalled,
    ) -> Self {
        let _place = place.enter();
        let uncalled = Cell::new(tell(&callback));
        let call: Box<dyn FnOnce()> = Box::new(callback);
        Self(Rc::new(Callback {
            call: Cell::new(Some(call)),
            context: Cell::new(copy_context()),
            is_cancelled: Cell::new(false),
            place,
            uncalled,
        }))
    }

    /// The callback will not be called, and is dropped now. To cancel twice is fine; to cancel
    /// what was called already does nothing.
    pub fn cancel(&self) {
        let (call, uncalled) = (self.0.call.take(), self.0.uncalled.take());
        self.0.is_cancelled.set(self.0.is_cancelled.get() || call.is_some());
        drop((call, uncalled));
    }

    /// Whether it was cancelled before it was called.
    pub fn cancelled(&self) -> bool {
        self.0.is_cancelled.get()
    }

    /// The line that handed it over.
    pub(crate) fn place(&self) -> Place {
        self.0.place
    }

    /// Calls it, unless it was cancelled. A panic goes to the loop's exception handler.
    fn run(self) {
        let Some(call) = self.0.call.take() else { return };
        let running = self.0.uncalled.take().call();
        let mut context = self.0.context.take();
        let called = guard(|| context.run(call));
        if called.is_err() {
            trace::panicked();
        }
        running.finished();
        if let (Err(panic), Some(event_loop)) = (called, try_current()) {
            let message = format!("Exception in callback {self:?}: {}", text_of(&*panic));
            let handle = Some(self);
            let exception = Some(panic);
            event_loop.call_exception_handler(ErrorContext {
                message,
                exception,
                handle,
            });
        }
    }
}

/// A callback that waits for the clock.
#[derive(Clone)]
pub struct TimerHandle {
    handle: Handle,
    when: Option<Instant>,
    id: TimerId,
    event_loop: Weak<Inner>,
}

impl TimerHandle {
    /// Leaves a callback with the reactor of `event_loop`. `None` is never.
    pub(crate) fn new(
        handle: Handle,
        when: Option<Instant>,
        event_loop: &Rc<Inner>,
    ) -> Self {
        let ready = Ready::call(handle.clone());
        let id = event_loop.engine.reactor().wait_until(when, ready);
        Self { handle, when, id, event_loop: Rc::downgrade(event_loop) }
    }

    /// As [`Handle::cancel`]; and the timer is gone.
    pub fn cancel(&self) {
        if let Some(event_loop) = self.event_loop.upgrade() {
            let ready = event_loop.engine.reactor().cancel(self.id);
            drop(ready);
        }
        self.handle.cancel();
    }

    /// Whether it was cancelled before it was called.
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// When it is due, by the loop's clock. `None` is never.
    pub fn when(&self) -> Option<Instant> {
        self.when
    }
}

/// An error that nobody is left to hear of, and what is known of it.
#[derive(Debug)]
pub struct ErrorContext {
    /// What happened, in words.
    pub message: String,
    /// What was panicked with.
    pub exception: Option<Box<dyn std::any::Any + Send>>,
    /// The callback in which it happened.
    pub handle: Option<Handle>,
}

/// Opens an engine.
pub type LoopFactory = fn() -> io::Result<Box<dyn AbstractEventLoop>>;

/// The engine of every loop that is opened in this process, unless a scope says otherwise.
/// Set by `install`.
static INSTALLED: Mutex<Option<LoopFactory>> = Mutex::new(None);

thread_local! {
    /// The same, for this thread. Set for the length of `with_loop_factory`.
    static SCOPED: Cell<Option<LoopFactory>> = const { Cell::new(None) };
}

/// Has every loop of this process run on the engine that `factory` opens, as `uvloop.install()`
/// does. Gives the one that was installed before, if any.
#[doc(alias("set_event_loop_policy", "uvloop.install"))]
pub fn install(factory: LoopFactory) -> Option<LoopFactory> {
    INSTALLED.lock().unwrap_or_else(PoisonError::into_inner).replace(factory)
}

/// Has every loop that `body` opens on this thread run on the engine that `factory` opens.
#[doc(alias = "loop_factory")]
pub fn with_loop_factory<R>(factory: LoopFactory, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<LoopFactory>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SCOPED.set(self.0);
        }
    }
    let _restore = Restore(SCOPED.replace(Some(factory)));
    body()
}

/// Opens a loop. Close it when it has served.
///
/// # Errors
///
/// What opening the selector answers.
pub fn new_event_loop() -> io::Result<EventLoop> {
    let installed = || *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    let factory = SCOPED.get().or_else(installed);
    let open = factory.unwrap_or(crate::selector_events::open);
    Ok(EventLoop::new(open()?))
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
#[doc(alias = "get_event_loop")]
#[track_caller]
pub fn get_running_loop() -> EventLoop {
    try_current().unwrap_or_else(|| nowhere())
}

/// There is none here; there may be some elsewhere.
#[track_caller]
fn nowhere() -> ! {
    let elsewhere = match &*names_of_loops() {
        [] => String::new(),
        names => {
            let names = names.join(", ");
            format!(
                "; there are some on other threads ({names}): the way in is `EventLoop::remote`"
            )
        }
    };
    panic!(
        "no event loop is running on this thread: call this from inside `run`, in a coroutine or \
         in a callback{elsewhere}"
    );
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(handle) => handle.fmt(f),
            Self::Step(task) => write!(f, "{}", task.known()),
            Self::Wake(_) => f.write_str("a wake"),
            Self::Source(_, direction) => write!(f, "{direction:?} of a transport"),
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.cancelled() { "cancelled, " } else { "" };
        let Callback { place, .. } = &*self.0;
        write!(f, "<Handle {state}created at {}:{}>", place.file(), place.line())
    }
}

impl fmt::Debug for TimerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerHandle")
            .field("handle", &self.handle)
            .finish_non_exhaustive()
    }
}
