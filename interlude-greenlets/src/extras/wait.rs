//! A wait of the greenlet that is running, which ends with it.

use std::rc::Rc;

use crate::event_loop::{EventLoop, GreenletId};
use crate::extras::deadlock::What;
use crate::extras::waiting::Raise;
use crate::failure::GreenletExit;
use crate::greenlet;

/// A wait of the greenlet that is running. Dropped, because it is over or given up, its id
/// resumes nobody.
pub(crate) struct Wait {
    pub(crate) event_loop: Rc<EventLoop>,
    /// To be left with whoever knows when the wait is over.
    pub(crate) id: GreenletId,
}

impl Wait {
    /// As [`EventLoop::park`].
    #[track_caller]
    pub(crate) fn park(&self) -> Result<(), GreenletExit> {
        self.event_loop.park(self.id)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.event_loop.take(self.id);
    }
}

impl EventLoop {
    /// A wait of the running greenlet, for whatever it is.
    pub(crate) fn expect_wake(self: &Rc<Self>, what: What) -> Wait {
        let id = self.expect(&greenlet::current(), what, None);
        Wait { event_loop: Rc::clone(self), id }
    }

    /// The same, but the wait goes on beside others, and ends with a failure in one of them.
    pub(crate) fn expect_raise(self: &Rc<Self>, raise: Raise) -> Wait {
        let id = self.expect(&greenlet::current(), What::Clock, Some(raise));
        Wait { event_loop: Rc::clone(self), id }
    }
}
