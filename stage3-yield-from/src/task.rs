//! A task: a coroutine, and the callback that resumes it.
//!
//! A coroutine is a generator whose yields are futures: "resume me when this is done". Its
//! caller delegates to it with [`yield_from`], so that a yield passes through every caller,
//! up to the task, which is the one who reads it.

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;

use reactor::trace::{self, Place};

use crate::coroutine::{Co, Generator, Step};
use crate::event_loop::{Call, Callback, current};
use crate::extras::cancel::is_cancel;
use crate::extras::lasting::{self, Lasting};
use crate::extras::tasks;
use crate::failure::{Failure, bury, guard};
use crate::future::{AnyFuture, CallbackId, Cancelled, Future, Wait};

pub use crate::extras::errors::AwaitsItself;

/// A function that waits for futures.
pub type Coroutine<R> = Generator<AnyFuture, (), R>;

/// Where a coroutine yields.
pub type Door = Co<AnyFuture, ()>;

thread_local! {
    /// The door of the coroutine that is running; read by `yield_from`.
    static CURRENT: Lasting<Door> = const { Lasting::new() };

    /// Where the task that is running waits next: set by `yield_from`, taken by `park`.
    static WAITS_AT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Makes a coroutine of a body, which may [`yield_from`] others. Nothing of it runs yet.
///
/// ```
/// use stage3_yield_from::{Coroutine, coroutine, run, yield_from};
///
/// fn double(n: u32) -> Coroutine<u32> {
///     coroutine(async move { Ok(2 * n) })
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let forgotten = double(1); // it never begins, and nothing says so
/// let sum = run(coroutine(async {
///     Ok(yield_from(double(2)).await? + yield_from(double(3)).await?)
/// }))?;
/// assert_eq!(sum.unwrap(), 10);
/// # drop(forgotten);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "asyncio.coroutine")]
pub fn coroutine<R: 'static>(
    body: impl std::future::Future<Output = Result<R, Failure>> + 'static,
) -> Coroutine<R> {
    let name = type_name_of_val(&body);
    Generator::new(|co| lasting::with(&CURRENT, co, body)).named(name)
}

/// Waits for `inner`: a coroutine, which then runs as a part of the caller; or a future or
/// another task, which the caller's task then waits for.
///
/// # Errors
///
/// What `inner` fails with, or what is thrown in meanwhile, as by a cancel.
///
/// [`TooDeep`](crate::extras::depth::TooDeep), where Python has a `RecursionError`: each coroutine
/// that is called runs inside its caller, on the same stack. Where that is 2 MiB, as for a thread
/// of std, the smallest of coroutines can be nested 478 deep in a debug build, and 1,783 deep in
/// a release build.
///
/// # Panics
///
/// Panics outside the body of a [`coroutine`].
#[doc(alias = "yield from")]
#[track_caller]
pub fn yield_from<A: Awaitable>(
    inner: A,
) -> impl std::future::Future<Output = Result<A::Output, Failure>> {
    yield_from_at(Place::here(), inner)
}

/// The same, for a caller whose `place` is known already.
pub(crate) async fn yield_from_at<A: Awaitable>(
    place: Place,
    inner: A,
) -> Result<A::Output, Failure> {
    let door = CURRENT.with(Lasting::get).expect(
        "yield_from outside a coroutine: only the body of a `coroutine` can wait",
    );
    trace::waits_at(place);
    WAITS_AT.set(Some(place));
    inner.wait_through(&door).await
}

/// What a coroutine can wait for.
pub trait Awaitable {
    /// What it gives in the end.
    type Output;
    /// Yields through `door` for as long as it takes.
    fn wait_through(
        self,
        door: &Door,
    ) -> impl std::future::Future<Output = Result<Self::Output, Failure>>;
}

/// A coroutine is delegated to (PEP 380).
impl<R> Awaitable for Coroutine<R> {
    type Output = R;

    async fn wait_through(self, door: &Door) -> Result<R, Failure> {
        door.yield_from(&self).await
    }
}

/// A future is what is yielded in the end: `Future.__iter__` of asyncio.
impl<T: Clone + 'static> Awaitable for &Future<T> {
    type Output = T;

    async fn wait_through(self, door: &Door) -> Result<T, Failure> {
        if !self.done() {
            door.yield_(self.erased()).await?;
        }
        self.result()
    }
}

/// A coroutine that runs by itself. Its clones are one task; without any it runs on.
pub struct Task<T: 'static>(pub(crate) Rc<Running<T>>);

pub(crate) struct Running<T: 'static> {
    pub(crate) coroutine: Coroutine<T>,
    pub(crate) subject: trace::Id,
    /// From 1, in the order in which the tasks of a loop were spawned.
    pub(crate) number: u32,
    pub(crate) spawned_at: Place,
    /// Set by the step that ends the coroutine.
    pub(crate) result: Future<T>,
    /// What the coroutine yielded last; cancelled instead of the coroutine.
    pub(crate) waits_for: RefCell<Option<AnyFuture>>,
    /// In which line it did so.
    pub(crate) waits_at: Cell<Option<Place>>,
    /// Set by a cancel that found nothing to cancel: the next step throws it.
    pub(crate) must_cancel: Cell<bool>,
    /// The last cancel that was passed on to what it waits for.
    pub(crate) passed_on: Cell<u64>,
}

/// Starts a task on the running loop. Its first step is in the next turn, never here.
///
/// ```
/// use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};
/// # use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     // Both sleep at the same time.
///     let naps = [1, 2].map(|n| spawn(sleep(Duration::from_millis(n))));
///     for nap in &naps {
///         yield_from(nap).await?;
///     }
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias("create_task", "ensure_future"))]
#[track_caller]
pub fn spawn<T: 'static>(coroutine: Coroutine<T>) -> Task<T> {
    spawn_at(Place::here(), coroutine)
}

/// The same, for a caller whose `place` is known already.
pub(crate) fn spawn_at<T: 'static>(place: Place, coroutine: Coroutine<T>) -> Task<T> {
    let event_loop = current();
    let _place = place.enter();
    let running = Rc::new(Running {
        subject: trace::created(trace::Kind::Task, coroutine.name()),
        number: event_loop.next_number(),
        spawned_at: place,
        coroutine,
        result: Future::new(),
        waits_for: RefCell::default(),
        waits_at: Cell::default(),
        must_cancel: Cell::new(false),
        passed_on: Cell::new(0),
    });
    event_loop.remember(Rc::downgrade(&running) as _);
    event_loop.call_soon(Rc::clone(&running) as _);
    Task(running)
}

/// Resumes a task: the one place where a coroutine goes on. What it yields, it waits for.
#[doc(alias = "__step")]
fn step<T: 'static>(task: &Rc<Running<T>>) {
    if task.done() {
        return; // its loop has left it, and what it waited for was there in the next one
    }
    let before = task.waits_for.take();
    drop(before);
    let _running = lasting::put(&tasks::RUNNING, Rc::clone(task) as _);
    let resumed = guard(|| task.resume());
    let end = match resumed.and_then(|step| step) {
        Ok(Step::Yield(future)) => return park(task, future),
        Ok(Step::Return(value)) => Ok(value),
        Err(failure) => Err(failure),
    };
    let ended = task.result.0.finish(end);
    debug_assert!(ended.is_ok(), "a task ends once");
}

impl<T: 'static> Call for Running<T> {
    fn call(self: Rc<Self>) {
        step(&self);
    }
}

/// Leaves the task with the future it waits for, which will have it resumed.
fn park<T: 'static>(task: &Rc<Running<T>>, future: AnyFuture) {
    future.0.add_done_callback(Rc::clone(task) as _);
    // A coroutine that was cancelled while it ran is cancelled in what it waits for.
    if task.must_cancel.get() && future.cancel() {
        task.must_cancel.set(false);
    }
    task.waits_at.set(WAITS_AT.take());
    task.waits_for.replace(Some(future));
}

impl<T: 'static> Task<T> {
    /// Whether it has come to an end.
    pub fn done(&self) -> bool {
        self.0.result.done()
    }

    /// Asks it to give up: [`Cancelled`] is raised at the yield where it stands, once what it
    /// waits for has been cancelled. It may clean up, and it may refuse. One that is running
    /// hears of it where it waits next; if it returns instead, it ends as cancelled. Says
    /// `false` if it is done.
    ///
    /// ```
    /// use stage3_yield_from::future::Cancelled;
    /// use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};
    /// # use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(coroutine(async {
    ///     let task = spawn(coroutine(async {
    ///         let end = yield_from(sleep(Duration::MAX)).await;
    ///         // What is written here cleans up, and may wait for that.
    ///         end
    ///     }));
    ///     yield_from(sleep(Duration::ZERO)).await?;
    ///     assert!(task.cancel());
    ///     assert!(yield_from(&task).await.unwrap_err().is::<Cancelled>());
    ///     assert!(!task.cancel(), "it is done");
    ///     Ok(())
    /// }))?.unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(&self) -> bool {
        AnyFuture(Rc::clone(&self.0) as _).cancel()
    }
}

impl<T: 'static> Running<T> {
    /// Runs the coroutine up to its next yield, or to its end.
    fn resume(&self) -> Result<Step<AnyFuture, T>, Failure> {
        let running = trace::resumed(self.subject);
        WAITS_AT.set(None);
        let mut step = if self.must_cancel.take() {
            self.coroutine.throw(Cancelled)
        } else {
            self.coroutine.next()
        };
        if matches!(step, Ok(Step::Return(_))) && self.must_cancel.take() {
            // It was cancelled after its last wait. asyncio gives up the value, too.
            bury([mem::replace(&mut step, Err(Cancelled.into()))]);
        }
        match &step {
            Ok(Step::Yield(_)) => running.suspended(),
            end if is_cancel(end) => running.cancelled(),
            _ => running.finished(),
        }
        step
    }
}

impl<T: 'static> Wait for Running<T> {
    fn add_done_callback(&self, callback: Callback) -> CallbackId {
        self.result.0.add_done_callback(callback)
    }

    fn done(&self) -> bool {
        self.result.done()
    }
}
