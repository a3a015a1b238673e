//! What blocks is done on another thread, and its result arrives on the loop: Twisted's
//! `deferToThread`.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::remote::Remote;
use super::signal::{Signal, signal_then};
use crate::deferred::{Deferred, Outcome, fail, maybe_deferred};
use crate::failure::{Failure, bury, guard};

/// As many threads as Twisted's reactor keeps.
const THREADS: usize = 10;

thread_local! {
    static POOL: ThreadPool = ThreadPool::new(THREADS);
}

/// Calls `body` on another thread, of which this one's loop has ten; fires with what it gives.
/// A panic there is a failure here. A cancel takes back what has not begun; what has begun
/// cannot be stopped, and its result is dropped.
///
/// ```
/// use stage1_callbacks::extras::threads::defer_to_thread;
/// use stage1_callbacks::react;
///
/// # fn main() -> std::io::Result<()> {
/// let length = react(|| {
///     defer_to_thread(|| std::fs::read_to_string("Cargo.toml"))
///         .add_callback(|text| Ok(text.len()))
/// })?;
/// assert!(length.unwrap() > 0);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "deferToThread")]
#[track_caller]
pub fn defer_to_thread<T: Send + 'static, E: Into<Failure> + Send + 'static>(
    body: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Deferred<T> {
    POOL.with(|pool| pool.defer(body))
}

/// Threads that do what blocks, as many at a time as it was made for. They are started when
/// they are needed, and end when the pool has been dropped and nothing is left to do.
///
/// ```
/// use stage1_callbacks::extras::{lists::gather_results, threads::ThreadPool};
/// use stage1_callbacks::react;
/// use std::num::ParseIntError;
/// use std::thread;
///
/// # fn main() -> std::io::Result<()> {
/// let here = thread::current().id();
/// let numbers = react(move || {
///     let two = ThreadPool::new(2);
///     let parse = |text: &'static str| {
///         two.defer(move || {
///             assert_ne!(thread::current().id(), here);
///             text.parse::<u32>()
///         })
///     };
///     gather_results(vec![parse("1"), parse("2"), parse("3")])
/// })?;
/// assert_eq!(numbers.unwrap(), [1, 2, 3]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ThreadPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    /// Told of new jobs, and of the end.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Filled by `defer`; emptied by the threads.
    jobs: VecDeque<Arc<Slot<Job>>>,
    threads: usize,
    /// How many of them wait for a job.
    idle: usize,
    is_dropped: bool,
}

struct Job {
    work: Box<dyn FnOnce() + Send>,
    /// Set when there is nothing to wait for any more.
    done: Signal,
}

/// Something that is taken once, on whatever thread.
struct Slot<V>(Mutex<Option<V>>);

impl ThreadPool {
    /// A pool of at most that many threads, and one at the least.
    pub fn new(most: usize) -> Self {
        let (state, news) = Default::default();
        Self(Arc::new(Shared { most: most.max(1), state, news }))
    }

    /// Calls `body` on one of the threads, as soon as one is free: see [`defer_to_thread`].
    /// Fails if no thread can be had.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias = "deferToThreadPool")]
    #[track_caller]
    pub fn defer<T: Send + 'static, E: Into<Failure> + Send + 'static>(
        &self,
        body: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Deferred<T> {
        let job = Arc::new(Slot::<Job>::new());
        let queued = Arc::downgrade(&job);
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            let job = queued.upgrade().and_then(|job| job.take());
            if let Some(Job { work, done }) = job {
                bury([work]);
                done.set(); // so that nobody waits for it
            }
        });
        let result = Arc::new(Slot::<thread::Result<Result<T, E>>>::new());
        let arrived = Arc::clone(&result);
        let done = signal_then(move || {
            let Some(result) = arrived.take() else { return }; // it was taken back
            let result = guard(|| result.unwrap_or_else(|panic| resume_unwind(panic)));
            let _ = firer.fire(result.and_then(|it| it.map_err(Into::into)));
        });
        let work = Box::new(move || result.put(catch_unwind(AssertUnwindSafe(body))));
        job.put(Job { work, done });
        match self.0.add(job) {
            Ok(()) => deferred,
            Err(error) => fail(error),
        }
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.0.state().is_dropped = true;
        self.0.news.notify_all();
    }
}

impl Shared {
    fn add(self: &Arc<Self>, job: Arc<Slot<Job>>) -> io::Result<()> {
        let mut state = self.state();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < self.most {
            let own = Arc::clone(self);
            let begun =
                thread::Builder::new().name("pool".into()).spawn(move || own.work());
            match begun {
                Ok(_) => state.threads += 1,
                Err(error) if state.threads == 0 => {
                    state.jobs.pop_back();
                    return Err(error);
                }
                Err(_) => {} // one of the others gets to it
            }
        }
        drop(state);
        self.news.notify_one();
        Ok(())
    }

    /// What each thread does.
    fn work(&self) {
        while let Some(job) = self.next() {
            if let Some(Job { work, done }) = job.take() {
                work();
                done.set();
            }
        }
    }

    fn next(&self) -> Option<Arc<Slot<Job>>> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.is_dropped {
                return None;
            }
            state.idle += 1;
            state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Slot<V> {
    fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn put(&self, value: V) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<V> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<V> fmt::Debug for Slot<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

impl Remote {
    /// Calls `body` on the loop's thread, and blocks this one until what that began has come to
    /// its end; gives that. Never call it on the loop's own thread, which would wait for itself.
    ///
    /// ```
    /// use stage1_callbacks::extras::threads::defer_to_thread;
    /// use stage1_callbacks::{react, remote, time::sleep};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let rested = react(|| {
    ///     let the_loop = remote();
    ///     // This thread may block. The nap is one of the loop's.
    ///     defer_to_thread(move || the_loop.blocking_call(|| sleep(Duration::from_millis(1))))
    /// })?;
    /// rested.unwrap();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoAnswer`]: what it failed with, in words, for a failure stays on its thread; or that
    /// the loop has ended.
    #[doc(alias = "blockingCallFromThread")]
    pub fn blocking_call<R: Outcome<Value: Send>>(
        &self,
        body: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R::Value, NoAnswer> {
        let (answer, question) = mpsc::channel();
        self.call_soon_threadsafe(move || {
            drop(maybe_deferred(body).add_both(move |result: Result<_, Failure>| {
                // Whoever asked is blocked until there is an answer.
                let _ = answer.send(result.map_err(|it| NoAnswer(it.to_string())));
            }));
        });
        let ended = |_| Err(NoAnswer("the loop has ended".to_owned()));
        question.recv().unwrap_or_else(ended)
    }
}

/// A loop that was called from another thread had nothing to give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer(String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for NoAnswer {}
