//! What there is to know of a task, whatever its output: who it is, and how to wake it.

use std::cell::{Cell, Ref, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use reactor::trace::{self, Place};

use crate::cancel::Stop;
use crate::event_loop::{CURRENT, EventLoop};
use crate::extras::deadlock::WaitsFor;
use crate::extras::remote::{Errand, Listed, Remote};
use crate::task::{Reschedule, Step, Task, TaskId};

/// What there is to know of a task, whatever its output.
pub(crate) struct Known {
    /// The one of its id, at hand.
    pub(crate) number: u32,
    /// Where it was spawned.
    pub(crate) place: Place,
    /// Noted by what it waits for, in the step it is noted in.
    pub(crate) waits_for: Cell<WaitsFor>,
    /// Set by the loop; read by the handle.
    pub(crate) is_finished: Cell<bool>,
    /// Set at its end; cleared by whoever takes the output.
    pub(crate) has_output: Cell<bool>,
    /// Set by whoever stops the task from outside; read by the next step.
    pub(crate) must_stop: Cell<Option<Box<Stop>>>,
    /// Not here while the loop sleeps and watches it.
    own: RefCell<Option<Own>>,
}

/// A task's own waker.
pub(crate) struct Own {
    pub(crate) reschedule: Arc<Reschedule>,
    /// The same, as the future sees it: made once, cloned by whoever parks.
    pub(crate) waker: Waker,
}

impl Known {
    pub(crate) fn new(
        id: TaskId,
        place: Place,
        name: &'static str,
        remote: &Arc<Remote>,
    ) -> Self {
        let subject = trace::created(trace::Kind::Task, name);
        let own = Own::new(Reschedule::new(id, subject, Arc::clone(remote)));
        Self {
            number: id.number,
            place,
            waits_for: Cell::new(WaitsFor::Unknown),
            is_finished: Cell::default(),
            has_output: Cell::default(),
            must_stop: Cell::default(),
            own: RefCell::new(Some(own)),
        }
    }

    /// Its waker, as long as the loop is awake.
    pub(crate) fn own(&self) -> Ref<'_, Own> {
        Ref::map(self.own.borrow(), |own| own.as_ref().expect("the loop is awake"))
    }

    /// What it is called on its loop.
    pub(crate) fn id(&self) -> TaskId {
        self.own().reschedule.id
    }

    /// What it is called in a recording.
    pub(crate) fn subject(&self) -> trace::Id {
        self.own().reschedule.subject
    }

    /// Has the task stepped, in this turn or the next.
    #[track_caller]
    pub(crate) fn wake(&self) {
        let _caller = Place::here().enter();
        self.own().reschedule.wake_by_ref();
    }

    /// Notes what it waits for. The first to say so in a step is heard: a body that waits,
    /// and not the timeout around it.
    pub(crate) fn note(&self, what: WaitsFor) {
        if self.waits_for.get() == WaitsFor::Unknown {
            self.waits_for.set(what);
        }
    }

    /// How many clones of its waker there are.
    pub(crate) fn outside(&self) -> usize {
        Arc::strong_count(&self.own().reschedule) - Own::COUNT
    }

    /// Leaves the waker to those who have a clone.
    pub(crate) fn give_up_waker(&self) -> GivenUp {
        let own = self.own.take().expect("the loop is awake");
        let Reschedule { id, subject, remote, .. } = &*own.reschedule;
        let (id, subject, remote) = (*id, *subject, Arc::clone(remote));
        GivenUp { kept: Arc::downgrade(&own.reschedule), id, subject, remote }
    }

    /// The same waker, if anybody has kept it; or else a new one.
    pub(crate) fn take_waker_back(&self, given_up: GivenUp) {
        let GivenUp { kept, id, subject, remote } = given_up;
        let new = || Reschedule::new(id, subject, remote);
        self.own.replace(Some(Own::new(kept.upgrade().unwrap_or_else(new))));
    }
}

/// A waker that its task has left to others, and what makes another like it.
pub(crate) struct GivenUp {
    kept: Weak<Reschedule>,
    id: TaskId,
    subject: trace::Id,
    remote: Arc<Remote>,
}

impl GivenUp {
    /// Whether anybody has it.
    pub(crate) fn is_kept(&self) -> bool {
        self.kept.strong_count() > 0
    }
}

impl<B: Step + ?Sized> Task<B> {
    /// Makes sure that the task is not the one that runs, and is about to await it.
    ///
    /// # Panics
    ///
    /// Panics if it is: "Task cannot await on itself" in asyncio.
    pub(crate) fn expect_another(&self) {
        let Reschedule { id, remote, .. } = &*self.known.own().reschedule;
        let is_itself = is_here(remote, |current| current.running.get() == Some(*id));
        assert!(
            is_itself != Some(true),
            "a task cannot await itself: it would wait for its own end, and never come to it"
        );
    }

    /// The line that spawned it.
    pub(crate) fn spawned_at(&self) -> String {
        format!("{}:{}", self.known.place.file(), self.known.place.line())
    }
}

/// Asks the loop that is running on this thread, if any.
pub(crate) fn with_current<R>(ask: impl FnOnce(&EventLoop) -> R) -> Option<R> {
    CURRENT.try_with(|current| current.borrow().as_deref().map(ask)).ok().flatten()
}

/// The task that is being polled on this thread, if any.
pub(crate) fn running() -> Option<Rc<Task<dyn Step>>> {
    with_current(|current| current.task(current.running.get()?))?
}

/// Asks the loop that `remote` leads to, if it is running on this very thread.
pub(crate) fn is_here<R>(
    remote: &Arc<Remote>,
    ask: impl FnOnce(&EventLoop) -> R,
) -> Option<R> {
    with_current(|current| Arc::ptr_eq(&current.remote, remote).then(|| ask(current)))?
}

impl EventLoop {
    /// Does what other threads want: whoever they have woken is put on the ready queue.
    pub(crate) fn hear_others(&self) {
        for errand in self.remote.take() {
            match errand {
                Errand::Wake(id) => {
                    let Some(task) = self.task(id) else { continue };
                    let own = task.known.own();
                    own.reschedule.listed.clear();
                    self.push(&own.reschedule);
                }
                Errand::Call(call) => call(),
            }
        }
    }
}

impl Own {
    /// How often it counts itself.
    const COUNT: usize = 2;

    fn new(reschedule: Arc<Reschedule>) -> Self {
        Self { waker: Waker::from(Arc::clone(&reschedule)), reschedule }
    }
}

impl Reschedule {
    fn new(id: TaskId, subject: trace::Id, remote: Arc<Remote>) -> Arc<Self> {
        let (is_queued, listed) = (AtomicBool::new(false), Listed::default());
        Arc::new(Self { id, subject, remote, is_queued, listed })
    }
}

/// The loop looks up from its sleep: perhaps that was the last who could have ended it.
impl Drop for Reschedule {
    fn drop(&mut self) {
        if is_here(&self.remote, |_| ()).is_none() {
            self.remote.end_sleep();
        }
    }
}

impl<B: Step + ?Sized> fmt::Display for Task<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.known.number)?;
        match trace::function(self.body.name()) {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}
