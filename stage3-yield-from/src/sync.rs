//! What tasks share: a number of permits, handed out first come, first served.

use std::cell::Cell;
use std::rc::Rc;

use reactor::trace::Place;

use crate::extras::waiters::Waiters;
use crate::failure::Failure;
use crate::task::{Coroutine, coroutine};

/// A number of permits. Whoever finds none waits; whoever waited longest is served first. Its
/// clones are one semaphore.
///
/// ```
/// use stage3_yield_from::{coroutine, run, sync::Semaphore, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let two_at_a_time = Semaphore::new(2);
///     let permit = yield_from(two_at_a_time.acquire()).await?;
///     // Whatever only two may do at a time.
///     drop(permit);
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Semaphore(pub(crate) Rc<Permits>);

#[derive(Debug)]
pub(crate) struct Permits {
    /// Taken by `acquire`; given back by a permit's drop, unless somebody waits for it.
    pub(crate) free: Cell<usize>,
    /// Whoever waits for one; served by a permit's drop.
    pub(crate) waiters: Waiters,
}

impl Semaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self(Rc::new(Permits { free: Cell::new(permits), waiters: Waiters::default() }))
    }

    /// Waits for a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> Coroutine<Permit> {
        let (place, semaphore) = (Place::here(), self.clone());
        coroutine(async move {
            semaphore.take(place, "a semaphore").await?;
            Ok(Permit(semaphore))
        })
    }

    /// Takes a permit. `what` it is to whoever waits for it, in words.
    pub(crate) async fn take(
        &self,
        place: Place,
        what: &'static str,
    ) -> Result<(), Failure> {
        if self.0.free.get() == 0 {
            return self.0.waiters.wait(place, what, || self.release()).await;
        }
        self.0.free.set(self.0.free.get() - 1);
        Ok(())
    }

    /// Hands a permit to whoever waited longest, or keeps it: one that was taken, or one more.
    pub fn release(&self) {
        if !self.0.waiters.serve() {
            self.0.free.set(self.0.free.get() + 1);
        }
    }
}

/// The right to go on. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct Permit(pub(crate) Semaphore);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.release();
    }
}
