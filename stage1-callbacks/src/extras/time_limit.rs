//! A time limit with somebody to ask when it is over: Twisted's `addTimeout`, whole.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use super::reports::let_go;
use crate::deferred::{Deferred, Next, Outcome};
use crate::event_loop::call_later;
use crate::failure::Failure;

impl<T: 'static> Deferred<T> {
    /// Cancels the deferred once `limit` is over. Then `hook` gets what it came to, and the
    /// limit, and says what the result is. In time, the hook is not asked.
    ///
    /// [`timeout`](crate::time::timeout) is this with a hook that makes
    /// [`Elapsed`](crate::time::Elapsed) of [`Cancelled`](crate::deferred::Cancelled).
    ///
    /// ```
    /// use stage1_callbacks::{Deferred, extras::clock::Clock};
    /// use std::time::Duration;
    ///
    /// let clock = Clock::new();
    /// let (_firer, price) = Deferred::new();
    /// let price = price.add_timeout(Duration::from_secs(5), |_, _| Ok("what it was yesterday"));
    /// clock.advance(Duration::from_secs(5));
    /// assert_eq!(price.try_take().unwrap().unwrap(), "what it was yesterday");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias("addTimeout", "onTimeoutCancel"))]
    #[track_caller]
    pub fn add_timeout<R: Outcome<Value = T>>(
        self,
        limit: Duration,
        hook: impl FnOnce(Result<T, Failure>, Duration) -> R + 'static,
    ) -> Self {
        let is_up = Rc::new(Cell::new(false));
        let was_up = Rc::clone(&is_up);
        // The clock keeps it: the time is up even for one that nobody can fire any more.
        let chain = Rc::clone(&self.chain);
        let timer = call_later(limit, move || {
            is_up.set(true);
            chain.cancel();
        });
        self.add_both(move |result| {
            timer.cancel();
            if was_up.get() {
                return hook(result, limit).into_next();
            }
            let_go("A callback", hook);
            Next::Done(result)
        })
    }
}
