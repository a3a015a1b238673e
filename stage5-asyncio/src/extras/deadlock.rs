//! A loop that nobody can wake any more: it says so, and who waits for what.

use std::fmt::{self, Write};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::debug::{self, count};
use crate::event_loop::{EventLoop, try_current};
use crate::tasks::{self, GivenUp, Step};

/// How many lines of the tree are shown, at the most.
const MANY: usize = 100;

/// A sleep that is about to begin, and that somebody can end.
#[derive(Default)]
pub struct Watch {
    patience: Option<Duration>,
    /// A task that can be woken from outside only, and its waker. It has none itself as long
    /// as the loop sleeps: so the drop of the last one is noticed.
    task: Option<(Rc<dyn Step>, GivenUp)>,
}

/// For engines, before they sleep because nobody is ready: makes sure that somebody can end the
/// sleep, if [`run_until_complete`](EventLoop::run_until_complete) waits for the end. That is a
/// timer; a socket, and what else has a descriptor (a reader, a signal handler, a process); a
/// job on another thread or in another process; somebody outside who has the waker of a task, or
/// a [`RemoteHandle`](crate::extras::remote::RemoteHandle).
///
/// What waits for something of this loop has kept no waker of its task. So whatever clones there
/// are now are outside.
///
/// # Errors
///
/// `Deadlock` if there is nobody.
pub fn watch() -> io::Result<Watch> {
    let Some(event_loop) = try_current().filter(|it| it.0.must_end.get()) else {
        return Ok(Watch::default());
    };
    if event_loop.reactor().is_waited_for() || !event_loop.0.jobs.borrow().is_empty() {
        return Ok(Watch::default());
    }
    while let Some(task) = find_outside(&event_loop) {
        let waker = task.known().give_up_waker();
        let is_outside = waker.is_kept();
        let watch = Watch { patience: None, task: Some((task, waker)) };
        if is_outside {
            return Ok(watch);
        }
    }
    // Whoever gave a waker up has put its task on the list before.
    let remote = event_loop.0.engine.remote();
    if remote.is_abandoned() {
        return Err(io::ErrorKind::Deadlock.into());
    }
    let patience = (!remote.is_empty()).then_some(Duration::ZERO);
    Ok(Watch { patience, task: None })
}

impl Watch {
    /// No sleep, but a look: somebody is ready.
    pub fn busy() -> Self {
        Self { patience: Some(Duration::ZERO), task: None }
    }

    /// How long the sleep may take: no time at all if somebody is ready.
    pub fn patience(&self) -> Option<Duration> {
        self.patience
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((task, waker)) = self.task.take() {
            task.known().take_waker_back(waker);
        }
    }
}

/// A task whose waker is outside.
fn find_outside(event_loop: &EventLoop) -> Option<Rc<dyn Step>> {
    tasks::find_from(&event_loop.0.seen_outside, |task| {
        task.known().is_of(event_loop) && task.known().outside() > 0
    })
}

impl EventLoop {
    /// An error of the reactor. A deadlock is told with the tasks of all who are in it.
    pub(crate) fn explain(&self, error: io::Error) -> io::Error {
        if error.kind() != io::ErrorKind::Deadlock {
            return error;
        }
        let tree = debug::tree(self);
        let wakers = tasks::of(self).iter().map(|task| task.known().outside()).sum();
        let mut text = format!(
            "nobody can wake this loop any more: {} pending, {} outside, {}, {}",
            count(tree.tasks.len(), "task"),
            count(wakers, "waker"),
            count(tree.timers, "timer"),
            count(tree.sockets, "socket"),
        );
        let (jobs, handles) =
            (self.0.jobs.borrow().len(), self.0.engine.remote().handles());
        for (number, what) in [(jobs, "job"), (handles, "handle")] {
            if number > 0 {
                write!(text, ", {}", count(number, what)).expect("a string takes it all");
            }
        }
        let drawn = tree.drawn().to_string();
        for line in drawn.lines().take(MANY) {
            text.extend(["\n", line]);
        }
        if let Some(more) = drawn.lines().count().checked_sub(MANY).filter(|it| *it > 0) {
            write!(text, "\nand {more} more").expect("a string takes it all");
        }
        io::Error::new(io::ErrorKind::Deadlock, text)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("patience", &self.patience).finish_non_exhaustive()
    }
}
