//! The event loop: step whoever is ready, then wait for whoever is not.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use reactor::trace::{self, Place};
use reactor::{Reactor, wake};
use slab::Slab;

use crate::extras::left::Entered;
use crate::extras::remote::Remote;
use crate::task::{JoinHandle, Reschedule, Step, Task, TaskId};

pub use crate::extras::outside::{Handle, handle};

/// How many steps a busy loop takes between two looks at its sockets and its timers. asyncio
/// looks after every turn. A look is a system call, and costs as much as several steps: after
/// so many it hardly counts, and nobody who is at a socket waits for more than these.
pub const STEPS: usize = 64;

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    pub(crate) static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
}

/// Runs `main` to its end on a loop of its own, as `asyncio.run` does. Tasks that are left
/// over then are cancelled, and their exits are awaited.
///
/// # Errors
///
/// What opening or asking the selector answers. `Deadlock` when nobody can wake the loop any
/// more: no task is ready, no socket and no timer is waited for, and nobody outside has a
/// waker. It names the tasks, and what each waits for.
///
/// # Panics
///
/// Panics inside another `run`, and with whatever `main` panics with.
#[doc(alias("run_until_complete", "block_on"))]
#[track_caller]
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> io::Result<T> {
    let event_loop = Rc::new(EventLoop::new()?);
    let entered = Entered::enter(&event_loop);
    let main = event_loop.spawn(Place::here(), main);
    let ended = event_loop.run_until(|| main.is_finished());
    let left = event_loop.cancel_all().and_then(|()| event_loop.close_generators());
    drop(entered);
    ended?;
    let output = main.take().expect("the loop ran until it was there");
    left.map(|()| output)
}

/// Starts a task on the running loop. It takes its first step in a later turn, never here.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "create_task")]
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    current().spawn(Place::here(), future)
}

/// The loop that is running on this thread.
///
/// # Panics
///
/// Panics when there is none.
pub(crate) fn current() -> Rc<EventLoop> {
    try_current().expect(
        "no event loop is running on this thread: call this from inside `run`, in an async \
         block or in something it calls",
    )
}

/// The loop that is running on this thread, if any.
pub(crate) fn try_current() -> Option<Rc<EventLoop>> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// One thread, many tasks.
pub(crate) struct EventLoop {
    /// Filled by wakers on this thread, and by `wait`; emptied by `run_ready`.
    pub(crate) ready: RefCell<VecDeque<TaskId>>,
    /// Filled by wakers on other threads; emptied by `wait`.
    pub(crate) remote: Arc<Remote>,
    /// Filled by `spawn`; a task leaves when it is finished.
    pub(crate) tasks: RefCell<Slab<Rc<Task<dyn Step>>>>,
    /// How many tasks there were so far: tells a task from the next one in its place.
    spawned: Cell<u32>,
    /// Set for the length of a step.
    pub(crate) running: Cell<Option<TaskId>>,
    /// Where the last look for wakers outside found one.
    pub(crate) seen_outside: Cell<usize>,
    pub(crate) reactor: Reactor<Waker>,
}

impl EventLoop {
    fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        Ok(Self {
            ready: RefCell::default(),
            remote: Arc::new(Remote::new(reactor.waker())),
            tasks: RefCell::default(),
            spawned: Cell::new(0),
            running: Cell::default(),
            seen_outside: Cell::new(0),
            reactor,
        })
    }

    pub(crate) fn spawn<T: 'static>(
        &self,
        place: Place,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let _place = place.enter();
        let mut tasks = self.tasks.borrow_mut();
        let slot = tasks.vacant_entry();
        let index = u32::try_from(slot.key()).expect("no memory has room for so many");
        self.spawned.set(self.spawned.get().wrapping_add(1));
        let id = TaskId { index, number: self.spawned.get() };
        let task = Task::new(id, place, future, &self.remote);
        slot.insert(Rc::clone(&task) as _);
        task.known.wake();
        JoinHandle(task)
    }

    /// Turn after turn, until `done` says so.
    pub(crate) fn run_until(&self, mut done: impl FnMut() -> bool) -> io::Result<()> {
        loop {
            self.run_ready();
            if done() {
                return Ok(());
            }
            self.wait()?;
        }
    }

    /// One turn: whoever is ready takes a step, first come, first served. After [`STEPS`]
    /// of them it is the sockets' turn, so that a busy loop never starves them.
    fn run_ready(&self) {
        let _turn = trace::turn();
        for _ in 0..STEPS {
            let next = self.ready.borrow_mut().pop_front();
            let Some(id) = next else { return };
            let Some(task) = self.task(id) else { continue };
            self.running.set(Some(id));
            let is_finished = task.step();
            self.running.set(None);
            if is_finished {
                let finished = self.tasks.borrow_mut().remove(id.index as usize);
                drop(finished);
            }
        }
    }

    /// Sleeps in the reactor until somebody is ready, then wakes whoever can make progress.
    fn wait(&self) -> io::Result<()> {
        let (mut ready, watch) = (Vec::new(), self.watch()?);
        let slept = self.reactor.select(watch.patience, &mut ready);
        drop(watch);
        slept.map_err(|error| self.explain(error))?;
        for waker in ready {
            trace::handed_back();
            wake(waker);
        }
        self.hear_others();
        Ok(())
    }

    /// Puts a task's name on the ready queue, unless it is there already.
    pub(crate) fn push(&self, task: &Reschedule) {
        trace::woken(task.subject);
        if !task.is_queued.load(Ordering::Relaxed) {
            task.is_queued.store(true, Ordering::Relaxed);
            self.ready.borrow_mut().push_back(task.id);
        }
    }

    /// The task of that name, unless it is finished.
    pub(crate) fn task(&self, id: TaskId) -> Option<Rc<Task<dyn Step>>> {
        let tasks = self.tasks.borrow();
        let task = tasks.get(id.index as usize)?;
        (task.known.number == id.number).then(|| Rc::clone(task))
    }
}
