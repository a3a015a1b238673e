//! A call that will be made later, and can be put off until then: Twisted's `DelayedCall`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use reactor::TimerId;

use crate::event_loop::{Call, Callback, current, try_current};
use crate::failure::bury;

/// A call that will be made later. Dropping the handle changes nothing.
///
/// ```
/// use stage2_generators::extras::delayed::NotActive;
/// use stage2_generators::{call_later, react, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// react(|| {
///     let call = call_later(Duration::from_secs(3600), || unreachable!("it is cancelled"));
///     call.delay(Duration::from_secs(60)).unwrap();
///     assert!(call.active());
///     call.cancel();
///     assert_eq!(call.reset(Duration::ZERO), Err(NotActive::AlreadyCancelled));
///     sleep(Duration::ZERO)
/// })?
/// # .unwrap();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DelayedCall {
    /// Filled anew whenever the call is put off.
    planned: RefCell<Planned>,
    is_cancelled: Cell<bool>,
}

/// Nothing can be done about a call that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotActive {
    /// It has been made, or is being made.
    AlreadyCalled,
    /// Somebody has taken it back.
    AlreadyCancelled,
}

/// Where the call waits, and until when.
#[derive(Clone, Debug)]
struct Planned {
    /// Emptied by the call, or by a cancel. Kept by the timer: if the handle kept it too, a
    /// call that knows its handle would keep itself.
    callback: Weak<Cell<Option<Callback>>>,
    timer: TimerId,
    time: Option<Instant>,
}

impl DelayedCall {
    pub(crate) fn new(delay: Duration, callback: Callback) -> Self {
        let time = current().reactor.after(delay);
        let planned = RefCell::new(Planned::new(time, callback));
        Self { planned, is_cancelled: Cell::new(false) }
    }

    /// Takes the call back, even in the very turn in which it was due. A second time, or
    /// too late, it does nothing.
    pub fn cancel(&self) {
        let _ = self.try_cancel();
    }

    /// The same, and says whether there was something to take back, as Twisted's `cancel` does.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if the call is over.
    #[doc(alias = "cancel")]
    pub fn try_cancel(&self) -> Result<(), NotActive> {
        let callback = self.take()?;
        self.is_cancelled.set(true);
        bury([callback]);
        Ok(())
    }

    /// Has it called once `delay` has passed from now on, whatever was planned before.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if the call is over.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    pub fn reset(&self, delay: Duration) -> Result<(), NotActive> {
        let callback = self.take()?;
        let time = current().reactor.after(delay);
        self.planned.replace(Planned::new(time, callback));
        Ok(())
    }

    /// Has it called that much later than planned.
    ///
    /// # Errors
    ///
    /// [`NotActive`] if the call is over.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    pub fn delay(&self, more: Duration) -> Result<(), NotActive> {
        let callback = self.take()?;
        let time = self.get_time().and_then(|time| time.checked_add(more));
        self.planned.replace(Planned::new(time, callback));
        Ok(())
    }

    /// Whether it will still be made.
    pub fn active(&self) -> bool {
        self.state().is_ok()
    }

    /// The time for which it is, or was, planned. `None` is never: no clock can show it.
    #[doc(alias = "getTime")]
    pub fn get_time(&self) -> Option<Instant> {
        self.planned.borrow().time
    }

    /// What will be called, if it will.
    fn state(&self) -> Result<Rc<Cell<Option<Callback>>>, NotActive> {
        let slot = self.planned.borrow().callback.upgrade();
        if self.is_cancelled.get() {
            return Err(NotActive::AlreadyCancelled);
        }
        let is_full = |slot: &Rc<Cell<Option<Callback>>>| {
            let callback = slot.take();
            let is_full = callback.is_some();
            slot.set(callback);
            is_full
        };
        slot.filter(is_full).ok_or(NotActive::AlreadyCalled)
    }

    /// Takes the callback out, and the timer with it.
    fn take(&self) -> Result<Callback, NotActive> {
        let callback = self.state()?.take().expect("an active call has its callback");
        let timer = self.planned.borrow().timer;
        bury(try_current().and_then(|it| it.reactor.cancel(timer)));
        Ok(callback)
    }
}

impl Planned {
    fn new(time: Option<Instant>, callback: Callback) -> Self {
        let slot = Rc::new(Cell::new(Some(callback)));
        let callback = Rc::downgrade(&slot);
        let timer = current().reactor.wait_until(time, slot);
        Self { callback, timer, time }
    }
}

/// What the timer keeps.
impl Call for Cell<Option<Callback>> {
    fn call(self: Rc<Self>) {
        self.take().into_iter().for_each(Call::call);
    }
}

impl fmt::Display for NotActive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyCalled => "the call has been made",
            Self::AlreadyCancelled => "the call has been cancelled",
        })
    }
}

impl Error for NotActive {}
