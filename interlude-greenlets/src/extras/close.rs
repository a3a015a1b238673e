//! The end of a greenlet that nobody will resume.
//!
//! It is asked once. Most end; one that waits in a destructor goes on when its wait is over,
//! if there still is a loop; and one that swallows the question and waits again cannot be
//! ended at all. A real greenlet says of it what is said here, and leaves it as well.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use reactor::trace;

use crate::event_loop::EventLoop;
use crate::extras::message::Trouble;
use crate::extras::report::{report, report_uncaught};
use crate::extras::unwinding::{Aside, Unquiet};
use crate::greenlet::{Greenlet, State, current};

thread_local! {
    /// Whose last handle was dropped while another was closed. `None`: nobody is closed.
    static LAST: RefCell<ManuallyDrop<Option<VecDeque<Greenlet>>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };
}

impl Greenlet {
    /// Has it end, if it waits or never began. If somebody gets a handle to it meanwhile, it
    /// may go on: its loop, when it waits in a destructor.
    pub(crate) fn close(&self) {
        let handles = Rc::strong_count(&self.0);
        self.close_unless(|| Rc::strong_count(&self.0) > handles);
    }

    /// The same, and nobody is going to resume it in any case.
    pub(crate) fn close_for_good(&self) {
        self.close_unless(|| false);
    }

    fn close_unless(&self, goes_on: impl FnOnce() -> bool) {
        if !self.waits() {
            return;
        }
        let depth = current().depth();
        let running = trace::resumed(self.0.name.subject);
        let (aside, closed) = (Aside::unless_quiet(depth), Unquiet::new());
        let left = self.clone().advance(State::Closing, Trouble::Exit.into());
        drop((aside, closed));
        match left.map_err(|(_, end)| end.failure()) {
            Ok(_) => {
                running.suspended();
                if !goes_on() {
                    self.leave_as_it_is();
                }
            }
            Err(None) => running.finished(),
            Err(Some(failure)) => {
                running.cancelled();
                report_uncaught(failure);
            }
        }
    }

    /// It swallowed its exit, and stands on its stack for ever.
    fn leave_as_it_is(&self) {
        let (name, place) = (self.0.name, self.0.name.spawned_at());
        report(format_args!("GreenletExit did not kill {name}, spawned at {place}"));
        let _left = ManuallyDrop::new(self.0.suspended.take());
        self.0.state.set(State::Dead);
    }

    /// Whether there is something left that it could do.
    fn waits(&self) -> bool {
        matches!(self.0.state.get(), State::Unstarted | State::Suspended)
    }

    #[cold]
    fn close_last(&self) {
        if !self.is_done() && !self.0.is_last.replace(true) {
            close_next(Self(Rc::clone(&self.0)));
        }
    }

    /// Whether nothing happens when it is dropped.
    fn is_done(&self) -> bool {
        let parent_stays = |it: &Self| Rc::strong_count(&it.0) > 1;
        !self.waits() && self.0.parent.borrow().as_ref().is_none_or(parent_stays)
    }
}

impl EventLoop {
    /// Unwinds the greenlets that are left, which may own sockets and timers of this loop.
    pub(crate) fn unwind_all(&self) {
        self.is_over.set(true);
        let task = || Some(self.tasks.borrow_mut().pop_first()?.1);
        while let Some(task) = task() {
            task.upgrade().into_iter().for_each(|it| Greenlet(it).close_for_good());
        }
        loop {
            let left = self.waiting.borrow_mut().take_all();
            if left.is_empty() {
                return;
            }
            left.into_iter().for_each(|waiter| waiter.greenlet.close_for_good());
        }
    }
}

/// Closes a greenlet with its last handle. Those whose last handle goes with that come after
/// it: a line of them, each on the stack of the one before, would overflow any stack.
impl Drop for Greenlet {
    #[inline]
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 {
            self.close_last();
        }
    }
}

fn close_next(last: Greenlet) {
    let is_first = LAST.with_borrow_mut(|line| {
        let is_first = line.is_none();
        line.get_or_insert_default().push_back(last);
        is_first
    });
    let next = || {
        LAST.with_borrow_mut(|line| {
            let next = line.as_mut()?.pop_front();
            if next.is_none() {
                line.take();
            }
            next
        })
    };
    while is_first && let Some(greenlet) = next() {
        greenlet.close();
        let goes_on = greenlet.0.state.get() == State::Suspended;
        greenlet.0.is_last.set(!goes_on);
        if !goes_on {
            drop(greenlet.0.parent.take()); // here, and not inside another drop
        }
    }
}
