//! A failure that is raised in another greenlet.

use crate::extras::message::Parcel;
use crate::extras::unwinding::unless_closed;
use crate::failure::Failure;
use crate::greenlet::Greenlet;

impl Greenlet {
    /// Raises `failure` in this greenlet: the switch it waits in fails with it. One that
    /// has not started dies before it does, and then its parent gets it, as with a dead one.
    ///
    /// ```
    /// use interlude_greenlets::time::Elapsed;
    /// use interlude_greenlets::{Failure, Greenlet, current};
    ///
    /// let main = current();
    /// let patient = Greenlet::new(move |()| match main.switch::<(), ()>(()) {
    ///     Err(failure) if failure.is::<Elapsed>() => Ok("too late"),
    ///     end => end.map(|()| "in time"),
    /// });
    /// patient.switch::<(), ()>(())?; // it waits now
    /// assert_eq!(patient.throw::<&str>(Elapsed)?, "too late");
    /// # Ok::<(), Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    pub fn throw<R: 'static>(&self, failure: impl Into<Failure>) -> Result<R, Failure> {
        let failure = Parcel::from(failure.into());
        let depth = unless_closed()?;
        let parcel = if self.is_dead() { failure.last_words() } else { failure };
        self.clone().hand_over(depth, parcel).open()
    }
}
