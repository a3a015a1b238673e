//! Generations meet. A coroutine of the stage before is awaited in an async function, which is
//! what `types.coroutine` stands for; and an async function is waited for by a coroutine of the
//! stage before, in that stage's loop. So code can be carried over function by function, from
//! either end.
//!
//! What crosses the bridge is small: the one side yields what it waits for, the other is polled
//! with a waker. Each bridge turns the one into the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use common::{FAR, Finally, Log, MS, reports, say, scope, story, turn};
use reactor::backend::{self, Clockwork};
use stage2_generators as older;
use stage3_yield_from as old;
use stage3_yield_from::coroutine::{Co, Generator, GeneratorExit, Step};
use stage3_yield_from::future::Cancelled;
use stage3_yield_from::task::{Awaitable, Door};
use stage3_yield_from::{Coroutine, Failure, coroutine, yield_from};
use stage4_async_await::cancel::with;
use stage4_async_await::extras::async_generator::AsyncGenerator;
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{sleep, timeout};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TimedOut;

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it took too long")
    }
}

impl Error for TimedOut {}

/// What an old coroutine yields in order to wait: a future of this stage. It is sent the output.
type Wait = Pin<Box<dyn Future<Output = Result<u32, TimedOut>>>>;
type Old = Generator<Wait, u32, u32>;

/// Ends after that many milliseconds, with that number; or fails, if it takes longer than ten.
fn nap(millis: u32) -> Wait {
    Box::pin(async move {
        let nap = timeout(10 * MS, sleep(millis * MS));
        nap.await.map(|()| millis).map_err(|_| TimedOut)
    })
}

/// `types.coroutine`: whatever it yields is awaited, and what comes of that is sent or thrown
/// back in. Dropped half way, it drops the old one, which closes it.
async fn types_coroutine(old: Old) -> Result<u32, Failure> {
    let mut step = old.next()?;
    loop {
        step = match step {
            Step::Return(value) => return Ok(value),
            Step::Yield(wait) => match wait.await {
                Ok(value) => old.resume(value)?,
                Err(failure) => old.throw(failure)?,
            },
        };
    }
}

/// An old coroutine that delegates to another, as in its own days.
fn naps(log: &Log, millis: [u32; 2]) -> Old {
    let (outer, inner) = (Finally(Rc::clone(log), "o"), Finally(Rc::clone(log), "i"));
    let said = Rc::clone(log);
    Generator::new(|co| async move {
        let _outer = outer;
        let inner = Generator::new(|co: Co<Wait, u32>| async move {
            let _inner = inner;
            let mut sum = 0;
            for millis in millis {
                match co.yield_(nap(millis)).await {
                    Ok(sent) => sum += sent,
                    Err(exit) if exit.is::<GeneratorExit>() => {
                        say(&said, "closed");
                        return Err(exit);
                    }
                    Err(failure) => say(&said, &format!("caught: {failure}")),
                }
            }
            Ok(sum)
        });
        Ok(10 * co.yield_from(&inner).await?)
    })
}

#[test]
fn an_async_function_awaits_an_old_coroutine() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (sum, took) = story(async move {
        let other = spawn(async move { types_coroutine(naps(&said, [3, 2])).await });
        let log = Log::default();
        let sum = types_coroutine(naps(&log, [1, 2])).await.unwrap();
        (sum, other.await.unwrap())
    });
    assert_eq!((sum, took), ((30, 50), 5 * MS), "two at a time");
    assert_eq!(log.take(), ["i", "o"]);
}

#[test]
fn an_old_coroutine_catches_what_the_awaited_future_fails_with() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (sum, took) = story(async move { types_coroutine(naps(&said, [60, 2])).await });
    assert_eq!((sum.unwrap(), took), (20, 12 * MS));
    assert_eq!(log.take(), ["caught: it took too long", "i", "o"]);
}

#[test]
fn a_cancel_closes_the_old_coroutine_inside() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let task = spawn(types_coroutine(naps(&said, [5, 5])));
        sleep(7 * MS).await;
        assert!(task.cancel().await.is_none());
        say(&said, "cancelled");
    });
    assert_eq!(log.take(), ["closed", "i", "o", "cancelled"]);
    assert_eq!(took, 7 * MS, "its timer is gone");
}

/// The other way: an async function that an old coroutine waits for. Each time that it is pending,
/// the coroutine yields a future of its own stage, which the waker sets.
struct FromNew<F>(F);

impl<F: Future> Awaitable for FromNew<F> {
    type Output = F::Output;

    async fn wait_through(self, door: &Door) -> Result<F::Output, Failure> {
        let mut future = pin!(self.0);
        loop {
            let woken = Woken::new();
            let waker = woken.waker();
            let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
            drop(waker);
            if let Poll::Ready(output) = polled {
                return Ok(output);
            }
            door.yield_(woken.future.erased()).await?;
            // A cancel of the task cancels what it waits for.
            woken.future.result()?;
        }
    }
}

thread_local! {
    /// A waker may be on any thread, and these may not: so it knows a number.
    static WAITING: RefCell<BTreeMap<u64, old::Future<()>>> = const { RefCell::new(BTreeMap::new()) };

    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// A future of the old loop, until a waker has set it or nobody waits for it any more.
struct Woken {
    number: u64,
    future: old::Future<()>,
}

impl Woken {
    fn new() -> Self {
        let (number, future) = (COUNT.replace(COUNT.get() + 1), old::Future::new());
        WAITING.with_borrow_mut(|all| all.insert(number, future.clone()));
        Self { number, future }
    }

    fn waker(&self) -> Waker {
        Arc::new(SetsTheOldFuture(old::remote(), self.number)).into()
    }
}

impl Drop for Woken {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(|all| all.remove(&self.number));
    }
}

struct SetsTheOldFuture(old::event_loop::Remote, u64);

impl Wake for SetsTheOldFuture {
    fn wake(self: Arc<Self>) {
        let number = self.1;
        self.0.call_soon_threadsafe(move || {
            let woken = WAITING.with_borrow_mut(|all| all.remove(&number));
            if let Some(woken) = woken {
                let _ = woken.set_result(());
            }
        });
    }
}

/// Runs in the loop of the stage before.
fn old_story<R: 'static>(main: Coroutine<R>) -> (Result<R, Failure>, Duration) {
    let clock = Clockwork::new();
    let output = backend::scope(Rc::clone(&clock) as _, || old::run(main).unwrap());
    (output, clock.elapsed())
}

/// The permit, the generator and the `with` are of this stage; the clock is the old one's.
#[test]
fn an_old_coroutine_waits_for_an_async_function() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let (sum, took) = old_story(coroutine(async move {
        let semaphore = Rc::new(Semaphore::new(1));
        let holder = Rc::clone(&semaphore);
        let holds = old::spawn(coroutine(async move {
            let permit = yield_from(FromNew(holder.acquire())).await?;
            yield_from(old::time::sleep(5 * MS)).await?;
            drop(permit);
            Ok(())
        }));
        yield_from(old::time::sleep(MS)).await?;
        let sums = async move {
            let mut items: AsyncGenerator<u32> = AsyncGenerator::new(async move |co| {
                for n in 1..=3 {
                    let _permit = semaphore.acquire().await;
                    turn().await;
                    co.yield_(n).await?;
                }
                Ok(())
            });
            let mut sum = 0;
            while let Ok(Some(n)) = items.next().await {
                say(&said, &n.to_string());
                sum += n;
            }
            sum
        };
        let sum = yield_from(FromNew(sums)).await?;
        yield_from(holds).await?;
        Ok(sum)
    }));
    assert_eq!((sum.unwrap(), took), (6, 5 * MS));
    assert_eq!(log.take(), ["1", "2", "3"]);
    assert!(
        WAITING.with_borrow(|all| all.len() <= 5),
        "but for wakers that nobody called"
    );
}

/// A cancel is an error there and a drop here: the bridge turns the one into the other. An exit
/// cannot be awaited in the old loop, and somebody hears of that.
#[test]
fn a_cancel_of_the_old_task_drops_the_async_function() {
    let (log, reported) = (Log::default(), reports());
    let said = Rc::clone(&log);
    let (ended, _) = old_story(coroutine(async move {
        let (guard, manager) = (Finally(Rc::clone(&said), "dropped"), scope(&said, "it"));
        let task = old::spawn(coroutine(yield_from(FromNew(async move {
            with(manager, async |_| {
                let _guard = guard;
                common::never().await
            })
            .await
        }))));
        yield_from(old::time::sleep(MS)).await?;
        task.cancel();
        let ended = yield_from(task).await;
        say(&said, "cancelled");
        ended
    }));
    assert!(ended.unwrap_err().is::<Cancelled>());
    assert_eq!(log.take(), ["dropped", "cancelled"]);
    let told = reported.take();
    assert!(
        told.len() == 1 && told[0].contains("left behind where nobody awaits"),
        "{told:?}"
    );
}

/// A waker goes where it likes: also to another thread, which wakes the old loop from its sleep.
#[test]
fn an_async_function_in_the_old_loop_is_woken_by_another_thread() {
    let got = common::in_time(|| {
        old::run(coroutine(yield_from(FromNew(async {
            let slot = Arc::new(std::sync::Mutex::new(None));
            let mut thread = None;
            poll_fn(|context| {
                if let Some(value) = slot.lock().unwrap().take() {
                    return Poll::Ready(value);
                }
                thread.get_or_insert_with(|| {
                    let (slot, waker) = (Arc::clone(&slot), context.waker().clone());
                    thread::spawn(move || {
                        *slot.lock().unwrap() = Some(7);
                        waker.wake();
                    })
                });
                Poll::Pending
            })
            .await
        }))))
        .unwrap()
        .unwrap()
    });
    assert_eq!(got, 7);
}

/// A generator of the stage before that awaits nothing is what an async one loops over. Closing
/// the new one drops the old one, which closes it.
#[test]
fn an_async_generator_paces_an_old_generator() {
    fn paced(old: older::Generator<u32, (), ()>) -> AsyncGenerator<u32, (), String> {
        AsyncGenerator::new(async move |co| {
            for item in old.yields() {
                sleep(MS).await;
                co.yield_(item.map_err(|failure| failure.to_string())?).await?;
            }
            Ok(())
        })
    }
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let numbers = |guard| {
            older::Generator::new(|co| async move {
                let _guard = guard;
                for n in 0..3 {
                    co.yield_(n).await?;
                }
                Err("three are enough".into())
            })
        };
        let mut all = paced(numbers(Finally(Rc::clone(&said), "all")));
        for n in 0..3 {
            assert_eq!(all.next().await, Ok(Some(n)));
        }
        assert_eq!(all.next().await, Err("three are enough".to_owned()));
        let mut some = paced(numbers(Finally(Rc::clone(&said), "some")));
        assert_eq!(some.next().await, Ok(Some(0)));
        some.close().await;
        say(&said, "closed");
    });
    assert_eq!(log.take(), ["all", "some", "closed"]);
    assert_eq!(took, 5 * MS);
}

/// `Deferred.asFuture`: awaited in an async function. Dropped, it cancels the deferred, if that
/// has not fired.
struct AsFuture<T: 'static> {
    /// Gone once it has fired.
    deferred: Option<older::Deferred<()>>,
    /// Put there by the deferred's callback.
    result: Rc<Cell<Option<Result<T, older::Failure>>>>,
    waker: Rc<Cell<Option<Waker>>>,
}

fn as_future<T: 'static>(deferred: older::Deferred<T>) -> AsFuture<T> {
    let (result, waker) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None::<Waker>)));
    let (put, wake) = (Rc::clone(&result), Rc::clone(&waker));
    let deferred = deferred.add_both(move |fired| {
        put.set(Some(fired));
        if let Some(waker) = wake.take() {
            waker.wake();
        }
    });
    AsFuture { deferred: Some(deferred), result, waker }
}

impl<T> Future for AsFuture<T> {
    type Output = Result<T, older::Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(result) = self.result.take() {
            self.deferred = None;
            return Poll::Ready(result);
        }
        self.waker.set(Some(context.waker().clone()));
        Poll::Pending
    }
}

impl<T> Drop for AsFuture<T> {
    fn drop(&mut self) {
        if let Some(deferred) = &self.deferred {
            deferred.cancel();
        }
    }
}

#[test]
fn an_async_function_awaits_a_deferred() {
    let cancelled = Rc::new(Cell::new(false));
    let heard = Rc::clone(&cancelled);
    let ((), took) = story(async move {
        let (firer, deferred) = older::Deferred::new();
        let task = spawn(async move {
            sleep(2 * MS).await;
            firer.fire(Ok(20)).unwrap();
        });
        let doubled = as_future(deferred.add_callback(|n: u32| Ok(2 * n)));
        assert_eq!(doubled.await.unwrap(), 40);
        task.await;
        let fails = as_future(older::deferred::fail::<u32>("it failed"));
        assert_eq!(fails.await.unwrap_err().to_string(), "it failed");

        let (_firer, never) = older::Deferred::<u32>::new();
        let never = never.add_errback(move |failure| {
            heard.set(failure.is::<older::deferred::Cancelled>());
            Err(failure)
        });
        assert!(timeout(MS, as_future(never)).await.is_err());
    });
    assert!(cancelled.get());
    assert_eq!(took, 3 * MS);
    assert!(took < FAR);
}
