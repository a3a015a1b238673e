//! Something that has happened or has not, and that many may wait for.

use std::cell::Cell;
use std::fmt;

use reactor::trace;

use crate::extras::queue::{Counter, Queue, Queued};

/// A flag that tasks wait for: Python's `asyncio.Event`.
///
/// ```
/// use std::rc::Rc;
/// use stage4_async_await::{extras::sync::Event, run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let started = Rc::new(Event::new());
///     let event = Rc::clone(&started);
///     let waits = spawn(async move { event.wait().await });
///     started.set();
///     waits.await;
/// })
/// # }
/// ```
pub struct Event {
    /// Written by `set` and `clear`.
    is_set: Cell<bool>,
    queue: Queue<()>,
}

impl Event {
    /// One that has not happened yet.
    pub fn new() -> Self {
        Self { is_set: Cell::new(false), queue: Queue::new() }
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Sets it, and lets everybody go who waits now, even if it is cleared before they run.
    #[track_caller]
    pub fn set(&self) {
        self.is_set.set(true);
        self.queue.serve_all(|| ());
    }

    /// Whoever comes from now on has to wait.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Waits until it is set; not at all if it is.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = ()> {
        let at = trace::Place::here();
        async move {
            if !self.is_set() {
                Queued::new(self, at).await;
            }
        }
    }
}

impl Counter for Event {
    type Ware = ();
    const NAME: &'static str = "an event";

    fn queue(&self) -> &Queue<()> {
        &self.queue
    }

    /// It has happened for the others all the same.
    fn take_back(&self, (): ()) {}
}

impl Default for Event {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}
