//! Greenlets that are ended from outside, as gevent's `kill` does it.

use crate::event_loop::current;
use crate::extras::deadlock::What;
use crate::failure::GreenletExit;
use crate::task::JoinHandle;

impl<T> JoinHandle<T> {
    /// Raises [`GreenletExit`] in the greenlet, wherever it waits, in the next turn. Its
    /// stack is unwound, and whoever joins is told. One that has not begun never will; one
    /// that is finished does not mind.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    pub fn kill(&self) {
        if !self.greenlet.is_active() {
            return self.greenlet.close();
        }
        let event_loop = current();
        let exit = Some((GreenletExit.into(), 0));
        let id = event_loop.expect(&self.greenlet, What::Turn, exit);
        event_loop.make_ready(id);
    }
}
