//! A block that has so much time: when it is over, what is inside of it is cancelled.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use reactor::trace::Place;

use crate::cancel::{End, Scope, Settle};
use crate::events::{TimerHandle, get_running_loop};
pub use crate::exceptions::Elapsed;
use crate::tasks;

/// Awaits `body`, but no longer than `delay`, counted from the first poll: then it is cancelled,
/// and its exits are awaited.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
#[doc(alias = "asyncio.timeout")]
#[track_caller]
pub fn timeout<B: IntoFuture>(
    delay: Duration,
    body: B,
) -> impl Future<Output = Result<B::Output, Elapsed>> {
    let place = Place::here();
    async move {
        let when = get_running_loop().reactor().after(delay);
        Timeout::at(place, when).over(body).await
    }
}

/// The same, until the loop's clock shows `when`. `None` is never.
///
/// # Errors
///
/// [`Elapsed`] when the time was up first.
#[track_caller]
pub fn timeout_at<B: IntoFuture>(
    when: impl Into<Option<Instant>>,
    body: B,
) -> impl Future<Output = Result<B::Output, Elapsed>> {
    let timeout = Timeout::new(when);
    async move { timeout.over(body).await }
}

/// A timeout that can be asked, and moved, while it runs. Its clones are the same timeout.
#[derive(Clone, Debug)]
pub struct Timeout(Rc<Block>);

struct Block {
    /// The line of the program that made it.
    place: Place,
    /// What is cancelled. Entered once.
    scope: Rc<Scope>,
    state: Cell<State>,
    /// Set by `reschedule`.
    when: Cell<Option<Instant>>,
    /// Set while the body runs.
    alarm: RefCell<Option<TimerHandle>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Active,
    Expired,
    Exited,
}

impl Timeout {
    /// One that is due when the loop's clock shows `when`. `None` is never.
    #[track_caller]
    pub fn new(when: impl Into<Option<Instant>>) -> Self {
        Self::at(Place::here(), when.into())
    }

    fn at(place: Place, when: Option<Instant>) -> Self {
        Self(Rc::new(Block {
            place,
            scope: Rc::default(),
            state: Cell::new(State::Created),
            when: Cell::new(when),
            alarm: RefCell::default(),
        }))
    }

    /// Awaits `body` until the time is up.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when the time was up first. If the task was cancelled meanwhile, that goes
    /// first: then this is cancelled.
    ///
    /// # Panics
    ///
    /// Panics if it has been entered before.
    #[doc(alias = "__aenter__")]
    pub async fn over<B: IntoFuture>(&self, body: B) -> Result<B::Output, Elapsed> {
        let Block { place, scope, state, when, .. } = &*self.0;
        assert_eq!(state.get(), State::Created, "a timeout can be entered once");
        state.set(State::Active);
        let _entered = Entered(self);
        self.reschedule(when.get());
        let body = Settle::within(Rc::clone(scope), body.into_future());
        let end = tasks::within(*place, body).await;
        self.stop();
        match end {
            End::Cancelled if self.expired() && scope.from_outside.get() == 0 => {
                Err(Elapsed)
            }
            end => Ok(end.resume().await),
        }
    }

    /// When it is due. `None` is never.
    pub fn when(&self) -> Option<Instant> {
        self.0.when.get()
    }

    /// Moves it. A time that is past is due in the next turn.
    pub fn reschedule(&self, when: impl Into<Option<Instant>>) {
        let Block { place, state, when: due, alarm, .. } = &*self.0;
        due.set(when.into());
        if state.get() != State::Active {
            return;
        }
        let before = alarm.take();
        before.iter().for_each(TimerHandle::cancel);
        if let Some(when) = due.get() {
            let _place = place.enter();
            let expire = self.clone();
            let timer = get_running_loop().call_at(when, move || expire.expire());
            alarm.replace(Some(timer));
        }
    }

    /// Whether the time was up before the body ended.
    pub fn expired(&self) -> bool {
        self.0.state.get() == State::Expired
    }

    fn expire(&self) {
        let Block { scope, state, .. } = &*self.0;
        if state.get() == State::Active {
            state.set(State::Expired);
            scope.request();
        }
    }

    /// It does not run any more.
    fn stop(&self) {
        let Block { state, alarm, .. } = &*self.0;
        if state.get() == State::Active {
            state.set(State::Exited);
        }
        let before = alarm.take();
        before.iter().for_each(TimerHandle::cancel);
    }
}

/// A body that is under way: dropped, it takes the timer back.
struct Entered<'a>(&'a Timeout);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeout")
            .field("state", &self.state.get())
            .finish_non_exhaustive()
    }
}
