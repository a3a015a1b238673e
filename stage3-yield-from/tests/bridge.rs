//! Two generations meet. A generator of the stage before is delegated to from a coroutine, which
//! is what `@types.coroutine` stands for; and a coroutine is driven by those who know only
//! generators: `inline_callbacks`, and the trampoline.
//!
//! Each has errors of its own. One that is only passed on comes out as what it went in.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage2_generators as old;
use stage2_generators::deferred::{Deferred, Firer};
use stage2_generators::extras::requests;
use stage2_generators::extras::trampoline::{self, Answer, Request};
use stage3_yield_from as new;
use stage3_yield_from::coroutine::{Co, Delegate};
use stage3_yield_from::future::{AnyFuture, Cancelled};
use stage3_yield_from::task::Awaitable;
use stage3_yield_from::{Future, call_later, coroutine, run, spawn, yield_from};

type Old<Y, S, R> = old::coroutine::Generator<Y, S, R>;
type New<Y, S, R> = new::coroutine::Generator<Y, S, R>;

const MS: Duration = Duration::from_millis(1);

/// An error on the other side.
#[derive(Debug)]
struct Crossed<F>(F);

impl<F: fmt::Display> fmt::Display for Crossed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: fmt::Debug + fmt::Display> Error for Crossed<F> {}

/// Goes over to the new side, or home.
fn to_new(failure: old::Failure) -> new::Failure {
    if let Some(Crossed(original)) = failure.get::<Crossed<new::Failure>>() {
        return original.clone();
    }
    if failure.is::<old::coroutine::GeneratorExit>() {
        return new::coroutine::GeneratorExit.into();
    }
    Crossed(failure).into()
}

/// The other way.
fn to_old(failure: new::Failure) -> old::Failure {
    if let Some(Crossed(original)) = failure.get::<Crossed<old::Failure>>() {
        return original.clone();
    }
    if failure.is::<new::coroutine::GeneratorExit>() {
        return old::coroutine::GeneratorExit.into();
    }
    Crossed(failure).into()
}

/// `@types.coroutine`: an old generator that a new one may delegate to.
struct FromOld<Y: 'static, S: 'static, R: 'static>(Old<Y, S, R>);

/// PEP 380's expansion once more, with a border in it.
impl<Y, S: Default, R> Delegate<Y, S> for FromOld<Y, S, R> {
    type Return = R;

    async fn delegate(self, co: &Co<Y, S>) -> Result<R, new::Failure> {
        let mut step = self.0.next();
        loop {
            step = match step.map_err(to_new)? {
                old::Step::Return(value) => return Ok(value),
                old::Step::Yield(value) => match co.yield_(value).await {
                    Ok(sent) => self.0.resume(sent),
                    Err(exit) if exit.is::<new::coroutine::GeneratorExit>() => {
                        self.0.close().map_err(to_new)?;
                        return Err(exit);
                    }
                    Err(thrown) => self.0.throw(to_old(thrown)),
                },
            };
        }
    }
}

/// One that yields futures can be waited for like any coroutine.
impl<R> Awaitable for FromOld<AnyFuture, (), R> {
    type Output = R;

    async fn wait_through(self, door: &Co<AnyFuture, ()>) -> Result<R, new::Failure> {
        door.yield_from(self).await
    }
}

/// The other way: a new generator as the body of an old one.
struct FromNew<Y: 'static, S: 'static, R: 'static>(New<Y, S, R>);

impl<Y, S, R> old::coroutine::Body<Y, S, R> for FromNew<Y, S, R> {
    fn resume(
        &mut self,
        with: old::coroutine::Resume<S>,
    ) -> old::coroutine::Stepped<Y, R> {
        let step = match with {
            old::coroutine::Resume::Start => self.0.start(),
            old::coroutine::Resume::Send(value) => self.0.resume(value),
            old::coroutine::Resume::Throw(failure) => self.0.throw(to_new(failure)),
        };
        match step.map_err(to_old)? {
            new::coroutine::Step::Yield(value) => Ok(old::Step::Yield(value)),
            new::coroutine::Step::Return(value) => Ok(old::Step::Return(value)),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KeyError;

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyError")
    }
}

impl Error for KeyError {}

#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

/// Says something when it is dropped.
struct Finally(Log, &'static str);

impl Drop for Finally {
    fn drop(&mut self) {
        self.0.say(self.1);
    }
}

/// The old one is in the middle of a new one: it is sent what that is sent, catches what is
/// thrown, is closed first, and gives its return value.
fn sandwich(log: &Log) -> New<i32, i32, i32> {
    let (outer, inner) = (Finally(log.clone(), "outer"), Finally(log.clone(), "inner"));
    let says = log.clone();
    let old = Old::new(|co| async move {
        let _inner = inner;
        let mut total = 0;
        loop {
            match co.yield_(total).await {
                Ok(0) => return Ok(total),
                Ok(sent) => total += sent,
                Err(exit) if exit.is::<old::coroutine::GeneratorExit>() => {
                    return Err(exit);
                }
                Err(failure) if total > 100 => return Err(failure),
                Err(caught) => says.say(caught.to_string()),
            }
        }
    });
    New::new(|co| async move {
        let _outer = outer;
        Ok(co.yield_from(FromOld(old)).await? + 1)
    })
}

#[test]
fn a_coroutine_delegates_to_an_old_generator() {
    let log = Log::default();
    let returns = sandwich(&log);
    assert_eq!(returns.start().unwrap(), new::coroutine::Step::Yield(0));
    assert_eq!(returns.resume(5).unwrap(), new::coroutine::Step::Yield(5));
    assert_eq!(returns.throw(KeyError).unwrap(), new::coroutine::Step::Yield(5));
    assert_eq!(returns.resume(0).unwrap(), new::coroutine::Step::Return(6));
    assert_eq!(log.0.take(), ["KeyError", "inner", "outer"]);

    let closed = sandwich(&log);
    closed.start().unwrap();
    closed.close().unwrap();
    assert_eq!(log.0.take(), ["inner", "outer"]);

    let fails = sandwich(&log);
    fails.start().unwrap();
    fails.resume(101).unwrap();
    let failure = fails.throw(KeyError).unwrap_err();
    assert!(failure.is::<KeyError>(), "it comes out as it went in: {failure:?}");
}

/// A future that is done after that time.
fn after(delay: Duration) -> Future<()> {
    let future = Future::new();
    let done = future.clone();
    drop(call_later(delay, move || done.set_result(()).unwrap()));
    future
}

/// The old one yields futures: a task waits for them, through the coroutine between. A cancel of
/// the task cancels the future, as always, and so it is the old one that hears of it first.
#[test]
fn a_task_waits_for_what_an_old_generator_yields() {
    let log = Log::default();
    let naps = |log: &Log| {
        let log = log.clone();
        FromOld(Old::<AnyFuture, (), &'static str>::new(|co| async move {
            for n in 0..2 {
                let nap = after(MS * 10);
                co.yield_(nap.erased()).await?;
                if let Err(failure) = nap.result() {
                    log.say(format!("cleans up: {failure}"));
                    return Err(to_old(failure));
                }
                log.say(format!("nap {n}"));
            }
            Ok("rested")
        }))
    };
    let (rests, cancelled) = (naps(&log), naps(&log));
    let told = log.clone();
    let ended = backend::scope(Clockwork::new(), || {
        run(coroutine(async move {
            told.say(yield_from(rests).await?);
            let task = spawn(coroutine(yield_from(cancelled)));
            yield_from(&after(MS * 15)).await?;
            task.cancel();
            yield_from(&task).await
        }))
    });
    assert!(ended.unwrap().unwrap_err().is::<Cancelled>());
    let told = ["nap 0", "nap 1", "rested", "nap 0", "cleans up: cancelled"];
    assert_eq!(log.0.take(), told);
}

/// Adds what the deferreds fire with: in a generator that is called by one that is called.
fn adds(deferreds: Vec<Deferred<i32>>) -> New<Option<Deferred<i32>>, Option<i32>, i32> {
    type Door = Co<Option<Deferred<i32>>, Option<i32>>;
    async fn add(co: Door, deferreds: Vec<Deferred<i32>>) -> Result<i32, new::Failure> {
        let mut sum = 0;
        for deferred in deferreds {
            sum += co.yield_(Some(deferred)).await?.expect("a value was waited for");
        }
        Ok(sum)
    }
    New::new(|co| async move {
        let middle = New::new(|co: Door| async move {
            let inner = New::new(|co| add(co, deferreds));
            co.yield_from(&inner).await
        });
        Ok(10 * co.yield_from(&middle).await?)
    })
}

/// `inline_callbacks` drives whatever can be resumed.
fn drive(coroutine: New<Option<Deferred<i32>>, Option<i32>, i32>) -> Deferred<i32> {
    old::inline_callbacks(async move {
        let mut step = coroutine.start();
        loop {
            step = match step.map_err(to_old)? {
                new::coroutine::Step::Return(value) => return Ok(value),
                new::coroutine::Step::Yield(None) => coroutine.resume(None),
                new::coroutine::Step::Yield(Some(deferred)) => {
                    match old::yield_(deferred).await {
                        Ok(value) => coroutine.resume(Some(value)),
                        Err(failure) => coroutine.throw(to_new(failure)),
                    }
                }
            };
        }
    })
}

#[test]
fn inline_callbacks_drives_a_coroutine_that_delegates() {
    let waiting = || -> (Firer<i32>, Deferred<i32>) {
        let (firer, later) = Deferred::new();
        (firer, drive(adds(vec![old::deferred::succeed(1), later])))
    };
    let (firer, sum) = waiting();
    let sum = sum.try_take().unwrap_err();
    firer.fire(Ok(2)).unwrap();
    assert_eq!(sum.try_take().unwrap().unwrap(), 30);

    let (firer, fails) = waiting();
    firer.fire(Err(KeyError.into())).unwrap();
    assert!(fails.try_take().unwrap().unwrap_err().is::<KeyError>());

    let (_firer, cancelled) = waiting();
    cancelled.cancel();
    let failure = cancelled.try_take().unwrap().unwrap_err();
    assert!(failure.is::<old::deferred::Cancelled>());
}

/// A routine that delegates, and asks for what it wants through all of its callers.
fn routine(log: &Log) -> New<Request, Answer, ()> {
    let log = log.clone();
    New::new(|co| async move {
        for n in 0..2 {
            let naps = New::new(|co: Co<Request, Answer>| async move {
                co.yield_(Request::Sleep(MS * 10)).await.map(drop)
            });
            let woken = co.yield_(Request::Id).await?;
            assert!(matches!(woken, Answer::Id(_)));
            co.yield_from(&naps).await?;
            log.say(format!("nap {n}"));
        }
        Ok(())
    })
}

#[test]
fn a_trampoline_runs_a_coroutine_that_delegates() {
    let log = Log::default();
    let (runs, cancelled) = (routine(&log), routine(&log));
    let told = log.clone();
    let ended = backend::scope(Clockwork::new(), || {
        trampoline::react(|co| async move {
            co.yield_(Request::Call(Old::from_body(FromNew(runs)))).await?;
            told.say("returned");
            let end = Rc::default();
            let routine = Old::from_body(FromNew(cancelled));
            let answer = co.yield_(Request::Spawn(routine, Rc::clone(&end))).await?;
            let Answer::Id(task) = answer else { panic!("{answer:?}") };
            requests::sleep(&co, MS * 15).await?;
            requests::cancel(&co, task).await?;
            co.yield_(Request::Join(task)).await.map(drop)
        })
    });
    ended.unwrap().unwrap();
    assert_eq!(log.0.take(), ["nap 0", "nap 1", "returned", "nap 0"]);
}
