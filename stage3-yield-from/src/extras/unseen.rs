//! What happens to a result that nobody can see any more.

use std::mem;

use crate::extras::depth;
use crate::failure::{bury, report};
use crate::future::{Cancelled, Slot, State};

/// An error that nobody ever saw is reported when nobody can see it any more.
impl<T: 'static> Drop for Slot<T> {
    fn drop(&mut self) {
        let end = match mem::replace(self.state.get_mut(), State::Taken) {
            // Most are like that: nothing happens when they are dropped.
            State::Finished(Ok(_)) if !mem::needs_drop::<T>() => None,
            State::Finished(end) => Some(end),
            State::Pending | State::Taken => None,
        };
        if let Some(Err(failure)) = &end
            && !self.seen.get()
            && !failure.is::<Cancelled>()
        {
            report(format_args!("Future exception was never retrieved: {failure}"));
        }
        bury(end);
        let callbacks = mem::take(self.callbacks.get_mut());
        if !callbacks.is_empty() {
            // They may own another future, and so on.
            depth::flatten(|| _ = bury(callbacks.all()));
        }
    }
}
