//! `async def` and `await` against CPython's `test_coroutines`: what an async function does when
//! it is called, awaited, awaited again, and let go.
//!
//! What Python raises and Rust refuses to compile is in `refused.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::Cell;
use std::future::{Ready, ready};
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use common::{FAR, Finally, Log, MS, caught, poll_once, say, story, text_of, turn};
use stage4_async_await::extras::async_generator::AsyncGenerator;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::{sleep, timeout};
use stage4_async_await::{run, spawn};

/// M5.01: by calling, by keeping, by handing over; a sleep counts from the first poll.
#[test]
fn nothing_runs_before_it_is_awaited() {
    let log = Log::default();
    let said = Rc::clone(&log);
    let ((), took) = story(async move {
        let speaks = async |what: &str| say(&said, what);
        let called = speaks("called");
        let limited = timeout(MS, speaks("limited"));
        let mut generator: AsyncGenerator<u32> = AsyncGenerator::new({
            let said = Rc::clone(&said);
            async move |co| {
                say(&said, "generator");
                co.yield_(1).await
            }
        });
        let (nap, task) = (sleep(10 * MS), spawn(async { 7 }));
        sleep(5 * MS).await;
        assert!(task.is_finished(), "a task runs by itself");
        say(&said, "nothing ran");
        called.await;
        limited.await.unwrap();
        generator.next().await.unwrap();
        nap.await;
    });
    assert_eq!(log.take(), ["nothing ran", "called", "limited", "generator"]);
    assert_eq!(took, 15 * MS);
}

/// M5.06: what was called and is never awaited is let go without a word at run time: the compiler
/// says it at the line, see `refused.rs`. Its arguments are dropped, and nothing of its body runs.
#[test]
fn what_is_never_awaited_drops_its_arguments_and_runs_nothing() {
    async fn takes(log: Log, _argument: Finally) {
        say(&log, "it ran");
        turn().await;
    }
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let argument = Finally(Rc::clone(&said), "argument");
        let never_awaited = takes(Rc::clone(&said), argument);
        turn().await;
        drop(never_awaited);
        say(&said, "let go");
    });
    assert_eq!(log.take(), ["argument", "let go"]);
}

/// M5.10: the last that was made is the first to go, then the arguments; the callee before the
/// caller; also when it ends by itself.
#[test]
fn variables_are_dropped_from_the_inside_out_and_the_last_one_first() {
    async fn inner(log: Log, _argument: Finally, nap: std::time::Duration) {
        let _first = Finally(Rc::clone(&log), "inner first");
        let _second = Finally(Rc::clone(&log), "inner second");
        sleep(nap).await;
    }
    async fn outer(log: Log, nap: std::time::Duration) {
        let _first = Finally(Rc::clone(&log), "outer first");
        let argument = Finally(Rc::clone(&log), "inner argument");
        inner(Rc::clone(&log), argument, nap).await;
        let _second = Finally(Rc::clone(&log), "outer second");
        turn().await;
    }
    let inner = ["inner second", "inner first", "inner argument"];
    for (nap, rest) in
        [(FAR, &["outer first"][..]), (MS, &["outer second", "outer first"])]
    {
        let log = Log::default();
        let said = Rc::clone(&log);
        story(async move {
            let task = spawn(outer(said, nap));
            sleep(2 * MS).await;
            let _ = task.cancel().await;
        });
        assert_eq!(log.take(), [&inner[..], rest].concat());
    }
}

/// M5.49: closing it again and again runs what cleans up once.
#[test]
fn to_cancel_one_that_is_over_does_nothing() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let mut generator: AsyncGenerator<u32> = AsyncGenerator::new(async |co| {
            let _guard = Finally(said, "cleaned up");
            co.yield_(1).await?;
            co.yield_(2).await
        });
        generator.next().await.unwrap();
        generator.next().await.unwrap();
        for _ in 0..4 {
            generator.close().await;
        }
    });
    assert_eq!(log.take(), ["cleaned up"]);
}

/// M5.03, M5.04: a future that is left where it is can be polled after its end by mistake. An
/// async function panics then, in the words of the compiler; a task's handle in ours.
#[test]
fn whoever_awaits_a_finished_one_again_is_told() {
    story(async {
        let mut once = pin!(async { timeout(MS, turn()).await });
        assert_eq!(once.as_mut().await, Ok(()));
        let told = caught(once.as_mut()).await.unwrap_err();
        assert!(told.contains("resumed after completion"), "{told}");

        let mut task: JoinHandle<u32> = spawn(async { 1 });
        assert_eq!((&mut task).await, 1);
        let told = caught(&mut task).await.unwrap_err();
        assert!(told.contains("gives its output once"), "{told}");

        let mut panics = pin!(async { panic!("in it") });
        assert_eq!(caught(panics.as_mut()).await.unwrap_err(), "in it");
        let told = caught(panics.as_mut()).await.unwrap_err();
        assert!(told.contains("resumed after panicking"), "{told}");
    });
}

/// M5.05: two awaiters are refused, since an await takes what it awaits. Behind a reference the
/// one polls after the other, and whoever polled last is woken: nobody is told of a mistake.
#[test]
fn of_two_that_poll_the_same_future_the_last_one_is_woken() {
    let (polls, _) = story(async {
        let mut shared = Box::pin(sleep(2 * MS));
        assert!(poll_once(shared.as_mut()).await.is_pending());
        let second = spawn(shared);
        let polls = Rc::new(Cell::new(0));
        let counting = Rc::clone(&polls);
        drop(spawn(std::future::poll_fn(move |_| {
            counting.set(counting.get() + 1);
            Poll::<()>::Pending
        })));
        second.await;
        polls.get()
    });
    assert_eq!(polls, 1, "and nobody else");
}

/// A number, later: `__await__`.
struct Later(u32);

/// M5.08 is its bound: what `into_future` gives has to be a future.
impl IntoFuture for Later {
    type Output = u32;
    type IntoFuture = Pin<Box<dyn Future<Output = u32>>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            sleep(MS).await;
            self.0
        })
    }
}

/// M5.50: `__await__` suspends once and returns 100; one that has it already gives it at once.
#[test]
fn what_can_become_a_future_can_be_awaited() {
    struct AtOnce;
    impl IntoFuture for AtOnce {
        type Output = u32;
        type IntoFuture = Ready<u32>;
        fn into_future(self) -> Ready<u32> {
            ready(52)
        }
    }
    let (got, took) = story(async { (Later(100).await, AtOnce.await) });
    assert_eq!((got, took), ((100, 52), MS));
}

/// M5.51: an error from the innermost passes through the wrapper, to where it is caught and
/// another is raised for it: `Marker`.
#[test]
fn an_error_passes_through_what_became_a_future() {
    struct Wrapper<F>(F);
    impl<F: Future> IntoFuture for Wrapper<F> {
        type Output = F::Output;
        type IntoFuture = F;
        fn into_future(self) -> F {
            self.0
        }
    }
    async fn inner(n: u32) -> Result<u32, &'static str> {
        let divided = Wrapper(async {
            turn().await;
            100_u32.checked_div(n).ok_or("ZeroDivisionError")
        });
        divided.await.map_err(|_| "Marker")
    }
    let (ended, _) = story(async { (Wrapper(inner(2)).await, Wrapper(inner(0)).await) });
    assert_eq!(ended, (Ok(50), Err("Marker")));
}

/// M5.52: 42, and 42168 from calls of calls in an expression.
#[test]
fn an_async_function_may_return_another_future() {
    async fn baz() -> u32 {
        turn().await;
        42
    }
    async fn bar() -> impl Future<Output = u32> {
        turn().await;
        baz()
    }
    let (got, _) = story(async {
        let wrap = || baz;
        let wraps = || wrap;
        let sum = baz().await
            + wrap()().await
            + wraps()()().await
            + baz().await * 1000
            + wrap()().await;
        (bar().await.await, sum, -i64::from(baz().await))
    });
    assert_eq!(got, (42, 42168, -42));
}

/// M5.53: a running loop cannot be run from within by a coroutine that it runs; and a task cannot
/// await itself, which would be a coroutine that is executing already.
#[test]
fn a_task_that_awaits_itself_is_told() {
    let slot: Rc<Cell<Option<JoinHandle<()>>>> = Rc::default();
    let own = Rc::clone(&slot);
    story(async move {
        slot.set(Some(spawn(async move {
            let me = own.take().unwrap();
            let told = caught(me).await.unwrap_err();
            assert!(told.contains("a task cannot await itself"), "{told}");
        })));
        let told = catch_unwind(|| run(async {})).unwrap_err();
        assert!(text_of(&*told).contains("from a running event loop"));
        sleep(MS).await;
    });
}

/// M5.27: there are three lines of it in Python: `inner` (caught), `fin` (its `finally`, with an
/// await), and "task cancelled". Here a cancel cannot be caught; the exit awaits all the same.
#[test]
fn a_cancel_goes_to_the_deepest_await_and_its_exit_awaits() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let manager = common::scope(&said, "it");
        let guard = Finally(Rc::clone(&said), "inner");
        let inner = async move {
            stage4_async_await::cancel::with(manager, async |_| {
                let _guard = guard;
                sleep(FAR).await;
                Ok(())
            })
            .await
        };
        let task = spawn(inner);
        turn().await;
        assert_eq!(task.cancel().await, None);
        say(&said, "task cancelled");
    });
    let fin = ["it begins to leave", "it left, its body ended not at all"];
    assert_eq!(log.take(), [&["inner"][..], &fin, &["task cancelled"]].concat());
}

/// M5.54: an await of something that is there already does not suspend: the loop is not asked,
/// and nobody else runs in between.
#[test]
fn an_await_of_what_is_there_does_not_suspend() {
    let log = Log::default();
    let said = Rc::clone(&log);
    story(async move {
        let other = Rc::clone(&said);
        let task = spawn(async move { say(&other, "other") });
        let free = Semaphore::new(1);
        for _ in 0..1000 {
            drop(free.acquire().await);
            ready(()).await;
            timeout(MS, async {}).await.unwrap();
        }
        say(&said, "a thousand times");
        task.await;
    });
    assert_eq!(log.take(), ["a thousand times", "other"]);
    let at_once =
        pin!(async { ready(1).await }).poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(at_once, Poll::Ready(1));
}
