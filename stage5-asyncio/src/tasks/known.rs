//! What there is to know of a task, whatever its output.

use std::cell::{Cell, OnceCell, Ref, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::{self, Arc};
use std::task::{self, Poll, Waker};

use pin_project_lite::pin_project;
use reactor::trace::{self, Place};

use super::{RUNNING, Reschedule, Step, TaskId, this_thread};
use crate::cancel::Scope;
use crate::contextvars::{Context, copy_context};
use crate::debug::At;
use crate::event_loop::{EventLoop, Inner};
use crate::extras::remote::{Listed, Remote};
use crate::extras::waiter::Waiter;

/// What there is to know of a task, whatever its output.
pub(crate) struct Known {
    pub(crate) id: TaskId,
    pub(crate) subject: trace::Id,
    pub(crate) event_loop: Weak<Inner>,
    /// Set by `set_name`.
    name: RefCell<Option<String>>,
    /// The type of its coroutine, which has the function's name in it.
    pub(crate) function: &'static str,
    /// Where it was created.
    pub(crate) place: Place,
    /// Noted by what it waits for, in the step it is noted in: what that is, and where.
    pub(crate) waits_for: Cell<Option<(WaitsFor, Place)>>,
    /// Set by the first step.
    pub(crate) has_begun: Cell<bool>,
    /// Noted by what is around that, in the same step: the line of the program, if what waits
    /// is made of this crate's own parts.
    pub(crate) within: Cell<Option<Place>>,
    /// Set at the end of each step that is not the last.
    pub(crate) has_waited: Cell<bool>,
    /// Where a cancel begins its way to whatever is innermost. Made by the first who needs it: a
    /// cancel, or something that waits and would have to hear of one.
    pub(crate) root: OnceCell<Rc<Scope>>,
    /// Counted up by `cancel`, down by `uncancel`.
    pub(crate) cancels: Cell<usize>,
    /// The values of its context variables. Not here while it runs.
    pub(crate) context: Cell<Context>,
    /// Set by the first wake, cleared by the step that it leads to.
    pub(crate) is_queued: Cell<bool>,
    /// Not here while the loop sleeps and watches it.
    own: RefCell<Option<Own>>,
}

/// A task's own waker.
pub(crate) struct Own {
    pub(crate) reschedule: Arc<Reschedule>,
    /// The same, as the coroutine sees it: made once, cloned by strangers who park.
    pub(crate) waker: Waker,
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    Task(TaskId),
    Other(&'static str),
}

/// Notes what the task that runs is going to wait for, and at which line. The first to say so
/// in a step is heard: a body that waits, and not what is around it.
#[inline]
pub(crate) fn waits(what: WaitsFor, place: Place) {
    trace::waits_at(place);
    RUNNING.with_borrow(|running| {
        if let Some(task) = running {
            let waits_for = &task.known().waits_for;
            if waits_for.get().is_none() {
                waits_for.set(Some((what, place)));
            }
        }
    });
}

/// Polls `body`, which is made of this crate's own parts; if it waits, that is at `place`. (An
/// `async fn` would hold it twice: as it was given, and as it is polled.)
pub(crate) fn within<F: Future>(place: Place, body: F) -> Within<F> {
    Within { place, body }
}

pin_project! {
    pub(crate) struct Within<F> {
        place: Place,
        #[pin]
        body: F,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let polled = this.body.poll(context);
        if polled.is_pending() {
            RUNNING.with_borrow(|running| {
                if let Some(task) = running {
                    let within = &task.known().within;
                    within.set(within.get().or(Some(*this.place)));
                }
            });
        }
        polled
    }
}

/// Whether a line is of this crate, and so of no interest to who uses it.
fn is_ours(place: Place) -> bool {
    let home = file!().trim_end_matches("tasks/known.rs");
    place.file().starts_with(home)
}

impl Known {
    #[track_caller]
    pub(crate) fn new(
        id: TaskId,
        function: &'static str,
        event_loop: &EventLoop,
    ) -> Self {
        let subject = trace::created(trace::Kind::Task, function);
        let own = Own::again(id, subject, event_loop);
        Self {
            id,
            subject,
            event_loop: Rc::downgrade(&event_loop.0),
            name: RefCell::default(),
            function,
            place: Place::here(),
            waits_for: Cell::default(),
            has_begun: Cell::default(),
            within: Cell::default(),
            has_waited: Cell::default(),
            root: OnceCell::new(),
            cancels: Cell::new(0),
            context: Cell::new(copy_context()),
            is_queued: Cell::new(false),
            own: RefCell::new(Some(own)),
        }
    }
}

/// Its scope.
impl Known {
    pub(crate) fn root(&self) -> &Rc<Scope> {
        let waiter = || self.has_waited.get().then_some(Waiter::Task(self.id));
        self.root.get_or_init(|| Scope::of_task(waiter()))
    }

    /// Whether it was asked to stop, and was not polled since.
    pub(crate) fn is_requested(&self) -> bool {
        self.root.get().is_some_and(|root| root.is_requested())
    }
}

/// Its waker, and who else has it.
impl Known {
    /// As long as the loop is awake.
    #[inline]
    pub(crate) fn own(&self) -> Ref<'_, Own> {
        Ref::map(self.own.borrow(), |own| own.as_ref().expect("the loop is awake"))
    }

    /// How many clones of its waker there are.
    pub(crate) fn outside(&self) -> usize {
        Arc::strong_count(&self.own().reschedule) - Own::COUNT
    }

    /// It is done. Where nobody has a clone, the waker is for the next task.
    pub(crate) fn leave_waker(&self) {
        let Some(Own { reschedule, waker }) = self.own.take() else { return };
        drop(waker);
        if Arc::strong_count(&reschedule) == 1
            && let Some(event_loop) = self.event_loop.upgrade()
        {
            event_loop.spare.keep(reschedule);
        }
    }

    /// Leaves the waker to those who have a clone.
    pub(crate) fn give_up_waker(&self) -> GivenUp {
        let own = self.own.take().expect("the loop is awake");
        let Reschedule { thread, remote, .. } = &*own.reschedule;
        let (thread, remote) = (*thread, Arc::clone(remote));
        GivenUp { kept: Arc::downgrade(&own.reschedule), thread, remote }
    }

    /// The same waker, if anybody has kept it; or else a new one.
    pub(crate) fn take_waker_back(&self, given_up: GivenUp) {
        let GivenUp { kept, thread, remote } = given_up;
        let new = || Reschedule::new(self.id, self.subject, thread, remote);
        self.own.replace(Some(Own::new(kept.upgrade().unwrap_or_else(new))));
    }
}

/// A waker that its task has left to others, and what makes another like it.
pub(crate) struct GivenUp {
    kept: sync::Weak<Reschedule>,
    thread: u64,
    remote: Arc<Remote>,
}

impl GivenUp {
    /// Whether anybody has it.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.strong_count() > 0
    }
}

impl Own {
    /// How often it counts itself.
    const COUNT: usize = 2;

    fn new(reschedule: Arc<Reschedule>) -> Self {
        Self { waker: Waker::from(Arc::clone(&reschedule)), reschedule }
    }

    /// One that a task has left, if there is any; or else a new one.
    fn again(id: TaskId, subject: trace::Id, event_loop: &EventLoop) -> Self {
        let mut spare = event_loop.0.spare.0.borrow_mut().pop();
        if let Some(reschedule) = spare.as_mut().and_then(Arc::get_mut) {
            (reschedule.id, reschedule.subject) = (id, subject);
            reschedule.listed = Listed::default();
            return Self::new(spare.expect("it was there"));
        }
        let thread =
            this_thread().expect("a loop that is used runs on a thread that goes on");
        let remote = Arc::clone(event_loop.0.engine.remote());
        Self::new(Reschedule::new(id, subject, thread, remote))
    }
}

/// Wakers of tasks that are done, which nobody has: for those to come.
#[derive(Default)]
pub(crate) struct Spare(RefCell<Vec<Arc<Reschedule>>>);

impl Spare {
    /// How many are kept.
    const MANY: usize = 1024;

    fn keep(&self, reschedule: Arc<Reschedule>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < Self::MANY {
            kept.push(reschedule);
        }
    }
}

impl Reschedule {
    fn new(
        id: TaskId,
        subject: trace::Id,
        thread: u64,
        remote: Arc<Remote>,
    ) -> Arc<Self> {
        Arc::new(Self { id, subject, thread, remote, listed: Listed::default() })
    }
}

impl Known {
    /// The one it was given, or `Task-1`.
    pub(crate) fn name(&self) -> String {
        let Self { name, id, .. } = self;
        name.borrow().clone().unwrap_or_else(|| format!("Task-{}", id.number))
    }

    /// Whether it is a task of that loop.
    pub(crate) fn is_of(&self, event_loop: &EventLoop) -> bool {
        std::ptr::eq(self.event_loop.as_ptr(), Rc::as_ptr(&event_loop.0))
    }

    /// What it waits for, and at which line of the program.
    pub(crate) fn waits(&self) -> Option<(WaitsFor, Place)> {
        let (what, place) = self.waits_for.get()?;
        let within = self.within.get().filter(|_| is_ours(place));
        Some((what, within.unwrap_or(place)))
    }

    /// All that there is to say, for debug mode.
    pub(crate) fn in_full(&self) -> String {
        let stands = match self.waits() {
            _ if !self.has_begun.get() => ", it had not begun".to_owned(),
            Some((what, place)) => format!(", it waits for {what} at {}", At(place)),
            None => String::new(),
        };
        format!("{self}, created at {}{stands}", At(self.place))
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(what) => f.write_str(what),
            Self::Task(id) => match super::find(*id) {
                Some(task) => task.known().fmt(f),
                None => write!(f, "Task-{}", id.number),
            },
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.name.borrow() {
            Some(name) => f.write_str(name)?,
            None => write!(f, "Task-{}", self.id.number)?,
        }
        match trace::function(self.function) {
            Some(function) => write!(f, " ({function})"),
            None => Ok(()),
        }
    }
}

/// A task, whatever its output.
#[derive(Clone)]
pub struct AnyTask(pub(crate) Rc<dyn Step>);

impl AnyTask {
    /// Asks it to stop: whatever it waits for is cancelled, and the task with that, unless it
    /// catches it. `false`: it is done already.
    pub fn cancel(&self) -> bool {
        Rc::clone(&self.0).cancel()
    }

    /// How many cancels were requested, less those that were [taken back](Self::uncancel).
    pub fn cancelling(&self) -> usize {
        self.0.known().cancels.get()
    }

    /// Takes one cancel back, that was caught; gives how many are left. Never less than none.
    pub fn uncancel(&self) -> usize {
        let cancels = &self.0.known().cancels;
        if cancels.get() > 0 {
            cancels.set(cancels.get() - 1);
            if super::current_task().as_ref() == Some(self) {
                Scope::uncancel();
            }
        }
        cancels.get()
    }

    /// Whether it has come to an end, whichever.
    pub fn done(&self) -> bool {
        self.0.is_done()
    }

    /// Its name: the one it was given, or `Task-1`.
    pub fn get_name(&self) -> String {
        self.0.known().name()
    }

    /// The line that created it, as `file:line`.
    pub fn created_at(&self) -> String {
        let place = self.0.known().place;
        format!("{}:{}", place.file(), place.line())
    }

    /// Names it.
    pub fn set_name(&self, name: impl Into<String>) {
        self.0.known().name.replace(Some(name.into()));
    }

    /// Waits until it is done, however it ends. A cancel of whoever waits is not passed on.
    #[track_caller]
    pub fn ended(&self) -> impl Future<Output = ()> {
        let (place, mut waiter) = (Place::here(), None);
        poll_fn(move |context| {
            if self.done() {
                return Poll::Ready(());
            }
            self.0.tell(&mut waiter, context);
            waits(WaitsFor::Task(self.0.known().id), place);
            Poll::Pending
        })
    }
}

impl PartialEq for AnyTask {
    fn eq(&self, other: &Self) -> bool {
        self.0.known().id == other.0.known().id
    }
}

impl Eq for AnyTask {}

impl fmt::Debug for AnyTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}{}>", self.0.known(), if self.done() { " done" } else { "" })
    }
}
