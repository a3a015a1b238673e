//! A waker that is none of ours, left with something of ours: if it panics, that ends the
//! task in which it was left, and not whoever happens to call it.

use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::extras::known::is_here;
use crate::extras::remote::Remote;
use crate::extras::report::{bury, guard, report_panic};
use crate::task::{Step, Task, TaskId};

/// `waker`, as it may be left with others by `task`, or outside of all tasks.
pub(crate) fn guarded(waker: Waker, task: Option<&Task<dyn Step>>) -> Waker {
    let task = task.map(|task| {
        let own = task.known.own();
        (own.reschedule.id, Arc::clone(&own.reschedule.remote))
    });
    Arc::new(Foreign { waker: Some(waker), task }).into()
}

struct Foreign {
    /// There until the drop.
    waker: Option<Waker>,
    /// Ended by a panic of the waker: the task, and the way to its loop.
    task: Option<(TaskId, Arc<Remote>)>,
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = guard(|| self.waker.as_ref().map(Waker::wake_by_ref));
        let Err(panic) = woken else { return };
        let task = self.task.as_ref();
        match task.and_then(|(id, remote)| is_here(remote, |it| it.task(*id))?) {
            Some(task) => task.stop(Err(panic)),
            None => report_panic("A waker panicked", &*panic),
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        bury(self.waker.take());
    }
}
