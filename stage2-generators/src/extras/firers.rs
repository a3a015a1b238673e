//! Who can fire a deferred: more than one may, and one that does not keep it.

use std::rc::Rc;

use crate::deferred::{Chain, Firer};

impl<T: 'static> Firer<T> {
    /// Whether it has fired.
    pub fn is_fired(&self) -> bool {
        self.chain.fired.get()
    }

    /// What it fires.
    pub(crate) fn chain(&self) -> Rc<Chain> {
        Rc::clone(&self.chain) as _
    }

    /// Gives it back for as long as somebody else keeps it.
    pub(crate) fn downgrade(&self) -> impl Fn() -> Option<Self> + 'static {
        let chain = Rc::downgrade(&self.chain);
        move || Some(Self { chain: chain.upgrade()? })
    }
}

impl<T: 'static> Clone for Firer<T> {
    fn clone(&self) -> Self {
        Self { chain: Rc::clone(&self.chain) }
    }
}
