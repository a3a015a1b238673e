//! The event loop: step whoever is ready, then wait for whoever is not.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{self, ThreadId};
use std::time::Duration;

use reactor::{Reactor, trace, wake};
use slab::Slab;

use crate::cancel::{guard, take_left_behind};
use crate::task::{JoinHandle, Task, TaskId};

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
/// What opening or asking the selector answers.
///
/// # Panics
///
/// Panics inside another `run`, and with whatever `main` panics with.
#[doc(alias("run_until_complete", "block_on"))]
#[track_caller]
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> io::Result<T> {
    let event_loop = Rc::new(EventLoop::new()?);
    let entered = Entered::enter(&event_loop);
    let mut main = event_loop.spawn(main);
    event_loop.run_until(|| main.is_finished())?;
    event_loop.cancel_all()?;
    drop(entered);
    Ok(main.output().expect("the loop ran until it was there"))
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
    CURRENT.with_borrow(Clone::clone)
}

/// One thread, many tasks.
pub(crate) struct EventLoop {
    /// Filled by wakers; emptied by `run_ready`.
    ready: Arc<ReadyQueue>,
    /// Filled by `spawn`; a task leaves when it is finished.
    tasks: RefCell<Slab<(TaskId, Rc<Task>)>>,
    /// How many tasks there were so far: tells a task from the next one in its place.
    spawned: Cell<u64>,
    pub(crate) reactor: Reactor<Waker>,
}

impl EventLoop {
    fn new() -> io::Result<Self> {
        let reactor = Reactor::new()?;
        let ready = Arc::new(ReadyQueue::new(reactor.waker()));
        Ok(Self { ready, tasks: RefCell::default(), spawned: Cell::new(0), reactor })
    }

    #[track_caller]
    fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let mut tasks = self.tasks.borrow_mut();
        let entry = tasks.vacant_entry();
        self.spawned.set(self.spawned.get() + 1);
        let id = TaskId { index: entry.key(), number: self.spawned.get() };
        let (task, handle) = Task::new(id, future, Arc::clone(&self.ready));
        entry.insert((id, Rc::new(task)));
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

    /// One turn: whoever is ready takes a step, first come, first served. After [`STEPS`]
    /// of them it is the sockets' turn, so that a busy loop never starves them.
    fn run_ready(&self) {
        let _turn = trace::turn();
        for _ in 0..STEPS {
            let Some(id) = self.ready.pop() else { return };
            let Some(task) = self.task(id) else { continue };
            if task.step() {
                let finished = self.tasks.borrow_mut().remove(id.index);
                drop(finished);
            }
        }
    }

    /// Sleeps in the reactor until somebody is ready, then wakes whoever can make progress.
    fn wait(&self) -> io::Result<()> {
        let busy = !self.ready.is_empty();
        let mut ready = Vec::new();
        self.reactor.select(busy.then_some(Duration::ZERO), &mut ready)?;
        for waker in ready {
            trace::handed_back();
            wake(waker);
        }
        Ok(())
    }

    /// Cancels every task there is, and waits for their exits.
    fn cancel_all(&self) -> io::Result<()> {
        let left: Vec<_> = self.tasks.borrow().iter().map(|(_, (id, _))| *id).collect();
        for id in &left {
            self.task(*id).expect("it is in the list").cancel();
        }
        self.run_until(|| !left.iter().any(|id| self.task(*id).is_some()))
    }

    /// Drops the tasks and exits that are left. `false`: there were none.
    fn drop_left(&self) -> bool {
        let (tasks, exits) = (self.tasks.take(), take_left_behind());
        let any = !(tasks.is_empty() && exits.is_empty());
        // What panics now has nobody left to tell but the panic hook.
        tasks.into_iter().for_each(|task| drop(guard(|| drop(task))));
        exits.into_iter().for_each(|exit| drop(guard(|| drop(exit))));
        any
    }

    /// The task of that name, unless it is finished.
    fn task(&self, id: TaskId) -> Option<Rc<Task>> {
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

/// The tasks whose turn has come. Wakers push from any thread.
pub(crate) struct ReadyQueue {
    queue: Mutex<VecDeque<TaskId>>,
    /// The loop's own thread, which need not be told that it is awake.
    thread: ThreadId,
    /// Ends the loop's sleep.
    remote: Waker,
}

impl ReadyQueue {
    fn new(remote: Waker) -> Self {
        Self { queue: Mutex::default(), thread: thread::current().id(), remote }
    }

    pub(crate) fn push(&self, id: TaskId) {
        self.lock().push_back(id);
        if thread::current().id() != self.thread {
            self.remote.wake_by_ref();
        }
    }

    fn pop(&self) -> Option<TaskId> {
        self.lock().pop_front()
    }

    fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<TaskId>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
