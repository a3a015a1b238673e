//! A flag that greenlets wait for.

use std::cell::Cell;
use std::time::Duration;

use crate::extras::deadlock::What;
use crate::extras::unwinding::wait_for_good;
use crate::extras::waiters::Waiters;
use crate::time::timeout;

/// Whoever waits goes on when it is set: gevent's `event.Event`.
///
/// ```
/// use interlude_greenlets::extras::event::Event;
/// use interlude_greenlets::{run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let said = run(|| {
///     let door = Rc::new(Event::default());
///     let opened = Rc::clone(&door);
///     let guest = spawn(move || {
///         opened.wait();
///         "at last"
///     });
///     door.set();
///     guest.join().unwrap()
/// })?;
/// assert_eq!(said, "at last");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Event {
    is_set: Cell<bool>,
    pub(crate) waiters: Waiters,
}

impl Event {
    /// Whether it is set.
    #[doc(alias("ready", "isSet"))]
    pub fn is_set(&self) -> bool {
        self.is_set.get()
    }

    /// Sets it. All who wait now go on in the next turn, even if it is cleared at once.
    #[track_caller]
    pub fn set(&self) {
        self.is_set.set(true);
        self.waiters.wake_all();
    }

    /// Whoever comes from now on waits again.
    pub fn clear(&self) {
        self.is_set.set(false);
    }

    /// Waits until it is set. If it is, that is no switch.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_set() {
            let set = self.waiters.wait(What::Event);
            set.unwrap_or_else(|exit| wait_for_good(exit));
        }
    }

    /// Waits no longer than `duration`, and says whether it was set.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[doc(alias = "wait(timeout)")]
    #[track_caller]
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        self.is_set() || timeout(duration, || self.wait()).is_ok()
    }
}
