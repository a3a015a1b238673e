//! What there is to know of a task, whatever its output: who it is, and how to wake it.

use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;

use reactor::trace::{self, Place};
use reactor::wake;

use crate::event_loop::running;
use crate::extras::deadlock::WaitsFor;
use crate::extras::remote::{Listed, Remote};
use crate::task::{Reschedule, TaskId};

/// What there is to know of a task, whatever its output.
pub(crate) struct Known {
    pub(crate) id: TaskId,
    pub(crate) subject: trace::Id,
    /// The type of its future, which has the function's name in it.
    name: &'static str,
    /// Where it was spawned.
    place: Place,
    /// Noted by what it waits for, in the step it is noted in.
    pub(crate) waits_for: Cell<WaitsFor>,
    pub(crate) reschedule: Arc<Reschedule>,
    /// The same, as the future sees it: made once, cloned by whoever parks.
    pub(crate) waker: Waker,
}

impl Known {
    #[track_caller]
    pub(crate) fn new(id: TaskId, name: &'static str, remote: Arc<Remote>) -> Self {
        let subject = trace::created(trace::Kind::Task, name);
        let (is_queued, listed) = (AtomicBool::new(false), Listed::default());
        let reschedule = Arc::new(Reschedule { id, subject, remote, is_queued, listed });
        let (place, waits_for) = (Place::here(), Cell::new(WaitsFor::Outside));
        let waker = Waker::from(Arc::clone(&reschedule));
        Self { id, subject, name, place, waits_for, reschedule, waker }
    }

    /// Has the task stepped, in this turn or the next.
    #[track_caller]
    pub(crate) fn wake(&self) {
        wake(self.waker.clone());
    }

    /// Whether anybody but the task itself has a waker of it.
    pub(crate) fn is_outside(&self) -> bool {
        Arc::strong_count(&self.reschedule) > 2
    }

    /// Makes sure that the task is not the one that runs, and is about to await it.
    ///
    /// # Panics
    ///
    /// Panics if it is: "Task cannot await on itself" in asyncio.
    pub(crate) fn expect_another(&self) {
        let is_itself = running().is_some_and(|task| ptr::eq(task.known(), self));
        assert!(
            !is_itself,
            "a task cannot await itself: it would wait for its own end, and never come to it"
        );
    }

    /// The line that spawned it.
    pub(crate) fn spawned_at(&self) -> String {
        format!("{}:{}", self.place.file(), self.place.line())
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id.number)?;
        match trace::function(self.name) {
            Some(name) => write!(f, " ({name})"),
            None => Ok(()),
        }
    }
}
