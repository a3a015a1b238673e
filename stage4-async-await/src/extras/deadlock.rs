//! A loop that nobody can wake any more: it says so, and who waits for what.

use std::fmt::Write;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::event_loop::EventLoop;
use crate::extras::known::GivenUp;
use crate::task::{Step, Task};

/// How many tasks are told of, at the most.
const MANY: usize = 100;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitsFor {
    /// Whatever the loop does not know.
    Unknown,
    Clock,
    Socket,
    /// Something that tasks share, by its name.
    Shared(&'static str),
    /// The one of that number.
    Task(u32),
}

/// A sleep that is about to begin, and that somebody can end.
pub(crate) struct Watch {
    /// How long it may take: no time at all if somebody is ready.
    pub(crate) patience: Option<Duration>,
    /// A task that can be woken from outside only, and its waker. It has none itself as long
    /// as the loop sleeps: so the drop of the last one is noticed.
    task: Option<(Rc<Task<dyn Step>>, GivenUp)>,
}

impl EventLoop {
    /// Makes sure that somebody can end the sleep that is about to begin: whoever is ready, a
    /// timer, a socket, or somebody outside who has a task's waker or a handle.
    ///
    /// What waits for a task or for a permit of this loop has kept no waker. So whatever
    /// clones there are now are outside.
    ///
    /// # Errors
    ///
    /// `Deadlock`, which names the tasks.
    pub(crate) fn watch(&self) -> io::Result<Watch> {
        if !self.ready.borrow().is_empty() {
            return Ok(Watch { patience: Some(Duration::ZERO), task: None });
        }
        if self.reactor.is_waited_for() {
            return Ok(Watch { patience: None, task: None });
        }
        while let Some(task) = self.find_outside() {
            let waker = task.known.give_up_waker();
            let is_outside = waker.is_kept();
            let watch = Watch { patience: None, task: Some((task, waker)) };
            if is_outside {
                return Ok(watch);
            }
        }
        // Whoever gave a waker up has put its task on the list before.
        if self.remote.is_abandoned() {
            return Err(self.explain(io::ErrorKind::Deadlock.into()));
        }
        let patience = (!self.remote.is_empty()).then_some(Duration::ZERO);
        Ok(Watch { patience, task: None })
    }

    /// A task whose waker is outside. It begins where it found one last time, so that many
    /// tasks cost little.
    fn find_outside(&self) -> Option<Rc<Task<dyn Step>>> {
        let tasks = self.tasks.borrow();
        let last = self.seen_outside.get();
        let mut places = (last..tasks.capacity()).chain(0..last);
        let found = places.find_map(|place| {
            let task = tasks.get(place)?;
            (task.known.outside() > 0).then(|| (place, Rc::clone(task)))
        });
        let (place, task) = found?;
        self.seen_outside.set(place);
        Some(task)
    }

    /// An error of the reactor. A deadlock is told with the names of all who are in it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::Deadlock {
            return error;
        }
        let tasks = self.tasks.borrow();
        let mut pending: Vec<_> = tasks.iter().map(|(_, task)| task).collect();
        pending.sort_by_key(|task| task.known.number);
        let (timers, sockets) = (self.reactor.timers(), self.reactor.waiters());
        let wakers: usize = pending.iter().map(|task| task.known.outside()).sum();
        let mut text = format!(
            "nobody can wake this loop any more: {} pending, {} outside, {}, {}",
            count(pending.len(), "task"),
            count(wakers.saturating_sub(timers + sockets), "waker"),
            count(timers, "timer"),
            count(sockets, "socket"),
        );
        let handles = self.remote.handles();
        if handles > 0 {
            write!(text, ", {}", count(handles, "handle"))
                .expect("a string takes it all");
        }
        for task in pending.iter().take(MANY) {
            let (place, what) =
                (task.spawned_at(), self.name(task.known.waits_for.get()));
            write!(text, "\n  {task}, spawned at {place}, waits for {what}")
                .expect("a string takes it all");
        }
        if let Some(more) = pending.len().checked_sub(MANY).filter(|more| *more > 0) {
            write!(text, "\n  and {more} more").expect("a string takes it all");
        }
        io::Error::new(io::ErrorKind::Deadlock, text)
    }

    fn name(&self, what: WaitsFor) -> String {
        match what {
            WaitsFor::Unknown => "something unknown".to_owned(),
            WaitsFor::Clock => "the clock".to_owned(),
            WaitsFor::Socket => "a socket".to_owned(),
            WaitsFor::Shared(name) => name.to_owned(),
            WaitsFor::Task(number) => {
                let tasks = self.tasks.borrow();
                let mut tasks = tasks.iter().map(|(_, task)| task);
                let found = tasks.find(|task| task.known.number == number);
                found.map_or("a task of another loop".to_owned(), ToString::to_string)
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((task, waker)) = self.task.take() {
            task.known.take_waker_back(waker);
        }
    }
}

/// `1 timer`, `2 timers`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
