//! What somebody waits for at the moment, so that a cancel goes there.

use std::cell::RefCell;
use std::rc::Rc;

use crate::deferred::{CancelHandle, Cancelled, Chain, Deferred, Firer};

/// Nothing, or a deferred. Its clones are one.
#[derive(Clone, Debug, Default)]
pub(crate) struct WaitsFor(Rc<RefCell<Option<CancelHandle>>>);

impl WaitsFor {
    /// From now on it is that one.
    pub(crate) fn this(&self, chain: &Rc<Chain>) {
        self.0.replace(Some(CancelHandle::to(chain)));
    }

    /// A deferred for what whoever waits will come to. To cancel it is to cancel what is waited
    /// for at the moment, every time. What is gone took the one who waited for it along: then
    /// nobody is left to fire this one, and it is [`Cancelled`] itself.
    #[track_caller]
    pub(crate) fn deferred<T: 'static>(&self) -> (Firer<T>, Deferred<T>) {
        let (awaited, gone) = (self.clone(), self.clone());
        Deferred::with_relay(
            move || awaited.0.borrow().iter().cloned().collect(),
            move |firer| {
                if gone.0.borrow().as_ref().is_some_and(CancelHandle::is_gone) {
                    let _ = firer.fire(Err(Cancelled.into()));
                }
            },
        )
    }
}
