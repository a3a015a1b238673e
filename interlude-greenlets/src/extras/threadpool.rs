//! Threads for calls that block: the greenlet that makes one waits, and the loop does not.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use reactor::wake;

use crate::event_loop::{block_on, spawn};
use crate::task::JoinHandle;

type Job = Box<dyn FnOnce() + Send>;

/// Up to so many threads, each started when there is a call that no idle one takes. Dropped,
/// it has them end after the calls that were made.
///
/// ```
/// use interlude_greenlets::extras::threadpool::ThreadPool;
/// use std::thread;
///
/// # fn main() -> std::io::Result<()> {
/// let here = thread::current().id();
/// let there = interlude_greenlets::run(|| {
///     ThreadPool::new(2).apply(|| thread::current().id())
/// })?;
/// assert_ne!(here, there);
/// # Ok(())
/// # }
/// ```
pub struct ThreadPool {
    size: usize,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    work: Mutex<Work>,
    /// Signalled for a call, and when there will be none any more.
    news: Condvar,
}

#[derive(Default)]
struct Work {
    /// Filled by `call`; emptied by the threads.
    calls: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

/// What a call came to, and who waits for it.
struct Reply<T> {
    end: Option<thread::Result<T>>,
    waker: Option<Waker>,
}

impl ThreadPool {
    /// A pool of up to so many threads.
    ///
    /// # Panics
    ///
    /// Panics when there is to be none.
    pub fn new(size: usize) -> Self {
        assert!(size > 0, "a pool needs a thread to do the work");
        Self { size, shared: Arc::default() }
    }

    /// Calls `body` on another thread, and waits for what it returns. Whoever is killed
    /// meanwhile goes on; the call itself cannot be stopped, and nobody gets its result.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread, when no thread can be started, and
    /// with whatever `body` panics with.
    pub fn apply<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        finished(&self.call(body))
    }

    /// Calls it, and gives a greenlet that waits for what it returns.
    ///
    /// # Panics
    ///
    /// As [`apply`](Self::apply), but a panic of `body` goes to whoever joins.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let reply = self.call(body);
        spawn(move || finished(&reply))
    }

    /// Has a thread make the call.
    fn call<T: Send + 'static>(
        &self,
        body: impl FnOnce() -> T + Send + 'static,
    ) -> Arc<Mutex<Reply<T>>> {
        let reply = Arc::new(Mutex::new(Reply { end: None, waker: None }));
        let theirs = Arc::clone(&reply);
        let mut work = lock(&self.shared.work);
        work.calls.push_back(Box::new(move || {
            let end = catch_unwind(AssertUnwindSafe(body));
            let waker = lock(&theirs).finish(end);
            waker.into_iter().for_each(wake);
        }));
        if work.calls.len() > work.idle && work.threads < self.size {
            work.threads += 1;
            let shared = Arc::clone(&self.shared);
            drop(thread::spawn(move || shared.make_calls()));
        }
        self.shared.news.notify_one();
        reply
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        lock(&self.shared.work).is_closed = true;
        self.shared.news.notify_all();
    }
}

impl Shared {
    /// What a thread does, from its beginning to its end.
    fn make_calls(&self) {
        let mut work = lock(&self.work);
        loop {
            if let Some(call) = work.calls.pop_front() {
                drop(work);
                call();
                work = lock(&self.work);
            } else if work.is_closed {
                return;
            } else {
                work.idle += 1;
                work = self.news.wait(work).unwrap_or_else(PoisonError::into_inner);
                work.idle -= 1;
            }
        }
    }
}

impl<T> Reply<T> {
    fn finish(&mut self, end: thread::Result<T>) -> Option<Waker> {
        self.end = Some(end);
        self.waker.take()
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<thread::Result<T>> {
        if let Some(end) = self.end.take() {
            return Poll::Ready(end);
        }
        self.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Waits for a reply.
fn finished<T>(reply: &Mutex<Reply<T>>) -> T {
    let end = block_on(poll_fn(|context| lock(reply).poll(context)));
    end.unwrap_or_else(|panic| resume_unwind(panic))
}

/// No call is made while anything is locked, so whatever panicked has left all in order.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPool").field("size", &self.size).finish_non_exhaustive()
    }
}
