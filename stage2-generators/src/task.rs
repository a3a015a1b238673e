//! Who presses "next": a generator of deferreds, and the loop that waits for each of them.
//!
//! Twisted's `inlineCallbacks` (2007), Tornado's `gen.coroutine`. Nothing below this file
//! knows of it: the loop still serves callbacks, and one of them resumes the generator.

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;

use reactor::trace::{self, Place};

use crate::coroutine::{Co, Generator, Step};
use crate::deferred::{CancelHandle, Cancelled, Deferred, Firer, Next, Outcome};
use crate::failure::{Failure, guard};

/// A function that yields deferreds. What it waits for is no concern of its driver's: the
/// value goes to the yield through a slot of its own.
struct Routine<T> {
    generator: Generator<Deferred<()>, (), T>,
    subject: trace::Id,
}

thread_local! {
    /// The door of the routine that is running; read by `yield_`.
    static CURRENT: RefCell<Option<Co<Deferred<()>, ()>>> = const { RefCell::new(None) };
}

/// Runs `body`, which may [`yield_`] deferreds, and fires with what it returns. It begins at
/// once and runs to the first deferred that has not fired. Cancelling the result cancels
/// what it waits for at the moment.
#[doc(alias = "inlineCallbacks")]
#[track_caller]
pub fn inline_callbacks<T: 'static>(
    body: impl Future<Output = Result<T, Failure>> + 'static,
) -> Deferred<T> {
    let subject = trace::created(trace::Kind::Generator, type_name_of_val(&body));
    let generator = Generator::new(|co| with_door(co, body));
    let routine = Routine { generator, subject };
    let waits_for = Rc::new(RefCell::new(None::<CancelHandle>));
    let cancel = Rc::clone(&waits_for);
    let (firer, deferred) = Deferred::with_canceller(move |_| {
        let handle = cancel.take();
        handle.iter().for_each(CancelHandle::cancel);
    });
    resume(routine, firer, waits_for);
    deferred
}

/// Waits for a deferred: gives its value, or raises its failure right here. A plain result
/// passes straight through.
///
/// # Errors
///
/// What the deferred failed with.
///
/// # Panics
///
/// Panics outside the body of an [`inline_callbacks`].
#[doc(alias = "yield")]
#[track_caller]
pub fn yield_<O: Outcome>(outcome: O) -> impl Future<Output = Result<O::Value, Failure>> {
    yield_at(Place::here(), outcome)
}

async fn yield_at<O: Outcome>(place: Place, outcome: O) -> Result<O::Value, Failure> {
    let deferred = match outcome.into_next() {
        Next::Done(result) => return result,
        Next::Wait(deferred) => match deferred.try_take() {
            Ok(result) => return result,
            Err(deferred) => deferred,
        },
    };
    let door = CURRENT.with_borrow(Clone::clone).expect(
        "yield_ outside a generator: only the body of an `inline_callbacks` can wait",
    );
    let value = Rc::new(Cell::new(None));
    let slot = Rc::clone(&value);
    trace::waits_at(place);
    door.yield_(deferred.add_both(move |result| slot.set(Some(result)))).await?;
    value.take().expect("a routine is resumed once what it waits for has fired")
}

/// Resumes a routine, again and again for as long as what it yields has fired: the one place
/// where a suspended function goes on. A loop, so that a thousand deferreds that have fired
/// are not a thousand calls deep.
fn resume<T: 'static>(
    routine: Routine<T>,
    firer: Firer<T>,
    waits_for: Rc<RefCell<Option<CancelHandle>>>,
) {
    loop {
        let end = match guard(|| routine.next()).and_then(|step| step) {
            Ok(Step::Yield(deferred)) => match deferred.try_take() {
                Ok(_) => continue,
                Err(deferred) => return park(deferred, routine, firer, waits_for),
            },
            Ok(Step::Return(value)) => Ok(value),
            Err(failure) => Err(failure),
        };
        // Too late for a deferred that was cancelled meanwhile, which is no harm.
        let _ = firer.fire(end);
        return;
    }
}

impl<T> Routine<T> {
    /// Runs it up to its next yield, or to its end.
    fn next(&self) -> Result<Step<Deferred<()>, T>, Failure> {
        let running = trace::resumed(self.subject);
        let step = self.generator.next();
        match &step {
            Ok(Step::Yield(_)) => running.suspended(),
            Err(failure) if failure.is::<Cancelled>() => running.cancelled(),
            _ => running.finished(),
        }
        step
    }
}

/// Leaves the routine with the deferred it waits for, which will resume it.
fn park<T: 'static>(
    deferred: Deferred<()>,
    routine: Routine<T>,
    firer: Firer<T>,
    waits_for: Rc<RefCell<Option<CancelHandle>>>,
) {
    let before = waits_for.replace(Some(deferred.cancel_handle()));
    drop(before);
    drop(deferred.add_callback(move |()| resume(routine, firer, waits_for)));
}

/// Makes `co` the current door whenever `body` runs, and puts the old one back.
async fn with_door<T>(
    co: Co<Deferred<()>, ()>,
    body: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    struct Restore(Option<Co<Deferred<()>, ()>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let mut body = pin!(body);
    poll_fn(|context| {
        let _outer = Restore(CURRENT.replace(Some(co.clone())));
        body.as_mut().poll(context)
    })
    .await
}
