//! Who waits for one thing, first come, first served.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::iter;
use std::rc::Rc;

use crate::event_loop::{EventLoop, GreenletId};
use crate::extras::current::{current_or_exit, try_current};
use crate::extras::deadlock::What;
use crate::failure::GreenletExit;

/// A queue of greenlets. Ids order by age, so one that gives up is found as soon as the first.
#[derive(Default)]
#[allow(unreachable_pub, reason = "a sealed trait has it, which is seen outside")]
pub struct Waiters(RefCell<BTreeMap<GreenletId, Who>>);

pub(crate) enum Who {
    /// The greenlet that waits under this id.
    Greenlet,
    /// One that waits for several things, of which this is the one with that number.
    Several(Rc<Several>, usize),
}

/// Things that one greenlet waits for at once.
#[derive(Default)]
pub(crate) struct Several {
    /// The numbers of those that are ready and have not been looked at.
    pub(crate) ready: RefCell<VecDeque<usize>>,
    pub(crate) waiters: Waiters,
}

impl Waiters {
    /// Waits until it is woken from here.
    #[track_caller]
    pub(crate) fn wait(&self, what: What) -> Result<(), GreenletExit> {
        self.wait_for_turn(what, || {})
    }

    /// The same. Whoever is woken and cannot go on, because something has been thrown at it,
    /// passes its turn on by `pass_on`.
    #[track_caller]
    pub(crate) fn wait_for_turn(
        &self,
        what: What,
        pass_on: impl Fn(),
    ) -> Result<(), GreenletExit> {
        let wait = current_or_exit()?.expect_wake(what);
        let (waiters, id) = (self, wait.id);
        self.0.borrow_mut().insert(id, Who::Greenlet);
        let mut place = Place { waiters, id, is_thrown_out: true, pass_on };
        wait.park()?;
        place.is_thrown_out = false;
        Ok(())
    }

    /// Has `several` told when it is the turn of the thing with this number.
    pub(crate) fn tell(&self, several: &Rc<Several>, number: usize) -> GreenletId {
        let id = GreenletId::of_nobody();
        self.0.borrow_mut().insert(id, Who::Several(Rc::clone(several), number));
        id
    }

    /// Keeps somebody in mind no longer; whether it stood there.
    pub(crate) fn forget(&self, id: GreenletId) -> bool {
        let left = self.0.borrow_mut().remove(&id);
        left.is_some()
    }

    /// Wakes whoever waited longest; whether there was somebody.
    #[track_caller]
    pub(crate) fn wake_one(&self) -> bool {
        let event_loop = try_current().filter(|it| !it.is_over.get());
        let Some(event_loop) = event_loop else { return false };
        for (id, who) in iter::from_fn(|| self.0.borrow_mut().pop_first()) {
            if who.wake(&event_loop, id) {
                return true;
            }
        }
        false
    }

    /// Wakes all who wait now.
    #[track_caller]
    pub(crate) fn wake_all(&self) {
        let Some(event_loop) = try_current() else { return };
        for (id, who) in self.0.take() {
            who.wake(&event_loop, id);
        }
    }
}

impl Who {
    #[track_caller]
    fn wake(self, event_loop: &EventLoop, id: GreenletId) -> bool {
        match self {
            // One that has been left for ever still stands there.
            Self::Greenlet if !event_loop.is_waiting(id) => false,
            Self::Greenlet => {
                event_loop.make_ready(id);
                true
            }
            Self::Several(several, number) => {
                several.ready.borrow_mut().push_back(number);
                several.waiters.wake_one();
                true
            }
        }
    }
}

impl fmt::Debug for Waiters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Waiters({})", self.0.borrow().len())
    }
}

/// Where somebody stands. Dropped, the place is given up.
struct Place<'a, F: Fn()> {
    waiters: &'a Waiters,
    id: GreenletId,
    is_thrown_out: bool,
    pass_on: F,
}

impl<F: Fn()> Drop for Place<'_, F> {
    fn drop(&mut self) {
        if self.is_thrown_out && !self.waiters.forget(self.id) {
            (self.pass_on)();
        }
    }
}
