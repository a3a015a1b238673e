//! What a loop leaves behind: at its end it stops the tasks that are left, and drops whatever
//! does not end by that. Those that were spawned first come first.

use std::any::{Any, type_name};
use std::io;
use std::rc::Rc;

use reactor::trace;

use crate::event_loop::{CURRENT, EventLoop, try_current};
use crate::extras::known::Known;
use crate::extras::report::bury;
use crate::task::{Body, End, State, Step, Task};

/// What the end of a loop, or of all who have the task, does with its body.
pub(crate) trait Leave {
    /// Drops the future here and now: for the end of the loop.
    fn abandon(&self, known: &Known);

    /// Drops the output that nobody has taken. A panic is given back.
    fn forget(&self) -> Option<Box<dyn Any + Send>>;

    /// The type of the future, which has the function's name in it.
    fn name(&self) -> &'static str;
}

impl<F: Future> Leave for Body<F> {
    fn abandon(&self, known: &Known) {
        bury(self.future.take());
        self.finish(known, Ok(None));
    }

    fn forget(&self) -> Option<Box<dyn Any + Send>> {
        match self.state.replace(State::Taken) {
            State::Ended(Err(panic)) => return Some(panic),
            State::Ended(Ok(output)) => bury(output),
            State::Awaited(_) | State::Taken => {}
        }
        None
    }

    fn name(&self) -> &'static str {
        type_name::<F>()
    }
}

/// Says in a recording how a task has ended.
pub(crate) fn tell<T>(end: &End<T>) {
    match end {
        Ok(Some(_)) => {}
        Ok(None) => trace::cancelled(),
        Err(_) => trace::panicked(),
    }
}

impl EventLoop {
    /// Cancels every task there is, and turns until their exits are over.
    pub(crate) fn cancel_all(&self) -> io::Result<()> {
        let tasks = self.in_order();
        tasks.iter().for_each(|task| task.stop(Ok(())));
        let mut left: Vec<_> = tasks.iter().map(|task| task.known.id()).collect();
        drop(tasks);
        // One that is over is not asked for again.
        self.run_until(|| {
            while left.pop_if(|id| self.task(*id).is_none()).is_some() {}
            left.is_empty()
        })
    }

    /// Drops the tasks that are left, and what waits for them. `false`: there were none.
    fn drop_left(&self) -> bool {
        let left = self.in_order();
        drop(self.tasks.take());
        left.iter().for_each(|task| task.body.abandon(&task.known));
        !left.is_empty()
    }

    /// The tasks, in the order in which they were spawned.
    fn in_order(&self) -> Vec<Rc<Task<dyn Step>>> {
        let mut tasks: Vec<_> =
            self.tasks.borrow().iter().map(|(_, task)| Rc::clone(task)).collect();
        tasks.sort_by_key(|task| task.known.number);
        tasks
    }
}

/// Makes a loop current; dropping it ends that, and before it the tasks that are left.
pub(crate) struct Entered(Rc<EventLoop>);

impl Entered {
    pub(crate) fn enter(event_loop: &Rc<EventLoop>) -> Self {
        assert!(
            try_current().is_none(),
            "run() cannot be called from a running event loop: await the future instead"
        );
        CURRENT.set(Some(Rc::clone(event_loop)));
        Self(Rc::clone(event_loop))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // What is left owns sockets and timers of this loop, which must still be current. It
        // may start tasks, and leave exits behind, even as it is dropped.
        bury(self.0.remote.close());
        while self.0.drop_left() {}
        CURRENT.set(None);
    }
}
