//! More links: one of two, one that only looks, and one that fires another deferred.

use std::rc::Rc;

use super::reports::let_go;
use super::slot::Output;
use crate::deferred::{Chain, Deferred, Firer, Flow, Outcome};
use crate::failure::{Failure, guard, report};

impl<T: 'static> Deferred<T> {
    /// Goes on with one or the other: the errback does not see its own twin's failure.
    #[doc = include_str!("../../docs/add_callbacks.md")]
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
    #[doc = include_str!("../../docs/tap.md")]
    pub fn tap(&self, look: impl FnOnce(&Result<T, Failure>) + 'static) {
        let end = self.end.clone();
        let _: Rc<dyn Output<()>> = self.chain.add(move |_, _: &Rc<Chain>| {
            let result = end.take();
            if let Err(panic) = guard(|| look(&result)) {
                report(format_args!("Unhandled error in a callback: {panic}"));
            }
            end.slot(|slot| slot.put(result));
            Flow::Next
        });
        self.chain.run();
    }

    /// Fires another deferred with this one's result.
    #[doc = include_str!("../../docs/chain_deferred.md")]
    #[doc(alias = "chainDeferred")]
    pub fn chain_deferred(self, other: Firer<T>) -> Deferred<()> {
        self.add_both(move |result| Ok(other.fire(result)?))
    }
}
