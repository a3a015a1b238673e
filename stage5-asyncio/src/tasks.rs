//! A task: a coroutine, and the right to be polled again; and several of them at a time.

mod gather;
mod known;
mod wait;

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake};

use reactor::trace::{self, Place};
use slab::Slab;

use crate::cancel::{Cancellable, End, Inside, Root, Rooted, Scope};
use crate::debug;
use crate::event_loop::EventLoop;
use crate::events::{Ready, get_running_loop};
use crate::extras::remote::{Listed, Remote};
use crate::extras::report::{bury, report};
use crate::extras::waiter::Waiter;
use crate::futures::{
    Awaiting, CallbackId, EnsureFuture, Future as Promise, Outcome, Promised,
};

pub use gather::{Exception, gather, gather_each, try_gather};
pub use known::AnyTask;
pub(crate) use known::{GivenUp, Known, Spare, WaitsFor, Within, waits, within};
pub use wait::{
    AsCompleted, Fallible, Wait, Waitable, as_completed, shield, wait, wait_for,
};

/// Starts a task on the running loop. It takes its first step in a later turn, never here.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "spawn")]
#[track_caller]
pub fn create_task<T: 'static>(coroutine: impl Future<Output = T> + 'static) -> Task<T> {
    get_running_loop().create_task(coroutine)
}

/// Starts a task, and lets it take its first step here and now. One that does not have to wait
/// is done when this returns.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias("eager_task_factory", "eager_start"))]
#[track_caller]
pub fn eager_task<T: 'static>(coroutine: impl Future<Output = T> + 'static) -> Task<T> {
    let (task, step) = Task::unstarted(&get_running_loop(), coroutine);
    step.step();
    task
}

/// The task that is running, if any.
pub fn current_task() -> Option<AnyTask> {
    RUNNING.try_with(|running| running.borrow().clone()).ok().flatten().map(AnyTask)
}

/// The one that is running, by its name.
#[inline]
pub(crate) fn running() -> Option<TaskId> {
    RUNNING.with_borrow(|running| running.as_ref().map(|it| it.known().id))
}

/// The scope of the one that is running.
pub(crate) fn root() -> Option<Rc<Scope>> {
    let root = RUNNING.try_with(|running| {
        running.borrow().as_ref().map(|it| Rc::clone(it.known().root()))
    });
    root.ok().flatten()
}

/// `false`: the thread is ending, and they are gone.
pub(crate) fn are_kept() -> bool {
    TASKS.try_with(|_| ()).is_ok()
}

/// The tasks of the running loop that are not done, in the order in which they were made.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn all_tasks() -> Vec<AnyTask> {
    all_tasks_of(&get_running_loop())
}

/// The same, of any loop of this thread.
pub fn all_tasks_of(event_loop: &EventLoop) -> Vec<AnyTask> {
    of(event_loop).into_iter().map(AnyTask).collect()
}

/// A coroutine that runs by itself. Its clones are the same task; dropping them lets it run on.
///
/// A task is a [future](crate::futures::Future), and can do what that can. A panic goes to
/// whoever awaits the task, as an exception does in asyncio. If nobody does, it is told to the
/// loop's exception handler.
pub struct Task<T: 'static>(Promise<T>);

/// A task, whatever its output.
pub(crate) trait Step: Cancellable {
    /// Polls the coroutine once: the one place where a task is resumed.
    #[doc(alias = "__step")]
    fn step(self: Rc<Self>);

    /// Drops the coroutine here and now: for the end of the loop.
    fn abandon(self: Rc<Self>);

    fn is_done(&self) -> bool;

    fn known(&self) -> &Known;

    /// Names those who wait for it.
    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter));

    /// Has whoever is polled with `context` woken at the end.
    fn tell(&self, id: &mut Option<CallbackId>, context: &Context<'_>);
}

struct TaskCell<T: 'static> {
    known: Known,
    /// Gone once it has ended. Not here while it is polled.
    coroutine: Cell<Option<Coroutine<T>>>,
    outcome: Outcome<T>,
}

type Coroutine<T> = Pin<Box<dyn Root<T>>>;

thread_local! {
    /// Filled by every new task; a task leaves when it is done.
    static TASKS: RefCell<Slab<Rc<dyn Step>>> = const { RefCell::new(Slab::new()) };

    /// How many there were so far: tells a task from the next one in its place.
    static CREATED: Cell<u64> = const { Cell::new(0) };

    /// Set for the length of a step.
    static RUNNING: RefCell<Option<Rc<dyn Step>>> = const { RefCell::new(None) };
}

/// Names a task on its thread. A waker may outlive its task: the number tells the task from
/// the next one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) index: usize,
    pub(crate) number: u64,
}

impl<T: 'static> Task<T> {
    #[track_caller]
    pub(crate) fn new(
        event_loop: &EventLoop,
        coroutine: impl Future<Output = T> + 'static,
    ) -> Self {
        let (task, step) = Self::unstarted(event_loop, coroutine);
        trace::woken_here(step.known().subject);
        step.known().is_queued.set(true);
        event_loop.0.engine.push(Ready::step(step));
        task
    }

    #[track_caller]
    fn unstarted(
        event_loop: &EventLoop,
        coroutine: impl Future<Output = T> + 'static,
    ) -> (Self, Rc<dyn Step>) {
        let number = CREATED.get() + 1;
        CREATED.set(number);
        let index = TASKS.with_borrow(Slab::vacant_key);
        let name = type_name_of_val(&coroutine);
        let known = Known::new(TaskId { index, number }, name, event_loop);
        let cell = Rc::new(TaskCell {
            known,
            coroutine: Cell::new(Some(Box::pin(Rooted::new(coroutine)) as _)),
            outcome: Outcome::new(event_loop),
        });
        TASKS.with_borrow_mut(|tasks| tasks.insert(Rc::clone(&cell) as _));
        (Self(Promise(Rc::clone(&cell) as _)), cell)
    }

    /// Names it, and gives it back.
    #[doc(alias = "set_name")]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.erased().set_name(name);
        self
    }

    /// The same task, whatever its output.
    pub fn erased(&self) -> AnyTask {
        AnyTask(self.step())
    }

    fn step(&self) -> Rc<dyn Step> {
        Rc::clone(&self.0.0).task().expect("a task is one")
    }

    /// Its name: the one it was given, or `Task-1`.
    pub fn get_name(&self) -> String {
        self.erased().get_name()
    }

    /// How many cancels were requested, less those that were [taken back](Self::uncancel).
    pub fn cancelling(&self) -> usize {
        self.erased().cancelling()
    }

    /// Takes one cancel back, that was caught; gives how many are left.
    pub fn uncancel(&self) -> usize {
        self.erased().uncancel()
    }
}

/// Makes sure that it is stepped in a later turn. It is not done.
#[inline]
fn schedule(task: Rc<dyn Step>) {
    let known = task.known();
    if known.is_queued.replace(true) {
        return;
    }
    if let Some(event_loop) = known.event_loop.upgrade() {
        event_loop.engine.push(Ready::step(task));
    }
}

/// Another thread has woken the task of that name.
pub(crate) fn heard(id: TaskId) {
    if let Some(task) = find(id) {
        task.known().own().reschedule.listed.clear();
        schedule(task);
    }
}

/// Has the task of that name stepped, unless it is done.
#[track_caller]
pub(crate) fn wake(id: TaskId) {
    if let Some(task) = find(id) {
        let _caller = Place::here().enter();
        trace::woken(task.known().subject);
        schedule(task);
    }
}

/// The task that is running, if `context` has its own waker.
#[inline]
pub(crate) fn polled_with(context: &Context<'_>) -> Option<TaskId> {
    let running = RUNNING.try_with(|running| {
        let running = running.borrow();
        let known = running.as_ref()?.known();
        known.own().waker.will_wake(context.waker()).then_some(known.id)
    });
    running.ok().flatten()
}

/// The task of that name, unless it is done.
#[inline]
fn find(id: TaskId) -> Option<Rc<dyn Step>> {
    let found = TASKS.try_with(|tasks| {
        let tasks = tasks.borrow();
        tasks.get(id.index).filter(|task| task.known().id == id).cloned()
    });
    found.ok().flatten()
}

/// A task for which `is_it` says so. It begins at `place`, and leaves there where it has found
/// one, so that to find it again among many costs little.
pub(crate) fn find_from(
    place: &Cell<usize>,
    is_it: impl Fn(&Rc<dyn Step>) -> bool,
) -> Option<Rc<dyn Step>> {
    TASKS.with_borrow(|tasks| {
        let last = place.get();
        let mut places = (last..tasks.capacity()).chain(0..last);
        let (found, task) = places
            .find_map(|it| Some((it, tasks.get(it).filter(|task| is_it(task))?)))?;
        place.set(found);
        Some(Rc::clone(task))
    })
}

/// The tasks of a loop, in the order in which they were made.
pub(crate) fn of(event_loop: &EventLoop) -> Vec<Rc<dyn Step>> {
    let is_its = |task: &Rc<dyn Step>| task.known().is_of(event_loop);
    let all = TASKS.with_borrow(|tasks| {
        tasks.iter().map(|(_, task)| Rc::clone(task)).collect::<Vec<_>>()
    });
    let mut tasks: Vec<_> = all.into_iter().filter(is_its).collect();
    tasks.sort_by_key(|task| task.known().id.number);
    tasks
}

impl<T: 'static> TaskCell<T> {
    /// Polls the coroutine, as the task that runs and with its values.
    fn poll(self: &Rc<Self>, coroutine: &mut Coroutine<T>) -> Poll<End<T>> {
        let known = &self.known;
        RUNNING.with(|running| {
            let outer = running.replace(Some(Rc::clone(self) as _));
            let nested = outer.is_some().then(Inside::enter_root);
            let mut variables = known.context.take();
            let own = known.own();
            let mut context = Context::from_waker(&own.waker);
            let polled =
                variables.run(|| coroutine.as_mut().poll(&known.root, &mut context));
            drop(own);
            known.context.set(variables);
            drop(nested);
            running.replace(outer);
            polled
        })
    }

    /// Tells whoever waits.
    fn finish(self: Rc<Self>, end: End<T>) {
        match end {
            End::Cancelled => trace::cancelled(),
            End::Panicked(_) => trace::panicked(),
            End::Finished(_) => {}
        }
        let listed = TASKS.with_borrow_mut(|tasks| tasks.try_remove(self.known.id.index));
        self.known.leave_waker();
        Promise(self as Rc<dyn Promised<T>>).finish(end);
        drop(listed);
    }
}

impl<T: 'static> Step for TaskCell<T> {
    fn step(self: Rc<Self>) {
        let known = &self.known;
        // From here on, a wake counts for the next step.
        known.is_queued.set(false);
        known.waits_for.set(None);
        known.within.set(None);
        known.has_begun.set(true);
        let Some(mut coroutine) = self.coroutine.take() else { return };
        let running = trace::resumed(known.subject);
        match self.poll(&mut coroutine) {
            Poll::Pending => {
                known.has_waited.set(true);
                self.coroutine.set(Some(coroutine));
                running.suspended();
            }
            // Asked to stop, it never came to a place where it could.
            Poll::Ready(output) if known.is_requested() => {
                bury((coroutine, output));
                self.finish(End::Cancelled);
                running.finished();
            }
            Poll::Ready(end) => {
                drop(coroutine);
                self.finish(end);
                running.finished();
            }
        }
    }

    fn abandon(self: Rc<Self>) {
        report(format_args!("Task was destroyed but it is pending: {}", self.name()));
        bury(self.coroutine.take());
        self.known.root.get().into_iter().for_each(|root| root.leave_exits());
        self.finish(End::Cancelled);
    }

    fn is_done(&self) -> bool {
        self.outcome.is_done()
    }

    fn known(&self) -> &Known {
        &self.known
    }

    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        self.outcome.awaiters(visit);
    }

    fn tell(&self, id: &mut Option<CallbackId>, context: &Context<'_>) {
        self.outcome.tell(id, context);
    }
}

impl<T: 'static> Cancellable for TaskCell<T> {
    /// Asks whatever it waits for to stop, or else the task itself, at its next step. It may
    /// refuse. Where tasks wait for each other in a circle, the request comes round to the first
    /// of them: then the last one takes it. (CPython gives up there, with a `RecursionError`.)
    fn cancel(self: Rc<Self>) -> bool {
        let is_asking = self.known.root.get().is_some_and(|root| root.is_asking());
        if self.is_done() || is_asking {
            return false;
        }
        self.known.cancels.set(self.known.cancels.get() + 1);
        self.known.root().request();
        true
    }
}

impl<T: 'static> Promised<T> for TaskCell<T> {
    fn outcome(&self) -> &Outcome<T> {
        &self.outcome
    }

    fn expect_another(&self) {
        assert!(
            running() != Some(self.known.id),
            "a task cannot await itself: it would wait for its own end, and never come to it"
        );
    }

    fn subject(&self) -> Option<trace::Id> {
        Some(self.known.subject)
    }

    fn name(&self) -> String {
        if debug::is_on() { self.known.in_full() } else { self.known.to_string() }
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Task(self.known.id)
    }

    fn task(self: Rc<Self>) -> Option<Rc<dyn Step>> {
        Some(self)
    }
}

/// To wake a task is to have it stepped, unless that is on its way already.
pub(crate) struct Reschedule {
    pub(crate) id: TaskId,
    pub(crate) subject: trace::Id,
    /// The number of the thread it lives on.
    pub(crate) thread: u64,
    pub(crate) remote: Arc<Remote>,
    /// Whether it is on the list of those that other threads have woken.
    pub(crate) listed: Listed,
}

impl Wake for Reschedule {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if this_thread() != Some(self.thread) {
            self.remote.wake(self.id, &self.listed);
        } else if let Some(task) = find(self.id) {
            trace::woken(self.subject);
            schedule(task);
        }
    }
}

/// The loop looks up from its sleep: perhaps that was the last who could have ended it.
impl Drop for Reschedule {
    fn drop(&mut self) {
        if this_thread() != Some(self.thread) {
            self.remote.end_sleep();
        }
    }
}

/// The number of this thread, which no other one has. `None`: the thread is about to end.
pub(crate) fn this_thread() -> Option<u64> {
    static THREADS: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NUMBER: u64 = THREADS.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.try_with(|number| *number).ok()
}

impl<T> Deref for Task<T> {
    type Target = Promise<T>;

    fn deref(&self) -> &Promise<T> {
        &self.0
    }
}

impl<T> Clone for Task<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: 'static> IntoFuture for Task<T> {
    type Output = T;
    type IntoFuture = Awaiting<T>;

    /// Takes the result.
    fn into_future(self) -> Awaiting<T> {
        self.0.into_future()
    }
}

impl<T: Clone + 'static> IntoFuture for &Task<T> {
    type Output = T;
    type IntoFuture = Awaiting<T>;

    /// Clones the result.
    fn into_future(self) -> Awaiting<T> {
        (&self.0).into_future()
    }
}

impl<T: 'static> EnsureFuture for Task<T> {
    type Output = T;

    fn ensure_future(self, _: &EventLoop) -> Promise<T> {
        self.0
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} {:?}>", self.step().known(), self.0)
    }
}
