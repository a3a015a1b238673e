//! Where one link leaves its result, and the next one finds it.

use std::cell::Cell;
use std::rc::{Rc, Weak};

use super::reports::let_go;
use crate::deferred::{Chain, Deferred, Flow};
use crate::failure::{Failure, report};

/// Where one link leaves its result for the next.
pub(crate) struct Slot<T: 'static>(Cell<Option<Result<T, Failure>>>);

impl<T: 'static> Slot<T> {
    pub(crate) fn put(&self, result: Result<T, Failure>) {
        self.0.set(Some(result));
    }

    pub(crate) fn take(&self) -> Result<T, Failure> {
        self.0.take().expect("a link runs once the one before it has left a result")
    }
}

impl<T: 'static> Default for Slot<T> {
    fn default() -> Self {
        Self(Cell::new(None))
    }
}

/// A failure that nobody took is reported: at the moment when nobody can any more.
impl<T: 'static> Drop for Slot<T> {
    fn drop(&mut self) {
        let Some(result) = self.0.take() else { return };
        if let Err(failure) = &result {
            report(format_args!("Unhandled error in Deferred: {failure}"));
        }
        let_go("A result", result);
    }
}

/// A slot whose type does not matter.
pub(crate) trait Fail {
    fn fail(&self, failure: Failure);
}

impl<T: 'static> Fail for Slot<T> {
    fn fail(&self, failure: Failure) {
        self.put(Err(failure));
    }
}

/// Where a link leaves a result.
pub(crate) trait Output<T>: Fail {
    fn slot(&self) -> &Slot<T>;
    /// Leaves there what `inner` comes to: the link, which is of the outer chain, is the last of
    /// the inner one now, so that to wait takes no memory.
    fn wait_for(self: Rc<Self>, inner: Deferred<T>, outer: &Rc<Chain>) -> Flow;
}

/// What a link does when it is its turn.
pub(crate) enum Task<U: 'static, F> {
    /// To call a function.
    Call(F),
    /// That gave an inner deferred, and the link is the last of that one's chain: to take what is
    /// left there, and have the outer chain go on.
    Bring(End<U>, Rc<Chain>),
}

/// Where a deferred leaves its result for the next link.
pub(crate) enum End<T: 'static> {
    /// With the chain, if there is no link yet. It is not kept: the chain keeps the next link.
    Start(Weak<Chain<Slot<T>>>),
    /// With the last link.
    Link(Rc<dyn Output<T>>),
}

impl<T> End<T> {
    pub(crate) fn take(&self) -> Result<T, Failure> {
        self.slot(Slot::take)
    }

    pub(crate) fn slot<R>(&self, then: impl FnOnce(&Slot<T>) -> R) -> R {
        match self {
            Self::Start(chain) => {
                then(&chain.upgrade().expect("a chain that runs is there").start)
            }
            Self::Link(link) => then(link.slot()),
        }
    }
}

impl<T> Clone for End<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Start(chain) => Self::Start(chain.clone()),
            Self::Link(link) => Self::Link(Rc::clone(link)),
        }
    }
}
