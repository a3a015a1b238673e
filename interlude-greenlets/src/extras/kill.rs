//! Greenlets that are ended from outside, as gevent's `kill` does it.

use std::time::Duration;

use crate::extras::current::current;
use crate::extras::deadlock::What;
use crate::extras::join::{Waitable, joinall};
use crate::failure::{Failure, GreenletExit};
use crate::task::JoinHandle;
use crate::time::Elapsed;

impl<T> JoinHandle<T> {
    /// Raises [`GreenletExit`] in the greenlet, wherever it waits, in the next turn. Its
    /// stack is unwound, and whoever joins is told. One that has not begun never will; one
    /// that is finished does not mind. It does not wait: gevent's `kill(block=False)`.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    ///
    /// ```
    /// use interlude_greenlets::time::sleep;
    /// use interlude_greenlets::{Failure, GreenletExit, run, spawn};
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let end = run(|| {
    ///     let sleeper = spawn(|| sleep(Duration::from_secs(3600)));
    ///     sleep(Duration::ZERO);
    ///     sleeper.kill();
    ///     sleeper.join()
    /// })?;
    /// let failure = end.unwrap_err().downcast::<Failure>().unwrap();
    /// assert!(failure.is::<GreenletExit>());
    /// # Ok(())
    /// # }
    /// ```
    pub fn kill(&self) {
        self.kill_with(GreenletExit);
    }

    /// The same, with another failure. One that has not begun just never will.
    ///
    /// # Panics
    ///
    /// As [`kill`](Self::kill).
    #[doc(alias = "kill(exception)")]
    pub fn kill_with(&self, failure: impl Into<Failure>) {
        if !self.greenlet.is_active() {
            return self.greenlet.close();
        }
        let event_loop = current();
        let raise = Some((failure.into(), 0));
        let id = event_loop.expect(&self.greenlet, What::Turn, raise);
        event_loop.make_ready(id);
    }

    /// Kills it, and waits until it has ended. It may wait itself before it does, in a
    /// destructor.
    ///
    /// ```
    /// use interlude_greenlets::time::sleep;
    /// use interlude_greenlets::{run, spawn};
    /// use std::{cell::RefCell, rc::Rc, time::Duration};
    ///
    /// struct Door(Rc<RefCell<Vec<&'static str>>>);
    ///
    /// impl Drop for Door {
    ///     fn drop(&mut self) {
    ///         self.0.borrow_mut().push("the door is closed");
    ///     }
    /// }
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(|| {
    ///     let log = Rc::new(RefCell::new(Vec::new()));
    ///     let door = Door(Rc::clone(&log));
    ///     let guest = spawn(move || {
    ///         let _door = door;
    ///         sleep(Duration::from_secs(3600));
    ///     });
    ///     sleep(Duration::ZERO);
    ///     guest.kill_and_wait(); // its stack is unwound, and what is on it is dropped
    ///     log.borrow_mut().push("he is gone");
    ///     assert_eq!(*log.borrow(), ["the door is closed", "he is gone"]);
    /// })
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// As [`kill`](Self::kill).
    #[doc(alias = "kill(block=True)")]
    #[track_caller]
    pub fn kill_and_wait(&self) {
        self.kill();
        self.wait();
    }

    /// The same, but waits no longer than `duration`, and says whether it has ended.
    ///
    /// # Panics
    ///
    /// As [`kill`](Self::kill).
    #[doc(alias = "kill(timeout)")]
    #[track_caller]
    pub fn kill_timeout(&self, duration: Duration) -> bool {
        self.kill();
        self.wait_timeout(duration)
    }
}

/// Kills all of them, and waits until they have ended.
///
/// # Errors
///
/// [`Elapsed`] when they have not, after `duration`.
///
/// # Panics
///
/// As [`JoinHandle::kill`].
#[doc(alias = "killall")]
#[track_caller]
pub fn kill_all<'a, T: 'a>(
    handles: impl IntoIterator<Item = &'a JoinHandle<T>>,
    duration: Option<Duration>,
) -> Result<(), Elapsed> {
    let all: Vec<_> = handles.into_iter().inspect(|it| it.kill()).collect();
    let all: Vec<_> = all.into_iter().map(|it| it as &dyn Waitable).collect();
    let ended = joinall(&all, duration).len();
    if ended == all.len() { Ok(()) } else { Err(Elapsed) }
}
