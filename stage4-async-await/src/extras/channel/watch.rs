//! A value that changes, of which only the latest counts: a configuration, a progress.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;

use reactor::trace;

use super::Closed;
use crate::extras::queue::{Counter, Queue, Queued};

/// Makes the two ends, and the first value, which all have seen.
///
/// ```
/// use stage4_async_await::{extras::channel::watch, run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let (sender, mut receiver) = watch::channel("starting");
///     let told = spawn(async move {
///         receiver.changed().await.unwrap();
///         receiver.latest()
///     });
///     sender.send("loading");
///     sender.send("ready");
///     assert_eq!(*told.await, "ready");
/// })
/// # }
/// ```
pub fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(Shared {
        latest: RefCell::new(Rc::new(first)),
        version: Cell::new(0),
        queue: Queue::new(),
        has_sender: Cell::new(true),
        receivers: Cell::new(1),
    });
    let receiver = Receiver { shared: Rc::clone(&shared), seen: 0 };
    (Sender(shared), receiver)
}

struct Shared<T> {
    /// Replaced, never changed: whoever looks at one may keep it.
    latest: RefCell<Rc<T>>,
    /// How often it was replaced.
    version: Cell<u64>,
    queue: Queue<()>,
    has_sender: Cell<bool>,
    receivers: Cell<usize>,
}

impl<T> Shared<T> {
    fn latest(&self) -> Rc<T> {
        Rc::clone(&self.latest.borrow())
    }
}

impl<T> Counter for Shared<T> {
    type Ware = ();
    const NAME: &'static str = "a change";

    fn queue(&self) -> &Queue<()> {
        &self.queue
    }

    /// Each receiver knows for itself what it has seen.
    fn take_back(&self, (): ()) {}
}

/// Sets the value. Dropped, it tells all receivers that there will be no other.
pub struct Sender<T>(Rc<Shared<T>>);

impl<T> Sender<T> {
    /// Replaces the value, and wakes all who wait for a change.
    #[track_caller]
    pub fn send(&self, value: T) {
        let before = self.0.latest.replace(Rc::new(value));
        drop(before);
        self.0.version.set(self.0.version.get() + 1);
        self.0.queue.serve_all(|| ());
    }

    /// The value.
    pub fn latest(&self) -> Rc<T> {
        self.0.latest()
    }

    /// Another receiver, which has seen the value that there is now.
    pub fn subscribe(&self) -> Receiver<T> {
        self.0.receivers.set(self.0.receivers.get() + 1);
        Receiver { shared: Rc::clone(&self.0), seen: self.0.version.get() }
    }

    /// How many receivers there are.
    pub fn receivers(&self) -> usize {
        self.0.receivers.get()
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.has_sender.set(false);
        self.0.queue.serve_all(|| ());
    }
}

/// Looks at the value, and waits for changes. A clone has seen what this one has.
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The version that was looked at last.
    seen: u64,
}

impl<T> Receiver<T> {
    /// The value, which counts as seen from now on. It is a snapshot: it may be kept across
    /// awaits, and is not in the sender's way.
    pub fn latest(&mut self) -> Rc<T> {
        self.seen = self.shared.version.get();
        self.shared.latest()
    }

    /// Whether there is a value that was not seen.
    pub fn has_changed(&self) -> bool {
        self.seen != self.shared.version.get()
    }

    /// Waits for a value that was not seen, and counts it as seen. Of several changes at
    /// once, one is told.
    ///
    /// # Errors
    ///
    /// [`Closed`] if there is none, and no sender.
    #[track_caller]
    pub fn changed(&mut self) -> impl Future<Output = Result<(), Closed>> {
        let at = trace::Place::here();
        async move {
            while !self.has_changed() {
                if !self.shared.has_sender.get() {
                    return Err(Closed);
                }
                Queued::new(&*self.shared, at).await;
            }
            self.seen = self.shared.version.get();
            Ok(())
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        let shared = Rc::clone(&self.shared);
        shared.receivers.set(shared.receivers.get() + 1);
        Self { shared, seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.set(self.shared.receivers.get() - 1);
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.latest()).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared.latest()).finish()
    }
}
