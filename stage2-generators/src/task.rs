//! Who presses "next": a generator of deferreds, and the loop that waits for each of them.
//!
//! Twisted's `inlineCallbacks` (2007), Tornado's `gen.coroutine`. Nothing below this file
//! knows of it: the loop still serves callbacks, and one of them resumes the generator.

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::mem::ManuallyDrop;
use std::pin::pin;
use std::rc::Rc;

use reactor::trace::{self, Place};

use crate::coroutine::{Co, Generator, Step};
use crate::deferred::{
    CancelHandle, Cancelled, Deferred, Firer, Next, Outcome, WaitsForItself,
};
use crate::failure::{Failure, guard};

/// A function that yields deferreds. What it waits for is no concern of its driver's: the
/// value goes to the yield through a slot of its own.
struct Routine<T: 'static> {
    generator: Generator<Deferred<()>, (), T>,
    subject: trace::Id,
    /// Fires with what the function comes to.
    firer: Firer<T>,
    /// Filled by `park`, emptied by `resume`; a cancel goes there.
    waits_for: Rc<RefCell<Option<CancelHandle>>>,
}

type Door = Co<Deferred<()>, ()>;

thread_local! {
    /// The door of the routine that is running; read by `yield_`. It outlives every other
    /// thread-local value, one with a routine in it too.
    static CURRENT: ManuallyDrop<RefCell<Option<Door>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

/// Runs `body`, which may [`yield_`] deferreds, and fires with what it returns. It begins at
/// once and runs to the first deferred that has not fired.
///
/// Cancelling the result cancels what the body waits for at the moment, every time. So
/// [`Cancelled`] is raised at its yield; it may clean up, and wait for that; and what it comes
/// to then is the result. While it runs it waits for nothing that could be cancelled.
#[doc(alias = "inlineCallbacks")]
#[track_caller]
pub fn inline_callbacks<T: 'static>(
    body: impl Future<Output = Result<T, Failure>> + 'static,
) -> Deferred<T> {
    let subject = trace::created(trace::Kind::Generator, type_name_of_val(&body));
    let generator = Generator::new(|co| with_door(co, body));
    let waits_for = Rc::new(RefCell::new(None::<CancelHandle>));
    let (awaited, gone) = (Rc::clone(&waits_for), Rc::clone(&waits_for));
    let (firer, deferred) = Deferred::with_relay(
        move || awaited.borrow().iter().cloned().collect(),
        // What is gone took the routine with it.
        move |firer| {
            if gone.borrow().as_ref().is_some_and(CancelHandle::is_gone) {
                let _ = firer.fire(Err(Cancelled.into()));
            }
        },
    );
    resume(Routine { generator, subject, firer, waits_for });
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
    let door = CURRENT.with(|current| current.borrow().clone()).expect(
        "yield_ outside a generator: only the body of an `inline_callbacks` can wait",
    );
    let value = Rc::new(Cell::new(None));
    let slot = Rc::downgrade(&value);
    trace::waits_at(place);
    let put = move |result: Result<_, _>| {
        // Where nobody waits any more, an error is still one.
        let Some(slot) = slot.upgrade() else { return result.map(drop) };
        slot.set(Some(result));
        Ok(())
    };
    door.yield_(deferred.add_both(put)).await?;
    value.take().expect("a routine is resumed once what it waits for has fired")
}

/// Resumes a routine, again and again for as long as what it yields has fired: the one place
/// where a suspended function goes on. A loop, so that a thousand deferreds that have fired
/// are not a thousand calls deep.
fn resume<T: 'static>(routine: Routine<T>) {
    let before = routine.waits_for.take();
    drop(before);
    let mut raise = None;
    loop {
        let end = match guard(|| routine.next(raise.take())).and_then(|step| step) {
            Ok(Step::Yield(deferred)) => match deferred.try_take() {
                Ok(_) => continue,
                Err(deferred) if deferred.chain.waits_for(&routine.firer.chain) => {
                    raise = Some(WaitsForItself);
                    continue;
                }
                Err(deferred) => return park(deferred, routine),
            },
            Ok(Step::Return(value)) => Ok(value),
            Err(failure) => Err(failure),
        };
        // Too late for a deferred that was cancelled meanwhile, which is no harm.
        let _ = routine.firer.fire(end);
        return;
    }
}

impl<T: 'static> Routine<T> {
    /// Runs it up to its next yield, or to its end.
    fn next(
        &self,
        raise: Option<WaitsForItself>,
    ) -> Result<Step<Deferred<()>, T>, Failure> {
        let running = trace::resumed(self.subject);
        let step = match raise {
            None => self.generator.next(),
            Some(error) => self.generator.throw(error),
        };
        match &step {
            Ok(Step::Yield(_)) => running.suspended(),
            Err(failure) if failure.is::<Cancelled>() => running.cancelled(),
            _ => running.finished(),
        }
        step
    }
}

/// Leaves the routine with the deferred it waits for, which will resume it.
fn park<T: 'static>(deferred: Deferred<()>, routine: Routine<T>) {
    routine.waits_for.replace(Some(deferred.cancel_handle()));
    drop(deferred.add_both(move |result| {
        resume(routine);
        result
    }));
}

/// Makes `co` the current door whenever `body` runs, and puts the old one back.
async fn with_door<T>(
    co: Door,
    body: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    struct Restore(Option<Door>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let inner = CURRENT.with(|current| current.replace(self.0.take()));
            drop(inner);
        }
    }
    let mut body = pin!(body);
    poll_fn(|context| {
        let outer = CURRENT.with(|current| current.replace(Some(co.clone())));
        let _outer = Restore(outer);
        body.as_mut().poll(context)
    })
    .await
}
