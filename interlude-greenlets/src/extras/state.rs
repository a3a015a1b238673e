//! What can be seen of a greenlet from outside.

use std::fmt;
use std::rc::Rc;

use crate::greenlet::{Greenlet, State, current};
use crate::task::JoinHandle;

impl Greenlet {
    /// Whether it has begun and not ended.
    #[doc(alias = "bool")]
    pub fn is_active(&self) -> bool {
        !matches!(self.0.state.get(), State::Unstarted | State::Dead)
    }

    /// Whether control is here, so that there is nothing to hand over.
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.0.state.get(), State::Running | State::Closing)
            && *self == current()
    }

    /// Whether it has ended, or will never go on because it swallowed its exit.
    #[doc(alias = "dead")]
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.0.state.get() == State::Dead
    }
}

impl PartialEq for Greenlet {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Greenlet {}

impl fmt::Debug for Greenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.state.get() {
            State::Main => "Greenlet(main)",
            State::Unstarted => "Greenlet(unstarted)",
            State::Suspended | State::Running | State::Closing => "Greenlet(active)",
            State::Dead => "Greenlet(dead)",
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("finished", &self.is_finished()).finish()
    }
}
