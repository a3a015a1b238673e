//! Where a cancel goes: along the line of tasks that wait for each other, to its end.
//!
//! asyncio's `Task.cancel` calls that of the task it waits for, and so on: as deep as the line is
//! long. Here the line is walked.

use std::cell::Cell;

use crate::failure::Failure;
use crate::future::{AnyFuture, Cancelled, Slot, Wait};
use crate::task::Running;

thread_local! {
    /// Counts the cancels so far: each has a number of its own.
    static CANCELS: Cell<u64> = const { Cell::new(0) };
}

/// What a cancel asks of whatever it meets on its way.
pub(crate) trait Cancel {
    /// Who is to have that cancel instead: a task passes it on to what it waits for.
    fn passes_on(&self, cancel: u64) -> Option<AnyFuture>;
    /// Gives up; says `false` if it is done.
    fn cancel(&self) -> bool;
}

impl AnyFuture {
    /// Gives up whoever stands at the end of the line, and says `false` if nobody is left to.
    pub(crate) fn cancel(&self) -> bool {
        CANCELS.set(CANCELS.get() + 1);
        let mut last = self.clone();
        while let Some(next) = last.0.passes_on(CANCELS.get()) {
            last = next;
        }
        last.0.cancel()
    }
}

impl<T: 'static> Cancel for Slot<T> {
    fn passes_on(&self, _: u64) -> Option<AnyFuture> {
        None
    }

    fn cancel(&self) -> bool {
        self.finish(Err(Cancelled.into())).is_ok()
    }
}

impl<T: 'static> Cancel for Running<T> {
    fn passes_on(&self, cancel: u64) -> Option<AnyFuture> {
        // Once, or tasks that wait for each other would pass it round for ever.
        let is_first = self.passed_on.replace(cancel) != cancel;
        self.waits_for.borrow().clone().filter(|it| is_first && !it.0.done())
    }

    fn cancel(&self) -> bool {
        let cancels = !self.done();
        self.must_cancel.set(cancels);
        cancels
    }
}

/// Whether that is how somebody was told to give up.
pub(crate) fn is_cancel<T>(end: &Result<T, Failure>) -> bool {
    matches!(end, Err(failure) if failure.is::<Cancelled>())
}
