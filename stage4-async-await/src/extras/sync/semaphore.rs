//! Permits that own their semaphore, and so may go wherever their task goes.

use std::mem::ManuallyDrop;
use std::rc::Rc;

use reactor::trace;

use crate::sync::{Permit, Semaphore};

impl Semaphore {
    /// How many permits are free.
    pub fn available_permits(&self) -> usize {
        self.free.get()
    }

    /// Takes a permit if one is free, in which case nobody waits for one.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        let left = self.free.get().checked_sub(1)?;
        self.free.set(left);
        Some(Permit(self))
    }

    /// Waits for a permit that keeps the semaphore alive, in the same line as `acquire`.
    ///
    /// ```
    /// use stage4_async_await::{run, spawn, sync::Semaphore};
    /// use std::rc::Rc;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(async {
    ///     let few = Rc::new(Semaphore::new(2));
    ///     for link in 0..10 {
    ///         // Waits here, so that there are never more than two tasks.
    ///         let permit = Rc::clone(&few).acquire_owned().await;
    ///         drop(spawn(async move {
    ///             let _permit = permit;
    ///             println!("fetch {link}");
    ///         }));
    ///     }
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn acquire_owned(self: Rc<Self>) -> impl Future<Output = OwnedPermit> {
        let at = trace::Place::here();
        async move {
            let queued = {
                let _at = at.enter();
                self.acquire()
            };
            queued.await.hand_over();
            OwnedPermit(self)
        }
    }

    /// Takes a permit that keeps the semaphore alive, if one is free.
    pub fn try_acquire_owned(self: Rc<Self>) -> Option<OwnedPermit> {
        self.try_acquire()?.hand_over();
        Some(OwnedPermit(self))
    }
}

impl Permit<'_> {
    /// Is not given back: somebody else has it now.
    fn hand_over(self) {
        let _not_dropped = ManuallyDrop::new(self);
    }
}

/// A permit that may outlive whoever made the semaphore. Dropping it gives it back.
#[derive(Debug)]
#[must_use = "a permit that is dropped at once permits nothing"]
pub struct OwnedPermit(Rc<Semaphore>);

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.0.release();
    }
}
