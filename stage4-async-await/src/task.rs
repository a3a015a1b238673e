//! A task: a future, and the right to be polled again.

use std::any::type_name;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread;

use reactor::trace::{self, Place};

use crate::cancel::Cancellable;
use crate::extras::deadlock::WaitsFor;
use crate::extras::known::{Known, is_here};
use crate::extras::left::{Leave, tell};
use crate::extras::remote::{Listed, Remote};
use crate::extras::waiter::Waiter;

pub use crate::extras::turn::yield_now;

/// Names a task on its loop. A waker may outlive its task: the number tells the task from
/// the next one in the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) index: u32,
    pub(crate) number: u32,
}

/// A spawned future, and what becomes of it. The loop has it, and so has its handle: for the
/// loop its body is something to [`Step`], for the handle something to [`Join`].
pub(crate) struct Task<B: Step + ?Sized> {
    pub(crate) known: Known,
    pub(crate) body: B,
}

/// A future, in the one place where it stays, and where its output goes.
pub(crate) struct Body<F: Future> {
    /// Gone once it has ended. Not here while it is polled.
    pub(crate) future: Cell<Option<Pin<Box<Cancellable<F>>>>>,
    pub(crate) state: Cell<State<F::Output>>,
}

/// How a future ended: with an output, or without one (it was cancelled), or in a panic.
pub(crate) type End<T> = thread::Result<Option<T>>;

/// Where a task stands, as its handle sees it.
pub(crate) enum State<T> {
    /// It has not ended. Perhaps somebody awaits that.
    Awaited(Option<Waiter>),
    Ended(End<T>),
    /// The handle has given it away.
    Taken,
}

/// The body of a task, whatever its output.
pub(crate) trait Step: Leave {
    /// Polls the future until it ends, or drops it if it has to stop. `Ready`: it has ended.
    fn poll(&self, known: &Known, context: &mut Context<'_>) -> Poll<()>;
}

/// The same, for a handle that wants the output.
pub(crate) trait Join<T>: Step {
    fn state(&self) -> &Cell<State<T>>;
}

impl<F: Future + 'static> Task<Body<F>> {
    /// A task that nobody has woken yet.
    pub(crate) fn new(
        id: TaskId,
        place: Place,
        future: F,
        remote: &Arc<Remote>,
    ) -> Rc<Self> {
        let known = Known::new(id, place, type_name::<F>(), remote);
        let future = Cell::new(Some(Box::pin(Cancellable::new(future))));
        let state = Cell::new(State::Awaited(None));
        Rc::new(Self { known, body: Body { future, state } })
    }
}

impl Task<dyn Step> {
    /// Polls the future once: the one place where a task is resumed. `true`: it is finished.
    #[doc(alias = "__step")]
    pub(crate) fn step(&self) -> bool {
        let own = self.known.own();
        // From here on, a wake counts for the next step.
        own.reschedule.is_queued.store(false, Ordering::Relaxed);
        self.known.waits_for.set(WaitsFor::Unknown);
        let running = trace::resumed(own.reschedule.subject);
        let polled = self.body.poll(&self.known, &mut Context::from_waker(&own.waker));
        running.stopped(polled.is_ready());
        polled.is_ready()
    }
}

impl<F: Future> Step for Body<F> {
    fn poll(&self, known: &Known, context: &mut Context<'_>) -> Poll<()> {
        let mut future = self.future.take().expect("nobody steps what has ended");
        if let Some(stop) = known.must_stop.take() {
            future.as_mut().end(stop.map(|()| None));
        }
        let polled = future.as_mut().poll(context);
        match polled {
            Poll::Ready(end) => {
                drop(future);
                self.finish(known, end);
                Poll::Ready(())
            }
            Poll::Pending => {
                self.future.set(Some(future));
                Poll::Pending
            }
        }
    }
}

impl<F: Future> Body<F> {
    /// Keeps the output for the handle, and tells whoever awaits it.
    pub(crate) fn finish(&self, known: &Known, end: End<F::Output>) {
        tell(&end);
        let before = self.state.replace(State::Ended(end));
        known.is_finished.set(true);
        known.has_output.set(true);
        if let State::Awaited(Some(waiting)) = before {
            waiting.wake();
        }
    }
}

impl<F: Future> Join<F::Output> for Body<F> {
    fn state(&self) -> &Cell<State<F::Output>> {
        &self.state
    }
}

/// To wake a task is to put its name on the ready queue, unless it is there already.
pub(crate) struct Reschedule {
    pub(crate) id: TaskId,
    pub(crate) subject: trace::Id,
    pub(crate) remote: Arc<Remote>,
    /// Set by the first wake, cleared by the step that it leads to. Only the loop's own
    /// thread touches it; a waker has to be `Sync` all the same.
    pub(crate) is_queued: AtomicBool,
    /// The same for the list of those that other threads have woken.
    pub(crate) listed: Listed,
}

impl Wake for Reschedule {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if is_here(&self.remote, |event_loop| event_loop.push(self)).is_none() {
            self.remote.push(self.id, &self.listed);
        }
    }
}

/// Awaits the output of a task. Dropping it lets the task run on.
///
/// Awaiting a task that panicked panics the same way: the panic travels to whoever wanted
/// the result, as an exception does in asyncio. If nobody does, it is
/// [reported](crate::extras::report::on_report).
#[must_use = "a task runs without it, but its output is lost; drop it on purpose"]
pub struct JoinHandle<T>(pub(crate) Rc<Task<dyn Join<T>>>);

impl<T: 'static> JoinHandle<T> {
    /// Whether the task has come to an end, whichever.
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        self.0.known.is_finished.get()
    }

    /// The output of a task that is finished. `None`: it was cancelled.
    pub(crate) fn take(&self) -> Option<T> {
        self.take_end().unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Called by the `.await`, which is the line that waits.
    #[track_caller]
    pub(crate) fn poll_end(&self, context: &Context<'_>) -> Poll<Option<T>> {
        if self.is_finished() {
            return Poll::Ready(self.take());
        }
        self.0.expect_another();
        trace::waits_for(self.0.known.subject());
        trace::waits_at(Place::here());
        self.waits(Some(Waiter::of(context, WaitsFor::Task(self.0.known.number))));
        Poll::Pending
    }
}

impl<T: 'static> Future for JoinHandle<T> {
    type Output = T;

    /// # Panics
    ///
    /// Panics as the task did; in the task itself; if the task was aborted, or its loop ended
    /// before it did.
    #[track_caller]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.poll_end(context).map(|end| {
            end.expect("aborted or cancelled at the end of its loop, it has no output")
        })
    }
}
