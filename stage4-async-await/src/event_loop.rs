//! The event loop: step whoever is ready, then wait for whoever is not.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use reactor::{Reactor, trace, wake};
use slab::Slab;

use crate::extras::remote::Remote;
use crate::task::{JoinHandle, Reschedule, Step, Task, TaskId};

/// How many steps a busy loop takes between two looks at its sockets. asyncio looks after
/// every turn; a look costs three times a step, and nobody waits longer than this.
pub const STEPS: usize = 64;

thread_local! {
    /// Set for the length of a `run`; read by whatever needs the loop.
    static CURRENT: RefCell<Option<Rc<EventLoop>>> = const { RefCell::new(None) };
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
    let main = event_loop.spawn(main);
    let ended = event_loop.run_until(|| main.is_finished());
    let left = event_loop.cancel_all();
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
    current().spawn(future)
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

/// The task that is being polled on this thread, if any.
pub(crate) fn running() -> Option<Rc<dyn Step>> {
    try_current()?.running.borrow().clone()
}

/// One thread, many tasks.
pub(crate) struct EventLoop {
    /// Filled by wakers on this thread, and by `wait`; emptied by `run_ready`.
    pub(crate) ready: RefCell<VecDeque<TaskId>>,
    /// Filled by wakers on other threads; emptied by `wait`.
    pub(crate) remote: Arc<Remote>,
    /// Filled by `spawn`; a task leaves when it is finished.
    pub(crate) tasks: RefCell<Slab<(TaskId, Rc<dyn Step>)>>,
    /// How many tasks there were so far: tells a task from the next one in its place.
    spawned: Cell<u64>,
    /// Set for the length of a step.
    running: RefCell<Option<Rc<dyn Step>>>,
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
            running: RefCell::default(),
            seen_outside: Cell::new(0),
            reactor,
        })
    }

    #[track_caller]
    fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        self.spawned.set(self.spawned.get() + 1);
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        let id = TaskId { index: entry.key(), number: self.spawned.get() };
        let task = Task::new(id, future, Arc::clone(&self.remote));
        entry.insert((id, Rc::clone(&task) as _));
        JoinHandle(task)
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

    /// One turn: whoever is ready takes a step, first come, first served. After [`STEPS`]
    /// of them it is the sockets' turn, so that a busy loop never starves them.
    fn run_ready(&self) {
        let _turn = trace::turn();
        for _ in 0..STEPS {
            let next = self.ready.borrow_mut().pop_front();
            let Some(id) = next else { return };
            let Some(task) = self.task(id) else { continue };
            self.running.replace(Some(Rc::clone(&task)));
            let is_finished = task.step();
            self.running.take();
            if is_finished {
                let finished = self.tasks.borrow_mut().remove(id.index);
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
        if !task.is_queued.load(Ordering::Relaxed) {
            task.is_queued.store(true, Ordering::Relaxed);
            self.ready.borrow_mut().push_back(task.id);
        }
    }

    /// Cancels every task there is, and waits for their exits.
    fn cancel_all(&self) -> io::Result<()> {
        let mut left: Vec<_> =
            self.tasks.borrow().iter().map(|(_, (id, _))| *id).collect();
        for id in &left {
            self.task(*id).expect("it is in the list").end(Ok(()));
        }
        // One that is over is not asked for again.
        self.run_until(|| {
            while left.pop_if(|id| self.task(*id).is_none()).is_some() {}
            left.is_empty()
        })
    }

    /// Drops the tasks that are left, and what waits for them. `false`: there were none.
    fn drop_left(&self) -> bool {
        let tasks = self.tasks.take();
        tasks.iter().for_each(|(_, (_, task))| task.abandon());
        !tasks.is_empty()
    }

    /// The task of that name, unless it is finished.
    pub(crate) fn task(&self, id: TaskId) -> Option<Rc<dyn Step>> {
        let tasks = self.tasks.borrow();
        let (found, task) = tasks.get(id.index)?;
        (*found == id).then(|| Rc::clone(task))
    }
}

/// Makes a loop current; dropping it ends that, and before it the tasks that are left.
struct Entered(Rc<EventLoop>);

impl Entered {
    fn enter(event_loop: &Rc<EventLoop>) -> Self {
        assert!(
            try_current().is_none(),
            "run() cannot be called from a running event loop: await the future instead"
        );
        CURRENT.set(Some(Rc::clone(event_loop)));
        Self(Rc::clone(event_loop))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What is left owns sockets and timers of this loop, which must still be current. It
        // may start tasks, and leave exits behind, even as it is dropped.
        while self.0.drop_left() {}
        CURRENT.set(None);
    }
}
