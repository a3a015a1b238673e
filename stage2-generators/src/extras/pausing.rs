//! A deferred can be made to wait for no reason of its own.

use crate::deferred::Deferred;

impl<T: 'static> Deferred<T> {
    /// Runs no more links until [`unpause`](Self::unpause), however often it was paused.
    #[doc = include_str!("../../docs/pause.md")]
    pub fn pause(&self) {
        self.chain.pauses.set(self.chain.pauses.get() + 1);
    }

    /// Takes one [`pause`](Self::pause) back.
    ///
    /// # Panics
    ///
    /// Panics when there is none to take back.
    pub fn unpause(&self) {
        let pauses = self.chain.pauses.get().checked_sub(1);
        self.chain.pauses.set(pauses.expect(
            "unpause() takes one pause() back, and none is left: this deferred is not \
             paused, though it may wait for another one",
        ));
        self.chain.run();
    }
}
