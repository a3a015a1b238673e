//! A task: a future, and the right to be polled again.

use std::any::{Any, type_name_of_val};
use std::cell::Cell;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread;

use reactor::trace;

use crate::cancel::Exits;
use crate::extras::deadlock::WaitsFor;
use crate::extras::handle::Cancelling;
use crate::extras::known::{Known, is_here};
use crate::extras::remote::{Listed, Remote};
use crate::extras::report::bury;
use crate::extras::waiter::Waiter;

/// Names a task on its loop. A waker may outlive its task: the number tells the task from
/// the next one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) index: usize,
    pub(crate) number: u64,
}

/// A spawned future, and what becomes of it. The loop has it, and so has its handle.
pub(crate) struct Task<T> {
    pub(crate) known: Known,
    /// Gone once it has ended. Not here while it is polled.
    future: Cell<Option<Pin<Box<dyn Future<Output = T>>>>>,
    /// Set by whoever ends the task from outside; read by the next step.
    must_end: Cell<Option<thread::Result<()>>>,
    /// What the future left behind. Not here while they are polled.
    exits: Cell<Exits>,
    /// Set when the future ends; taken by the handle, once the task is finished.
    pub(crate) end: Cell<Option<End<T>>>,
    pub(crate) is_finished: Cell<bool>,
    /// Left by whoever awaits the handle.
    pub(crate) waiting: Cell<Option<Waiter>>,
}

/// How a future ended.
pub(crate) enum End<T> {
    Finished(T),
    Panicked(Box<dyn Any + Send>),
    Cancelled,
}

/// A task, whatever its output.
pub(crate) trait Step {
    /// Polls the future once: the one place where a task is resumed. `true`: it is finished.
    #[doc(alias = "__step")]
    fn step(&self) -> bool;

    /// Has the future dropped by the next step, which is soon: because it is cancelled, or
    /// with a panic that goes to whoever awaits the handle.
    fn end(&self, how: thread::Result<()>);

    /// Drops the future here and now: for the end of the loop.
    fn abandon(&self);

    fn known(&self) -> &Known;
}

impl<T: 'static> Task<T> {
    /// A task that is ready for its first step.
    #[track_caller]
    pub(crate) fn new(
        id: TaskId,
        future: impl Future<Output = T> + 'static,
        remote: Arc<Remote>,
    ) -> Rc<Self> {
        let known = Known::new(id, type_name_of_val(&future), remote);
        known.wake();
        Rc::new(Self {
            known,
            future: Cell::new(Some(Box::pin(future))),
            must_end: Cell::default(),
            exits: Cell::default(),
            end: Cell::default(),
            is_finished: Cell::default(),
            waiting: Cell::default(),
        })
    }

    /// Polls the future until it ends, panics, or has to; then the exits that are left.
    fn poll(&self, context: &mut Context<'_>, exits: &mut Exits) -> Poll<()> {
        let Some(mut future) = self.future.take() else { return exits.poll(context) };
        let end = match self.must_end.take() {
            Some(how) => how.map_or_else(End::Panicked, |()| End::Cancelled),
            None => match exits.left_by(|| future.as_mut().poll(context)) {
                Ok(Poll::Ready(output)) => End::Finished(output),
                Ok(Poll::Pending) => {
                    self.future.set(Some(future));
                    // A part of it may have been dropped: a select's loser.
                    let _ = exits.poll(context);
                    return Poll::Pending;
                }
                Err(panic) => End::Panicked(panic),
            },
        };
        let dropped = exits.left_by(|| drop(future));
        self.end.set(Some(dropped.map_or_else(End::Panicked, |()| end)));
        exits.poll(context)
    }
}

impl<T> Task<T> {
    /// Tells whoever awaits the handle.
    fn finish(&self) {
        let end = self.end.take().unwrap_or(End::Cancelled);
        match end {
            End::Cancelled => trace::cancelled(),
            End::Panicked(_) => trace::panicked(),
            End::Finished(_) => {}
        }
        self.end.set(Some(end));
        self.is_finished.set(true);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }
}

impl<T: 'static> Step for Task<T> {
    fn step(&self) -> bool {
        let own = self.known.own();
        // From here on, a wake counts for the next step.
        own.reschedule.is_queued.store(false, Ordering::Relaxed);
        self.known.waits_for.set(WaitsFor::Unknown);
        let running = trace::resumed(self.known.subject);
        let mut exits = self.exits.take();
        let poll = self.poll(&mut Context::from_waker(&own.waker), &mut exits);
        self.exits.set(exits);
        if poll.is_ready() {
            self.finish();
        }
        running.stopped(poll.is_ready());
        poll.is_ready()
    }

    fn end(&self, how: thread::Result<()>) {
        // The first to say how is heard.
        let first = self.must_end.take().unwrap_or(how);
        self.must_end.set(Some(first));
        self.known.wake_unless(self.is_finished.get());
    }

    fn abandon(&self) {
        bury(self.future.take());
        drop(self.exits.take());
        self.finish();
    }

    fn known(&self) -> &Known {
        &self.known
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
        match is_here(&self.remote) {
            Some(event_loop) => {
                trace::woken(self.subject);
                event_loop.push(self);
            }
            None => self.remote.push(self.id, &self.listed),
        }
    }
}

/// Awaits the output of a task. Dropping it lets the task run on.
///
/// Awaiting a task that panicked panics the same way: the panic travels to whoever wanted
/// the result, as an exception does in asyncio. If nobody does, it is
/// [reported](crate::extras::report::on_report).
#[must_use = "a task runs without it, but its output is lost; drop it on purpose"]
pub struct JoinHandle<T>(pub(crate) Rc<Task<T>>);

impl<T: 'static> JoinHandle<T> {
    /// Whether the task has come to an end, whichever.
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        self.0.is_finished.get()
    }

    /// Cancels the task: its future is dropped at its next step, which is soon, whether the
    /// returned future is awaited or not. Await it to wait for the exits that are left; it
    /// gives the output if the task was faster.
    #[track_caller]
    pub fn cancel(self) -> Cancelling<T> {
        self.0.end(Ok(()));
        Cancelling(self)
    }

    /// The output of a task that is finished. `None`: it was cancelled.
    pub(crate) fn take(&self) -> Option<T> {
        match self.0.end.take() {
            Some(End::Finished(output)) => Some(output),
            Some(End::Panicked(panic)) => resume_unwind(panic),
            Some(End::Cancelled) => None,
            None => panic!("a JoinHandle gives its output once; it was polled again"),
        }
    }

    /// Called by the `.await`, which is the line that waits.
    #[track_caller]
    pub(crate) fn poll_end(&self, context: &Context<'_>) -> Poll<Option<T>> {
        if self.is_finished() {
            return Poll::Ready(self.take());
        }
        let Known { id, subject, .. } = self.0.known;
        trace::waits_for(subject);
        trace::waits_at(trace::Place::here());
        let waiter = Waiter::of(context, WaitsFor::Task(id));
        drop(self.0.waiting.replace(Some(waiter)));
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
        self.0.known.expect_another();
        self.poll_end(context).map(|end| {
            end.expect("aborted or cancelled at the end of its loop, it has no output")
        })
    }
}
