//! What a semaphore can do besides, and one that is never given back too often.

use reactor::trace::Place;

use crate::extras::errors::ReleasedTooOften;
use crate::failure::report;
use crate::sync::Semaphore;
use crate::task::{Coroutine, coroutine};

impl Semaphore {
    /// Whether whoever comes now has to wait.
    pub fn locked(&self) -> bool {
        self.0.free.get() == 0
    }

    /// Takes a permit if that needs no waiting.
    pub(crate) fn take_now(&self) -> bool {
        let free = self.0.free.get().checked_sub(1);
        self.0.free.set(free.unwrap_or(0));
        free.is_some()
    }
}

/// A semaphore of which no more is given back than it had: a permit too many is a mistake that
/// would let too many in. Its clones are one semaphore.
///
/// ```
/// use stage3_yield_from::extras::semaphore::BoundedSemaphore;
///
/// let semaphore = BoundedSemaphore::new(1);
/// assert!(semaphore.release().is_err(), "nobody has taken a permit");
/// ```
#[derive(Clone, Debug)]
pub struct BoundedSemaphore {
    semaphore: Semaphore,
    bound: usize,
}

/// The right to go on. Dropping it gives it back; if somebody else has done so already, that is
/// reported.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct BoundedPermit(BoundedSemaphore);

impl BoundedSemaphore {
    /// A semaphore with that many permits.
    pub fn new(permits: usize) -> Self {
        Self { semaphore: Semaphore::new(permits), bound: permits }
    }

    /// Waits for a permit, which is given back when it is dropped.
    #[track_caller]
    pub fn acquire(&self) -> Coroutine<BoundedPermit> {
        let (place, bounded) = (Place::here(), self.clone());
        coroutine(async move {
            bounded.semaphore.take(place, "a semaphore").await?;
            Ok(BoundedPermit(bounded))
        })
    }

    /// Whether whoever comes now has to wait.
    pub fn locked(&self) -> bool {
        self.semaphore.locked()
    }

    /// Gives a permit back by hand.
    ///
    /// # Errors
    ///
    /// [`ReleasedTooOften`] if all of them are there; asyncio's `ValueError`.
    pub fn release(&self) -> Result<(), ReleasedTooOften> {
        if self.semaphore.0.free.get() >= self.bound {
            return Err(ReleasedTooOften);
        }
        self.semaphore.release();
        Ok(())
    }
}

impl Drop for BoundedPermit {
    fn drop(&mut self) {
        if let Err(error) = self.0.release() {
            report(format_args!("Error while a permit was dropped: {error}"));
        }
    }
}
