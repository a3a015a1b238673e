//! A task: a future, and the right to be polled again.

use std::any::{Any, type_name_of_val};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use reactor::{trace, wake};

use crate::cancel::{cancellable, guard};
use crate::event_loop::ReadyQueue;

/// Names a task on its loop. A waker may outlive its task: the number tells the task from
/// the next one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId {
    pub(crate) index: usize,
    pub(crate) number: u64,
}

/// A spawned future, whose output goes to its handle.
pub(crate) struct Task {
    future: RefCell<Pin<Box<dyn Future<Output = ()>>>>,
    reschedule: Arc<Reschedule>,
    /// The same, as the future sees it: made once, cloned by whoever parks.
    waker: Waker,
    /// Set by whoever cancels; read by the future, at its next step.
    cancelled: Rc<Cell<bool>>,
}

impl Task {
    /// A task that is ready for its first step.
    #[track_caller]
    pub(crate) fn new<T: 'static>(
        id: TaskId,
        future: impl Future<Output = T> + 'static,
        ready: Arc<ReadyQueue>,
    ) -> (Self, JoinHandle<T>) {
        let subject = trace::created(trace::Kind::Task, type_name_of_val(&future));
        let queued = AtomicBool::new(false);
        let reschedule = Arc::new(Reschedule { id, subject, ready, queued });
        let waker = Waker::from(Arc::clone(&reschedule));
        let cancelled = Rc::new(Cell::new(false));
        let state = Rc::new(RefCell::new(State::Running(None)));
        let handle = JoinHandle {
            state: Rc::clone(&state),
            cancelled: Rc::clone(&cancelled),
            task: waker.clone(),
            subject,
        };
        let future =
            RefCell::new(Box::pin(finish(future, Rc::clone(&cancelled), state)) as _);
        wake(waker.clone());
        (Self { future, reschedule, waker, cancelled }, handle)
    }

    /// Polls the future once: the one place where a task is resumed. `true`: it is finished.
    #[doc(alias = "__step")]
    pub(crate) fn step(&self) -> bool {
        // From here on, a wake counts for the next step.
        self.reschedule.queued.store(false, Ordering::Release);
        let mut context = Context::from_waker(&self.waker);
        let running = trace::resumed(self.reschedule.subject);
        let poll = || self.future.borrow_mut().as_mut().poll(&mut context).is_ready();
        // What panics here is not the body, but an output that nobody wants, as it is dropped.
        let finished = guard(poll).unwrap_or(true);
        running.stopped(finished);
        finished
    }

    /// Drops the future at its next step, which is soon.
    pub(crate) fn cancel(&self) {
        self.cancelled.set(true);
        wake(self.waker.clone());
    }
}

/// Runs `future` and tells the handle how it ended. A panic ends this task and no other:
/// it goes to whoever awaits the handle.
async fn finish<T>(
    future: impl Future<Output = T>,
    cancelled: Rc<Cell<bool>>,
    state: Rc<RefCell<State<T>>>,
) {
    let end = match cancellable(future, &cancelled).await {
        Ok(output) => output.map_or(State::Cancelled, State::Finished),
        Err(panic) => State::Panicked(panic),
    };
    match end {
        State::Cancelled => trace::cancelled(),
        State::Panicked(_) => trace::panicked(),
        _ => {}
    }
    let before = state.replace(end);
    if let State::Running(Some(waiting)) = before {
        wake(waiting);
    }
}

/// To wake a task is to put its name on the ready queue, unless it is there already.
struct Reschedule {
    id: TaskId,
    subject: trace::Id,
    ready: Arc<ReadyQueue>,
    /// Set by the first wake, cleared by the step that it leads to.
    queued: AtomicBool,
}

impl Wake for Reschedule {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            trace::woken(self.subject);
            self.ready.push(self.id);
        }
    }
}

/// Where a task stands, as its handle sees it.
enum State<T> {
    /// It has not finished; perhaps somebody awaits it.
    Running(Option<Waker>),
    Finished(T),
    Panicked(Box<dyn Any + Send>),
    Cancelled,
    /// The handle has given the output away.
    Taken,
}

/// Awaits the output of a task. Dropping it lets the task run on.
///
/// Awaiting a task that panicked panics the same way: the panic travels to whoever wanted
/// the result, as an exception does in asyncio. If nobody does, the panic hook's message is
/// all that is left of it.
#[must_use = "a task runs without it, but its output is lost; drop it on purpose"]
pub struct JoinHandle<T> {
    state: Rc<RefCell<State<T>>>,
    cancelled: Rc<Cell<bool>>,
    task: Waker,
    subject: trace::Id,
}

impl<T> JoinHandle<T> {
    /// Whether the task has come to an end, whichever.
    #[doc(alias = "done")]
    pub fn is_finished(&self) -> bool {
        !matches!(*self.state.borrow(), State::Running(_))
    }

    /// Cancels the task: its future is dropped at its next step, which is soon, whether the
    /// returned future is awaited or not. Await it to wait for the exits that are left; it
    /// gives the output if the task was faster.
    #[track_caller]
    pub fn cancel(mut self) -> impl Future<Output = Option<T>> {
        self.cancelled.set(true);
        wake(self.task.clone());
        poll_fn(move |context| self.poll_end(context))
    }

    /// The output, if the task has come to its end: `None` inside if it was cancelled.
    pub(crate) fn output(&mut self) -> Option<T> {
        match self.poll_end(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(end) => end,
            Poll::Pending => None,
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut state = self.state.borrow_mut();
        if let State::Running(waiting) = &mut *state {
            trace::waits_for(self.subject);
            let displaced = waiting.replace(context.waker().clone());
            drop(state);
            drop(displaced);
            return Poll::Pending;
        }
        let end = std::mem::replace(&mut *state, State::Taken);
        drop(state);
        match end {
            State::Finished(output) => Poll::Ready(Some(output)),
            State::Panicked(panic) => resume_unwind(panic),
            State::Cancelled => Poll::Ready(None),
            State::Running(_) | State::Taken => {
                panic!(
                    "a JoinHandle gives its output once; it was polled again after that"
                )
            }
        }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.poll_end(context).map(|end| {
            end.expect("to cancel a task through its handle is to give the handle up")
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}
