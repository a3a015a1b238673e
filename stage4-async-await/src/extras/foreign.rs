//! A waker that is none of ours, left with something of ours: if it panics, that ends the
//! task in which it was left, and not whoever happens to call it.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Wake, Waker};

use crate::event_loop::is_here;
use crate::extras::remote::Remote;
use crate::extras::report::{bury, guard, report_panic};
use crate::task::{Step, TaskId};

/// `waker`, as `task` may leave it with others.
pub(crate) fn guarded(waker: Waker, task: &Rc<dyn Step>) -> Waker {
    let known = task.known();
    let (task, remote) = (known.id, Arc::clone(&known.reschedule.remote));
    Arc::new(Foreign { waker: Some(waker), task, remote }).into()
}

struct Foreign {
    /// There until the drop.
    waker: Option<Waker>,
    task: TaskId,
    /// Tells the loop of the task.
    remote: Arc<Remote>,
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken = guard(|| self.waker.as_ref().map(Waker::wake_by_ref));
        let Err(panic) = woken else { return };
        match is_here(&self.remote).and_then(|it| it.task(self.task)) {
            Some(task) => task.end(Err(panic)),
            None => report_panic("A waker panicked", &*panic),
        }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        bury(self.waker.take());
    }
}
