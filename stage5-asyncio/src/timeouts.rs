//! A block that has so much time: when it is over, what is inside of it is cancelled.

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use reactor::trace::Place;

use crate::cancel::{End, Scope, Settle, raise};
use crate::events::{Handle, TimerHandle, get_running_loop};
pub use crate::exceptions::Elapsed;
use crate::tasks::{Within, within};

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
    Over { due_in: Some(delay), ..Timeout::at(Place::here(), None).block_over(body) }
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
    Timeout::new(when).block_over(body)
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
    alarm: RefCell<Option<Alarm>>,
}

/// What expires it.
enum Alarm {
    Soon(Handle),
    At(TimerHandle),
}

impl Alarm {
    fn cancel(&self) {
        match self {
            Self::Soon(handle) => handle.cancel(),
            Self::At(timer) => timer.cancel(),
        }
    }
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
    pub fn over<B: IntoFuture>(
        &self,
        body: B,
    ) -> impl Future<Output = Result<B::Output, Elapsed>> + use<B> {
        self.clone().block_over(body)
    }

    fn block_over<B: IntoFuture>(self, body: B) -> Over<B::IntoFuture> {
        let Block { place, scope, .. } = &*self.0;
        let body = Settle::within(Rc::clone(scope), body.into_future());
        Over {
            body: within(*place, body),
            due_in: None,
            entered: None,
            is_cancelled: false,
            timeout: self,
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
        before.iter().for_each(Alarm::cancel);
        if let Some(when) = due.get() {
            let _place = place.enter();
            let expire = self.clone();
            let (event_loop, expire) = (get_running_loop(), move || expire.expire());
            // What is over is over before whoever yields just now has its turn again.
            alarm.replace(Some(if when <= event_loop.time() {
                Alarm::Soon(event_loop.call_soon(expire))
            } else {
                Alarm::At(event_loop.call_at(when, expire))
            }));
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

    /// It runs from now on.
    fn enter(&self, due_in: Option<Duration>) -> Entered {
        let Block { state, when, .. } = &*self.0;
        assert_eq!(state.get(), State::Created, "a timeout can be entered once");
        state.set(State::Active);
        if let Some(delay) = due_in {
            when.set(get_running_loop().reactor().after(delay));
        }
        self.reschedule(when.get());
        Entered(self.clone())
    }

    /// It does not run any more.
    fn stop(&self) {
        let Block { state, alarm, .. } = &*self.0;
        if state.get() == State::Active {
            state.set(State::Exited);
        }
        let before = alarm.take();
        before.iter().for_each(Alarm::cancel);
    }
}

pin_project! {
    // A body with its timeout. It holds the body once: an `async fn` would hold it several times.
    struct Over<F: Future> {
        #[pin]
        body: Within<Settle<F>>,
        // Counted from the first poll.
        due_in: Option<Duration>,
        // Set by the first poll. Behind the body, since it is dropped behind it.
        entered: Option<Entered>,
        // Set where it was cancelled from outside: then it goes on to be.
        is_cancelled: bool,
        timeout: Timeout,
    }
}

impl<F: Future> Future for Over<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.entered.is_none() {
            *this.entered = Some(this.timeout.enter(*this.due_in));
        }
        if *this.is_cancelled {
            return raise();
        }
        let end = ready!(this.body.poll(context));
        this.timeout.stop();
        let Block { scope, .. } = &*this.timeout.0;
        match end {
            End::Finished(output) => Poll::Ready(Ok(output)),
            End::Panicked(panic) => resume_unwind(panic),
            End::Cancelled if this.timeout.expired() && scope.from_outside.get() == 0 => {
                Poll::Ready(Err(Elapsed))
            }
            End::Cancelled => {
                *this.is_cancelled = true;
                raise()
            }
        }
    }
}

/// A body that is under way: dropped, it takes the timer back.
struct Entered(Timeout);

impl Drop for Entered {
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
