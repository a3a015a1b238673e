//! The right to take a call back that was asked for.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use reactor::TimerId;
use reactor::trace::Place;

use crate::event_loop::{Call, Callback, call_later, current, try_current};
use crate::extras::callback::once;
use crate::failure::bury;
use crate::future::Future;

/// A call in the next turn. Dropping the handle changes nothing.
#[derive(Debug)]
pub struct Handle {
    /// Emptied by the call, or by a cancel. Kept by whoever calls: if the handle kept it too, a
    /// call that knows its handle would keep itself.
    callback: Weak<Cell<Option<Callback>>>,
    cancelled: Cell<bool>,
}

impl Handle {
    /// A handle, and what is to be called in the end.
    fn of(callback: impl FnOnce() + 'static) -> (Self, impl FnOnce() + 'static) {
        let slot = Rc::new(Cell::new(Some(once(callback))));
        let handle = Self { callback: Rc::downgrade(&slot), cancelled: Cell::new(false) };
        (handle, move || slot.take().into_iter().for_each(<dyn Call>::call))
    }

    #[track_caller]
    pub(crate) fn soon(callback: impl FnOnce() + 'static) -> Self {
        let (handle, call) = Self::of(callback);
        current().call_soon(once(call));
        handle
    }

    /// Takes the call back, even in the very turn in which it was due. A second time, or
    /// too late, it does nothing.
    ///
    /// ```
    /// use stage3_yield_from::{call_soon, coroutine, run, time::sleep, yield_from};
    /// # use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(coroutine(async {
    ///     let handle = call_soon(|| unreachable!("it was taken back"));
    ///     handle.cancel();
    ///     yield_from(sleep(Duration::ZERO)).await
    /// }))?.unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn cancel(&self) {
        self.cancelled.set(true);
        bury(self.callback.upgrade().and_then(|slot| slot.take()));
    }

    /// Whether somebody has asked to take it back, and be it too late.
    pub fn cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

/// A call that will be made later. Dropping the handle changes nothing.
#[derive(Debug)]
pub struct TimerHandle {
    handle: Handle,
    when: Option<Instant>,
    timer: TimerId,
}

impl TimerHandle {
    /// Has `callback` called at `when`; at no time, where that is too far away to have a name.
    #[track_caller]
    pub(crate) fn at(when: Option<Instant>, callback: impl FnOnce() + 'static) -> Self {
        let (handle, call) = Handle::of(callback);
        let due = Future::new();
        due.add_done_callback(call);
        let timer = current().reactor.wait_until(when, due);
        Self { handle, when, timer }
    }

    /// Takes the call back, even in the very turn in which it was due. A second time, or
    /// too late, it does nothing.
    pub fn cancel(&self) {
        self.handle.cancel();
        if let Some(event_loop) = try_current() {
            bury(event_loop.reactor.cancel(self.timer));
        }
    }

    /// Whether somebody has asked to take it back, and be it too late.
    pub fn cancelled(&self) -> bool {
        self.handle.cancelled()
    }

    /// When it is due, by the loop's clock. `None`: in more years than that can count.
    pub fn when(&self) -> Option<Instant> {
        self.when
    }

    /// Makes the call without waiting for the time.
    pub(crate) fn call_now(&self) {
        let callback = self.handle.callback.upgrade().and_then(|slot| slot.take());
        self.cancel();
        callback.into_iter().for_each(<dyn Call>::call);
    }

    /// Whether the call has been made, or taken back.
    pub(crate) fn is_over(&self) -> bool {
        self.handle.callback.strong_count() == 0
    }
}

/// A timer that was set. Dropped, it is taken back.
pub(crate) struct Alarm(pub(crate) TimerHandle);

impl Alarm {
    pub(crate) fn set(
        place: Place,
        delay: Duration,
        callback: impl FnOnce() + 'static,
    ) -> Self {
        let _place = place.enter();
        Self(call_later(delay, callback))
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Calls `callback` at `when`, by the loop's own clock (see [`now`]); at once if that is over.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn call_at(when: Instant, callback: impl FnOnce() + 'static) -> TimerHandle {
    TimerHandle::at(Some(when), callback)
}

/// What the loop's clock says.
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "time")]
pub fn now() -> Instant {
    current().reactor.now()
}
