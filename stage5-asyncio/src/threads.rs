//! Leaving the loop: work that blocks, or keeps a processor busy, goes to a pool of threads.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::cancel::{Cancellable, End};
use crate::event_loop::EventLoop;
use crate::events::get_running_loop;
use crate::extras::remote::Remote;
use crate::futures::{Future, Outcome, Promised};
use crate::tasks::WaitsFor;

/// Calls `work` on a thread of the loop's pool, and gives what it returns. To cancel this
/// before a thread has begun takes the work back; what has begun runs to its end, unheard.
///
/// # Panics
///
/// Panics when no loop is running on this thread. Whoever awaits it panics as the work does.
#[doc(alias = "asyncio.to_thread")]
#[track_caller]
pub fn to_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Future<T> {
    get_running_loop().run_in_executor(None, work)
}

impl EventLoop {
    /// Calls `work` on a thread of `executor`, or of the loop's own pool.
    ///
    /// # Panics
    ///
    /// Panics if the executor was shut down.
    #[track_caller]
    pub fn run_in_executor<T: Send + 'static>(
        &self,
        executor: Option<&ThreadPoolExecutor>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Future<T> {
        let executor = executor.cloned().unwrap_or_else(|| self.default_executor());
        Job::start(self, &executor, work, || ())
    }

    /// Has [`to_thread`] use that pool.
    pub fn set_default_executor(&self, executor: ThreadPoolExecutor) {
        let before = self.0.executor.replace(Some(executor));
        drop(before);
    }

    /// Waits until the threads of the loop's own pool have done what they were given, and ends
    /// them. Nothing more can be given to them.
    pub async fn shutdown_default_executor(&self) {
        let executor = self.0.executor.borrow().clone();
        let Some(executor) = executor else { return };
        executor.shutdown();
        self.join(executor).await;
    }

    /// Waits until the threads have ended. That blocks, so it is done by one more thread.
    pub(crate) async fn join(&self, executor: ThreadPoolExecutor) {
        let joiner = ThreadPoolExecutor::new(1);
        self.run_in_executor(Some(&joiner), move || executor.join()).await;
        joiner.shutdown();
    }

    fn default_executor(&self) -> ThreadPoolExecutor {
        let mut executor = self.0.executor.borrow_mut();
        executor.get_or_insert_with(ThreadPoolExecutor::default).clone()
    }
}

/// What a loop does with results that are to come, by the numbers of their jobs: filled by
/// `start`, emptied as they come.
pub(crate) type Jobs = RefCell<BTreeMap<u64, Complete>>;

pub(crate) type Complete = Box<dyn FnOnce(Option<Done>)>;

/// What comes of the work: its output, or what it panicked with.
pub(crate) type Done = thread::Result<Box<dyn Any + Send>>;

/// A future whose result comes from another thread. A cancel takes the work back.
pub(crate) struct Job<T: 'static> {
    outcome: Outcome<T>,
    is_cancelled: Arc<AtomicBool>,
    /// What else a cancel does, for work that can be stopped half way.
    stop: Cell<Option<Box<dyn FnOnce()>>>,
}

impl<T: Send + 'static> Job<T> {
    #[track_caller]
    pub(crate) fn start(
        event_loop: &EventLoop,
        executor: &ThreadPoolExecutor,
        work: impl FnOnce() -> T + Send + 'static,
        stop: impl FnOnce() + 'static,
    ) -> Future<T> {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let (outcome, flag) = (Outcome::new(event_loop), Arc::clone(&is_cancelled));
        let stop: Box<dyn FnOnce()> = Box::new(stop);
        let job = Self { outcome, is_cancelled, stop: Cell::new(Some(stop)) };
        let future = Future(Rc::new(job) as Rc<dyn Promised<T>>);
        let number = Self::expect(event_loop, future.clone());
        let remote = Arc::clone(event_loop.0.engine.remote());
        let mut told = Told { remote, number, done: None };
        executor.submit(Box::new(move || {
            // Work that is not done is dropped here, too, where it was to be done.
            told.done = (!flag.load(Ordering::Acquire)).then(|| boxed(work));
            drop(told);
        }));
        future
    }

    /// Gives the number under which the result of `future` will come.
    fn expect(event_loop: &EventLoop, future: Future<T>) -> u64 {
        let complete: Complete = Box::new(move |done| {
            if future.done() {
                return;
            }
            let value = |any: Box<dyn Any>| *any.downcast().expect("its own result");
            future.finish(match done {
                Some(Ok(any)) => End::Finished(value(any)),
                Some(Err(panic)) => End::Panicked(panic),
                None => End::Cancelled,
            });
        });
        let mut jobs = event_loop.0.jobs.borrow_mut();
        let number = jobs.last_key_value().map_or(0, |(last, _)| last + 1);
        jobs.insert(number, complete);
        number
    }
}

/// Does the work, on its thread.
fn boxed<T: Send + 'static>(work: impl FnOnce() -> T) -> Done {
    catch_unwind(AssertUnwindSafe(|| Box::new(work()) as Box<dyn Any + Send>))
}

/// Tells the loop when it is dropped: what came of the work, or that it never was begun.
struct Told {
    remote: Arc<Remote>,
    number: u64,
    done: Option<Done>,
}

impl Drop for Told {
    fn drop(&mut self) {
        let (number, done) = (self.number, self.done.take());
        self.remote.try_call_soon(move || {
            let complete = get_running_loop().0.jobs.borrow_mut().remove(&number);
            if let Some(complete) = complete {
                complete(done);
            }
        });
    }
}

impl<T: 'static> Promised<T> for Job<T> {
    fn outcome(&self) -> &Outcome<T> {
        &self.outcome
    }

    fn waits_for(&self) -> WaitsFor {
        WaitsFor::Other("work outside of the loop")
    }
}

impl<T: 'static> Cancellable for Job<T> {
    fn cancel(self: Rc<Self>) -> bool {
        if self.outcome.is_done() {
            return false;
        }
        self.is_cancelled.store(true, Ordering::Release);
        let stop = self.stop.take();
        Future(self as Rc<dyn Promised<T>>).finish(End::Cancelled);
        stop.into_iter().for_each(|stop| stop());
        true
    }
}

/// A pool of threads, which are started as they are needed, and no more of them than it is told.
/// Its clones are the same pool.
#[derive(Clone)]
pub struct ThreadPoolExecutor(Arc<Owned>);

/// The pool, as those have it who are no threads of it.
struct Owned(Arc<Pool>);

struct Pool {
    max_workers: usize,
    state: Mutex<State>,
    /// Tells a thread that there is work, or that it may end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Filled by `submit`; emptied by the threads.
    work: VecDeque<Work>,
    /// How many threads have none.
    idle: usize,
    threads: Vec<JoinHandle<()>>,
    is_shut_down: bool,
}

type Work = Box<dyn FnOnce() + Send>;

impl ThreadPoolExecutor {
    /// A pool of up to that many threads.
    ///
    /// # Panics
    ///
    /// Panics with none.
    pub fn new(max_workers: usize) -> Self {
        assert!(max_workers > 0, "a pool needs one thread at least");
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self(Arc::new(Owned(Arc::new(Pool { max_workers, state, changed }))))
    }

    /// The threads do what they were given, and then end. Nothing more can be given to them.
    pub fn shutdown(&self) {
        self.pool().shutdown();
    }

    /// What no thread has begun is given up: whoever awaits it is cancelled.
    #[doc(alias = "shutdown(cancel_futures=True)")]
    pub fn cancel_futures(&self) {
        let given_up = mem::take(&mut self.pool().state().work);
        drop(given_up);
    }

    /// Blocks until they have ended.
    pub fn join(&self) {
        let threads = mem::take(&mut self.pool().state().threads);
        for thread in threads {
            thread.join().expect("a thread of a pool does not panic: its work may");
        }
    }

    #[track_caller]
    fn submit(&self, work: Work) {
        let pool = self.pool();
        let mut state = pool.state();
        assert!(!state.is_shut_down, "the executor was shut down");
        state.work.push_back(work);
        if state.idle < state.work.len() && state.threads.len() < pool.max_workers {
            let its = Arc::clone(pool);
            state.threads.push(thread::spawn(move || its.work()));
        }
        drop(state);
        pool.changed.notify_one();
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.0.0
    }
}

impl Pool {
    /// What a thread does.
    fn work(&self) {
        while let Some(work) = self.next() {
            work();
        }
    }

    /// `None`: there is no more to do.
    fn next(&self) -> Option<Work> {
        let mut state = self.state();
        state.idle += 1;
        let is_idle = |state: &mut State| state.work.is_empty() && !state.is_shut_down;
        let woken = self.changed.wait_while(state, is_idle);
        state = woken.unwrap_or_else(PoisonError::into_inner);
        state.idle -= 1;
        state.work.pop_front()
    }

    fn shutdown(&self) {
        self.state().is_shut_down = true;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many threads as CPython has: for work that mostly waits.
impl Default for ThreadPoolExecutor {
    fn default() -> Self {
        let processors = thread::available_parallelism().map_or(1, Into::into);
        Self::new(32.min(processors + 4))
    }
}

/// The last clone lets the threads end.
impl Drop for Owned {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.pool().state().threads.len();
        f.debug_struct("ThreadPoolExecutor")
            .field("threads", &threads)
            .finish_non_exhaustive()
    }
}
