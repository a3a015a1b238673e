//! Whoever waits for another task: that task itself, if it is one of this loop.
//!
//! A waker can be anywhere and on any thread; inside of the loop none is left with anybody. So
//! the loop can tell whether anybody outside still has one.

use std::rc::Rc;
use std::task::{Context, Waker};

use reactor::wake_by_ref;

use crate::extras::deadlock::WaitsFor;
use crate::extras::foreign::guarded;
use crate::extras::join_set::Ended;
use crate::extras::known::running;
use crate::task::{Step, Task};

/// Whoever is to be polled again.
pub(crate) enum Waiter {
    /// The task that was running, polled with its own waker.
    Task(Rc<Task<dyn Step>>),
    /// Something inside of a task, or outside of all loops, that has a waker of its own.
    Other(Waker),
    /// A set of tasks, which is told which of its members has ended.
    Set(Rc<Ended>, usize),
}

impl Waiter {
    /// Whoever is polled with `context`, and is going to wait for `what`.
    pub(crate) fn of(context: &Context<'_>, what: WaitsFor) -> Self {
        let (waker, task) = (context.waker(), running());
        if let Some(task) = &task {
            task.known.note(what);
        }
        match task {
            Some(task) if task.known.own().waker.will_wake(waker) => Self::Task(task),
            task => Self::Other(guarded(waker.clone(), task.as_deref())),
        }
    }

    /// Whether it is sure to be who is polled with `context`.
    pub(crate) fn is(&self, context: &Context<'_>) -> bool {
        let Self::Task(task) = self else { return false };
        task.known.own().waker.will_wake(context.waker())
    }

    /// What the reactor is given.
    pub(crate) fn waker(&self) -> Waker {
        match self {
            Self::Task(task) => task.known.own().waker.clone(),
            Self::Other(waker) => waker.clone(),
            Self::Set(..) => unreachable!("a set waits at handles only"),
        }
    }

    #[track_caller]
    pub(crate) fn wake(self) {
        match self {
            Self::Task(task) => task.known.wake(),
            Self::Other(waker) => wake_by_ref(&waker),
            Self::Set(set, member) => set.add(member),
        }
    }
}
