//! A call that is made again and again, by the beat of a clock: Twisted's `LoopingCall`.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::clock::now;
use crate::deferred::{CancelHandle, Deferred, Firer, Next, Outcome, maybe_deferred};
use crate::event_loop::{DelayedCall, call_later};
use crate::failure::Failure;

/// Calls a function at every beat. The beats are those of the start, however long the calls
/// take: what comes too late for one waits for the next, and what was missed is skipped. A
/// call that gives a deferred is over when that has fired. Its clones are one looping call.
///
/// A function that keeps its own looping call keeps itself: give it something weaker.
///
/// ```
/// use stage1_callbacks::extras::{clock::Clock, looping::LoopingCall};
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let (clock, beats) = (Clock::new(), Rc::new(Cell::new(0)));
/// let heard = Rc::clone(&beats);
/// let pulse = LoopingCall::new(move || heard.set(heard.get() + 1));
/// let end = pulse.start(Duration::from_secs(1)); // calls for the first time
/// clock.pump([Duration::from_millis(500); 4]);
/// assert_eq!(beats.get(), 3);
/// pulse.stop();
/// end.try_take().unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct LoopingCall(Rc<Looping>);

struct Looping {
    /// Taken for the length of a call.
    body: Cell<Option<Body>>,
    /// The time of the start, and the time from beat to beat.
    beat: Cell<Option<(Instant, Duration)>>,
    /// The last beat that was called. The start is beat 0.
    last: Cell<i128>,
    is_running: Cell<bool>,
    /// The next call, while there is none under way.
    next: RefCell<Option<DelayedCall>>,
    /// The call that is under way.
    under_way: RefCell<Option<CancelHandle>>,
    /// Taken when it has come to its end.
    firer: Cell<Option<Firer<()>>>,
}

/// Takes how many beats there were.
type Body = Box<dyn FnMut(u64) -> Next<()>>;

impl LoopingCall {
    /// A looping call that has not started.
    pub fn new<R: Outcome<Value = ()>>(mut body: impl FnMut() -> R + 'static) -> Self {
        Self::with_count(move |_| body())
    }

    /// The same, and tells the function how many beats there were since its last call: one, and
    /// more if some were missed.
    #[doc(alias = "withCount")]
    pub fn with_count<R: Outcome<Value = ()>>(
        mut body: impl FnMut(u64) -> R + 'static,
    ) -> Self {
        let body: Body = Box::new(move |beats| body(beats).into_next());
        Self(Rc::new(Looping {
            body: Cell::new(Some(body)),
            beat: Cell::default(),
            last: Cell::default(),
            is_running: Cell::default(),
            next: RefCell::default(),
            under_way: RefCell::default(),
            firer: Cell::default(),
        }))
    }

    /// Calls at once, and then at every beat. Fires once it is stopped, and fails with the
    /// first call that does. A cancel stops it, and goes to the call that is under way.
    /// (Twisted's goes on then.) With no time between the beats it calls in every turn; and
    /// [`Clock::advance`](super::clock::Clock::advance), which returns when no call is due, does
    /// not return then, as Twisted's does not.
    ///
    /// # Panics
    ///
    /// Panics when it is running already, and when no loop is running on this thread.
    #[track_caller]
    pub fn start(&self, interval: Duration) -> Deferred<()> {
        let end = self.begin(interval, -1);
        Rc::clone(&self.0).call();
        end
    }

    /// The same, and calls for the first time after a beat: Twisted's `start(now=False)`.
    ///
    /// # Panics
    ///
    /// Panics when it is running already, and when no loop is running on this thread.
    #[doc(alias = "now")]
    #[track_caller]
    pub fn start_later(&self, interval: Duration) -> Deferred<()> {
        let end = self.begin(interval, 0);
        Rc::clone(&self.0).wait_for_beat();
        end
    }

    /// Calls no more. It has come to its end when the call under way has, if there is one.
    ///
    /// # Panics
    ///
    /// Panics when it is not running.
    pub fn stop(&self) {
        assert!(
            self.0.is_running.replace(false),
            "a looping call that does not run is stopped"
        );
        if self.0.drop_next() {
            self.0.end(Ok(()));
        }
    }

    /// Starts the beat anew: the next call comes after one from now. While a call is under way
    /// it does nothing.
    ///
    /// # Panics
    ///
    /// Panics when it is not running.
    pub fn reset(&self) {
        assert!(self.0.is_running.get(), "a looping call that does not run is reset");
        if self.0.drop_next() {
            let interval = self.0.beat.get().expect("it has started").1;
            self.0.beat.set(Some((now(), interval)));
            self.0.last.set(0);
            Rc::clone(&self.0).wait_for_beat();
        }
    }

    /// Whether it will call again.
    pub fn running(&self) -> bool {
        self.0.is_running.get()
    }

    #[track_caller]
    fn begin(&self, interval: Duration, last: i128) -> Deferred<()> {
        assert!(!self.0.is_running.replace(true), "a looping call that runs is started");
        self.0.beat.set(Some((now(), interval)));
        self.0.last.set(last);
        let looping = Rc::downgrade(&self.0);
        let (firer, end) = Deferred::with_canceller(move |_| {
            looping.upgrade().iter().for_each(|looping| looping.cancel());
        });
        let before = self.0.firer.replace(Some(firer));
        debug_assert!(before.is_none(), "it has come to its end before");
        end
    }
}

impl Looping {
    fn call(self: Rc<Self>) {
        drop(self.next.take());
        let mut body = self.body.take().expect("one call is over before the next");
        let beats = self.beats();
        let called = maybe_deferred(|| body(beats));
        self.body.set(Some(body));
        self.under_way.replace(Some(called.cancel_handle()));
        drop(called.add_both(move |result: Result<(), Failure>| {
            let handle = self.under_way.take();
            drop(handle);
            match result {
                Ok(()) if self.is_running.get() => self.wait_for_beat(),
                result => self.end(result),
            }
        }));
    }

    fn wait_for_beat(self: Rc<Self>) {
        let (start, interval) = self.beat.get().expect("it has started");
        let wait = match interval.as_nanos() {
            0 => Duration::ZERO,
            beat => nanos(beat - (now() - start).as_nanos() % beat),
        };
        let looping = Rc::clone(&self);
        self.next.replace(Some(call_later(wait, move || looping.call())));
    }

    /// How many beats there were since the last call.
    fn beats(&self) -> u64 {
        let (start, interval) = self.beat.get().expect("it has started");
        let Some(beat) = (now() - start).as_nanos().checked_div(interval.as_nanos())
        else {
            return 1; // they are countless
        };
        let beat = i128::try_from(beat).expect("a clock shows less");
        u64::try_from(beat - self.last.replace(beat)).expect("time does not go back")
    }

    /// `false`: there is no next call.
    fn drop_next(&self) -> bool {
        let next = self.next.take();
        next.iter().for_each(DelayedCall::cancel);
        next.is_some()
    }

    fn end(&self, result: Result<(), Failure>) {
        self.is_running.set(false);
        if let Some(firer) = self.firer.take() {
            // Too late for one that was cancelled meanwhile, which is no harm.
            let _ = firer.fire(result);
        }
    }

    fn cancel(&self) {
        self.is_running.set(false);
        self.drop_next();
        let under_way = self.under_way.take();
        under_way.iter().for_each(CancelHandle::cancel);
        drop(self.firer.take());
    }
}

fn nanos(n: u128) -> Duration {
    Duration::from_nanos_u128(n)
}

impl fmt::Debug for LoopingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("LoopingCall");
        f.field("running", &self.running()).finish_non_exhaustive()
    }
}
