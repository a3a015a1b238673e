//! What a loop leaves behind: it keeps its tasks in mind, and at its end it closes those that
//! are left.

use std::rc::{Rc, Weak};

use crate::event_loop::{CURRENT, EventLoop, try_current};
use crate::extras::deadlock;
use crate::extras::deadlock::Told;
use crate::failure::{bury, guard, report};
use crate::future::{Cancelled, Wait};
use crate::task::Running;

/// How often the end of a loop drops what is left, and what that has left in its turn.
const ROUNDS: u32 = 1000;

/// A task that the end of its loop leaves behind.
pub(crate) trait Leave: Wait {
    /// Closes the coroutine, and lets go of what it waits for and of who waits for it: they
    /// keep each other. It has ended then, as if it had been cancelled.
    fn leave(&self);
    /// Who it is and what it waits for, in words, unless it has ended.
    fn pending(&self) -> Option<String>;
}

impl<T: 'static> Leave for Running<T> {
    fn leave(&self) {
        if let Err(failure) = guard(|| self.coroutine.close()).and_then(|closed| closed) {
            report(format_args!("Error while a task was closed: {failure}"));
        }
        bury(self.waits_for.take());
        bury(self.result.forget_callbacks().all());
        // Unless it has ended before.
        let _ = self.result.0.finish(Err(Cancelled.into()));
    }

    fn pending(&self) -> Option<String> {
        let what = self.waits_for.borrow().as_ref().map(|it| it.0.what());
        let told =
            deadlock::waits(&self.what(), self.spawned_at, what, self.waits_at.get());
        Some(told).filter(|_| !self.done())
    }
}

impl EventLoop {
    /// The number of a new task, from 1.
    pub(crate) fn next_number(&self) -> u32 {
        self.spawned.set(self.spawned.get() + 1);
        self.spawned.get()
    }

    /// Keeps a task in mind for the end of the loop; forgets those that are gone, whenever
    /// they have become half of all.
    pub(crate) fn remember(&self, task: Weak<dyn Leave>) {
        let mut tasks = self.tasks.borrow_mut();
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| task.strong_count() > 0);
            let live = tasks.len();
            tasks.reserve(live.max(16));
        }
        tasks.push(task);
    }

    /// Drops all that is left. It may own sockets and timers of this loop, which is still current
    /// then. It may call the loop once more, even as it is dropped; whoever never ends is told,
    /// after a while, that there is no loop any more.
    pub(crate) fn drop_all(&self, leave: impl FnOnce()) {
        let is_left = (0..ROUNDS).all(|_| self.drop_left());
        bury(self.mailbox.close());
        leave();
        if is_left {
            self.drop_left();
        }
    }

    /// Closes the tasks, and drops them and the callbacks that are left. `false`: there were
    /// none.
    fn drop_left(&self) -> bool {
        let tasks = self.tasks.take();
        let tasks: Vec<_> = tasks.iter().filter_map(Weak::upgrade).collect();
        tasks.iter().for_each(|task| task.leave());
        let (ready, remote) = (bury(self.ready.take()), bury(self.mailbox.take()));
        bury(tasks) + ready + remote + bury(self.reactor.take_all()) > 0
    }
}

/// Makes a loop current; dropping it ends that, and before it the callbacks that are left.
pub(crate) struct Entered(Rc<EventLoop>);

impl Entered {
    pub(crate) fn enter(event_loop: &Rc<EventLoop>) -> Self {
        assert!(
            try_current().is_none(),
            "run() cannot be called from a running event loop: yield_from the coroutine instead"
        );
        CURRENT.with(|it| it.replace(Some(Rc::clone(event_loop))));
        Self(Rc::clone(event_loop))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.drop_all(|| drop(CURRENT.with(|it| it.replace(None))));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reactor::backend::{self, Clockwork};

    use crate::event_loop::current;
    use crate::time::sleep;
    use crate::{coroutine, run, spawn, yield_from};

    // A weak reference keeps the room of a task, though not the task.
    #[test]
    fn a_loop_does_not_keep_all_the_tasks_that_it_ever_had_in_mind() {
        let main = coroutine(async {
            for _ in 0..1000 {
                spawn(coroutine(async { Ok(()) }));
                yield_from(sleep(Duration::ZERO)).await?;
            }
            let kept = current().tasks.borrow().len();
            assert!(kept < 100, "{kept} are kept");
            Ok(())
        });
        let ended = backend::scope(Clockwork::new(), || run(main));
        ended.expect("it has a clock").expect("it forgets them");
    }
}
