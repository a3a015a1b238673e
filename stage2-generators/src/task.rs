//! Who presses "next": a generator of deferreds, and the loop that waits for each of them.
//!
//! Twisted's `inlineCallbacks` (2007), Tornado's `gen.coroutine`. Nothing below this file
//! knows of it: the loop still serves callbacks, and one of them resumes the generator.

use std::any::type_name_of_val;
use std::rc::Rc;

use reactor::trace::{self, Place};

use crate::coroutine::{Co, Generator, Step};
use crate::deferred::{
    Cancelled, Chain, Deferred, Firer, Flow, Link, Next, Outcome, WaitsForItself,
};
use crate::extras::lasting::{self, Lasting};
use crate::extras::linked::Links;
use crate::extras::waits_for::WaitsFor;
use crate::failure::{Failure, guard};

/// A function that waits for deferreds. What they come to is no concern of its driver's: it
/// is yielded their chains, and the yield itself takes the value.
struct Routine<T: 'static> {
    generator: Generator<Rc<Chain>, (), T>,
    subject: trace::Id,
    /// Fires with what the function comes to.
    firer: Firer<T>,
    /// Set by `park`; a cancel goes there. While the function runs, that has fired already.
    waits_for: WaitsFor,
    /// Its place among the links of that.
    links: Links,
}

type Door = Co<Rc<Chain>, ()>;

thread_local! {
    /// The door of the routine that is running; read by `yield_`.
    static CURRENT: Lasting<Door> = const { Lasting::new() };
}

/// Runs `body`, which may [`yield_`] deferreds, and fires with what it returns. It begins at
/// once and runs to the first deferred that has not fired.
///
/// Cancelling the result cancels what the body waits for at the moment, every time. So
/// [`Cancelled`] is raised at its yield; it may clean up, and wait for that; and what it comes
/// to then is the result. While it runs it waits for nothing that could be cancelled.
///
/// ```
/// # use stage2_generators::{Deferred, inline_callbacks, yield_};
/// let (firer, later) = Deferred::new();
/// let answer = inline_callbacks(async {
///     let half: i32 = yield_(later).await?;
///     Ok(2 * half)
/// });
/// firer.fire(Ok(21)).unwrap();
/// assert_eq!(answer.try_take().unwrap().unwrap(), 42);
/// ```
#[doc(alias = "inlineCallbacks")]
#[track_caller]
pub fn inline_callbacks<T: 'static>(
    body: impl Future<Output = Result<T, Failure>> + 'static,
) -> Deferred<T> {
    let subject = trace::created(trace::Kind::Generator, type_name_of_val(&body));
    let generator = Generator::new(|co| lasting::with(&CURRENT, co, body));
    let (waits_for, links) = <(WaitsFor, Links)>::default();
    let (firer, deferred) = waits_for.deferred();
    resume(&Rc::new(Routine { generator, subject, firer, waits_for, links }));
    deferred
}

/// Waits for a deferred: gives its value, or raises its failure right here. A plain result
/// passes straight through.
///
/// ```
/// # use stage2_generators::{Failure, deferred::fail, inline_callbacks, yield_};
/// let told = inline_callbacks(async {
///     match yield_(fail::<i32>("no such page")).await {
///         Ok(_) => unreachable!(),
///         Err(failure) => Ok(failure.to_string()),
///     }
/// });
/// assert_eq!(told.try_take().unwrap().unwrap(), "no such page");
/// ```
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
    // What stays here is the end. The chain keeps whoever waits for it: this would keep itself.
    let Deferred { chain, end } = match outcome.into_next() {
        Next::Done(result) => return result,
        Next::Wait(deferred) => match deferred.try_take() {
            Ok(result) => return result,
            Err(deferred) => deferred,
        },
    };
    let door = CURRENT.with(Lasting::get).expect(
        "yield_ outside a generator: only the body of an `inline_callbacks` can wait",
    );
    trace::waits_at(place);
    door.yield_(chain).await?;
    end.take()
}

/// Resumes a routine up to its next wait, or to its end: the one place where a suspended
/// function goes on.
fn resume<T: 'static>(routine: &Rc<Routine<T>>) {
    let mut raise = None;
    loop {
        let end = match guard(|| routine.next(raise.take())).and_then(|step| step) {
            Ok(Step::Yield(chain)) if chain.waits_for(&routine.firer.chain()) => {
                raise = Some(WaitsForItself);
                continue;
            }
            Ok(Step::Yield(chain)) => return park(&chain, routine),
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
    fn next(&self, raise: Option<WaitsForItself>) -> Result<Step<Rc<Chain>, T>, Failure> {
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
fn park<T: 'static>(chain: &Rc<Chain>, routine: &Rc<Routine<T>>) {
    routine.waits_for.this(chain);
    chain.links.push(Rc::clone(routine) as _);
    chain.run();
}

/// It leaves itself, again and again: to wait takes no memory.
impl<T> Link for Routine<T> {
    fn run(self: Rc<Self>, _: &Rc<Chain>) -> Flow {
        resume(&self);
        Flow::Next
    }

    fn links(&self) -> &Links {
        &self.links
    }
}
