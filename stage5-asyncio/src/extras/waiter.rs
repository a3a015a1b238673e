//! Whoever waits for something inside of the loop: a task, by its name, if it is one of ours.
//!
//! A waker can be anywhere, and on any thread. Of a task's, none is left with anybody inside of
//! the loop; so the loop can tell whether anybody outside still has one.

use std::task::{Context, Waker};

use crate::events::wake;
use crate::tasks::{self, TaskId};

/// Whoever is to be polled again.
#[derive(Clone, Debug)]
pub(crate) enum Waiter {
    /// The task that was running, polled with its own waker.
    Task(TaskId),
    /// Something inside of a task, or outside of all loops, that has a waker of its own.
    Other(Waker),
}

impl Waiter {
    /// Whoever is polled with `context`.
    pub(crate) fn of(context: &Context<'_>) -> Self {
        tasks::polled_with(context)
            .map_or_else(|| Self::Other(context.waker().clone()), Self::Task)
    }

    /// Whether it is sure to be who is polled with `context`.
    pub(crate) fn is(&self, context: &Context<'_>) -> bool {
        match self {
            Self::Task(id) => tasks::polled_with(context) == Some(*id),
            Self::Other(waker) => waker.will_wake(context.waker()),
        }
    }

    #[track_caller]
    pub(crate) fn wake(self) {
        match self {
            Self::Task(id) => tasks::wake(id),
            Self::Other(waker) => wake(waker),
        }
    }
}
