//! A loop that nobody can wake any more: it says so, and who waits for what.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use crate::event_loop::EventLoop;
use crate::task::TaskId;

/// What a task waits for, as far as it has told the loop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WaitsFor {
    /// Something outside: the kernel, the clock, or whatever the loop does not know.
    Outside,
    Semaphore,
    Task(TaskId),
}

impl EventLoop {
    /// How long the loop may sleep: not at all if somebody is ready, else until somebody
    /// outside ends the sleep. There has to be somebody who can.
    ///
    /// Each clone of a task's waker can: those that wait for sockets and timers, and those
    /// that are anywhere else, on any thread. What waits for a task or for a permit of this
    /// loop has kept no clone.
    ///
    /// # Errors
    ///
    /// `Deadlock`, which names every task.
    pub(crate) fn patience(&self) -> io::Result<Option<Duration>> {
        if !self.ready.borrow().is_empty() {
            return Ok(Some(Duration::ZERO));
        }
        let has_waiter = || self.reactor.timers() + self.reactor.waiters() > 0;
        // In this order: whoever gave its waker up has put the task on the list before.
        if self.is_known_outside() || has_waiter() || !self.remote.is_empty() {
            return Ok(None);
        }
        Err(io::Error::new(io::ErrorKind::Deadlock, self.tell_all()))
    }

    /// Whether any task's waker is outside. It begins where it found one last time, so that
    /// many tasks cost little.
    fn is_known_outside(&self) -> bool {
        let tasks = self.tasks.borrow();
        let last = self.seen_outside.get();
        let mut places = (last..tasks.capacity()).chain(0..last);
        let found = places.find(|place| {
            tasks.get(*place).is_some_and(|(_, task)| task.known().is_outside())
        });
        self.seen_outside.set(found.unwrap_or(0));
        found.is_some()
    }

    fn tell_all(&self) -> String {
        let tasks = self.tasks.borrow();
        let mut left: Vec<_> = tasks.iter().map(|(_, (_, task))| task.known()).collect();
        left.sort_by_key(|known| known.id.number);
        let count = left.len();
        let s = if count == 1 { "" } else { "s" };
        let mut text = format!(
            "nobody can wake this loop any more: {count} task{s} pending, 0 wakers outside, \
             0 timers, 0 sockets"
        );
        for known in left {
            let (place, what) = (known.spawned_at(), self.tell(known.waits_for.get()));
            write!(text, "\n  {known}, spawned at {place}, waits for {what}")
                .expect("a string takes it all");
        }
        text
    }

    fn tell(&self, what: WaitsFor) -> String {
        match what {
            WaitsFor::Outside => "something unknown".to_owned(),
            WaitsFor::Semaphore => "a semaphore".to_owned(),
            WaitsFor::Task(id) => match self.tasks.borrow().get(id.index) {
                Some((found, task)) if *found == id => task.known().to_string(),
                _ => "a task of another loop".to_owned(),
            },
        }
    }
}
