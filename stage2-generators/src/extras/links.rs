//! More links: one of two, one that only looks, and one that fires another deferred.

use std::rc::Rc;

use crate::deferred::{Deferred, Firer, Flow, Outcome};
use crate::extras::reports::let_go;
use crate::failure::{Failure, guard, report};

impl<T: 'static> Deferred<T> {
    /// Goes on with one or the other: the errback does not see its own twin's failure.
    #[doc(alias = "addCallbacks")]
    pub fn add_callbacks<R: Outcome, Q: Outcome<Value = R::Value>>(
        self,
        callback: impl FnOnce(T) -> R + 'static,
        errback: impl FnOnce(Failure) -> Q + 'static,
    ) -> Deferred<R::Value> {
        self.add_link(|result| match result {
            Ok(value) => {
                let_go("An errback", errback);
                callback(value).into_next()
            }
            Err(failure) => {
                let_go("A callback", callback);
                errback(failure).into_next()
            }
        })
    }

    /// Looks at the result as it goes by, and leaves it where it is.
    pub fn tap(&self, look: impl FnOnce(&Result<T, Failure>) + 'static) {
        let slot = Rc::clone(&self.end);
        self.chain.push(Box::new(move |_| {
            let result = slot.take();
            if let Err(panic) = guard(|| look(&result)) {
                report(format_args!("Unhandled error in a callback: {panic}"));
            }
            slot.put(result);
            Flow::Next
        }));
        self.chain.run();
    }

    /// Fires another deferred with this one's result.
    #[doc(alias = "chainDeferred")]
    pub fn chain_deferred(self, other: Firer<T>) -> Deferred<()> {
        self.add_both(move |result| Ok(other.fire(result)?))
    }
}
