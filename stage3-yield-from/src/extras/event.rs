//! Something that has happened or not: many may wait for it.

use std::cell::Cell;
use std::rc::Rc;

use reactor::trace::Place;

use crate::extras::waiters::Waiters;
use crate::task::{Coroutine, coroutine};

/// A flag that can be waited for. Its clones are one event.
///
/// ```
/// use stage3_yield_from::extras::event::Event;
/// use stage3_yield_from::{call_soon, coroutine, run, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let event = Event::new();
///     let setter = event.clone();
///     call_soon(move || setter.set());
///     yield_from(event.wait()).await
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Event(Rc<Flag>);

#[derive(Debug, Default)]
struct Flag {
    is_set: Cell<bool>,
    /// Whoever waits; served by `set`.
    waiters: Waiters,
}

impl Event {
    /// An event that has not happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// It has happened: whoever waits goes on, even if it is cleared before they do.
    pub fn set(&self) {
        self.0.is_set.set(true);
        while self.0.waiters.serve() {}
    }

    /// Whoever comes from now on waits for the next time.
    pub fn clear(&self) {
        self.0.is_set.set(false);
    }

    /// Whether it has happened.
    pub fn is_set(&self) -> bool {
        self.0.is_set.get()
    }

    /// Waits until it has happened. If it has, this does not suspend.
    #[track_caller]
    pub fn wait(&self) -> Coroutine<()> {
        let (place, event) = (Place::here(), self.clone());
        coroutine(async move {
            if !event.is_set() {
                event.0.waiters.wait(place, "an event", || ()).await?;
            }
            Ok(())
        })
    }
}
