//! Where tasks are futures, the bodies are one text: what differs is who opens the loop, starts a
//! task, sets a timer.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use stage5_asyncio::events::with_loop_factory;
use stage5_asyncio::get_running_loop;

use super::{A_MOMENT, Count, PAIR, expected};

/// A loop whose tasks are futures.
pub(super) trait Loop: 'static {
    /// A fair semaphore.
    type Permits: 'static;

    fn run(main: impl Future<Output = u64> + 'static) -> u64;

    fn start(task: impl Future<Output = ()> + 'static) -> impl IntoFuture<Output = ()>;

    fn sleep(duration: Duration) -> impl Future<Output = ()>;

    fn one_permit() -> Self::Permits;

    fn acquire(permits: &Self::Permits) -> impl Future<Output = impl Sized>;

    /// Lets the others have their turn.
    async fn turn() {
        let mut woken = false;
        poll_fn(|context| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

pub(super) fn spawn<L: Loop>(n: u64) -> u64 {
    L::run(one_by_one::<L>(n))
}

/// The same while stage 5 looks who keeps the loop, and whose end nobody hears of.
pub(super) fn spawn_in_debug_mode(n: u64) -> u64 {
    Asyncio::run(async move {
        get_running_loop().set_debug(true);
        one_by_one::<Asyncio>(n).await
    })
}

async fn one_by_one<L: Loop>(n: u64) -> u64 {
    let count = Count::default();
    for _ in 0..expected(n) {
        let count = count.clone();
        L::start(async move { count.one_more() }).await;
    }
    count.get()
}

fn by_two<L: Loop, S: Future<Output = ()> + 'static>(
    n: u64,
    step: impl Fn() -> S + Clone + 'static,
) -> u64 {
    L::run(async move {
        let count = Count::default();
        let task = || {
            let (count, step) = (count.clone(), step.clone());
            L::start(async move {
                for _ in 0..n / PAIR {
                    step().await;
                    count.one_more();
                }
            })
        };
        let (one, other) = (task(), task());
        one.await;
        other.await;
        count.get()
    })
}

pub(super) fn yield_now<L: Loop>(n: u64) -> u64 {
    by_two::<L, _>(n, L::turn)
}

pub(super) fn hand_over<L: Loop>(n: u64) -> u64 {
    let permit = Rc::new(L::one_permit());
    by_two::<L, _>(n, move || {
        let permit = Rc::clone(&permit);
        async move {
            let acquiring = L::acquire(&permit);
            let _permit = acquiring.await;
            L::turn().await;
        }
    })
}

pub(super) fn timer<L: Loop>(n: u64) -> u64 {
    L::run(async move {
        let count = Count::default();
        for _ in 0..expected(n) {
            L::sleep(A_MOMENT).await;
            count.one_more();
        }
        count.get()
    })
}

/// Stage 4's.
pub(super) struct AsyncAwait;

impl Loop for AsyncAwait {
    type Permits = stage4_async_await::sync::Semaphore;

    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        stage4_async_await::run(main).expect("a loop can be opened")
    }

    fn start(task: impl Future<Output = ()> + 'static) -> impl IntoFuture<Output = ()> {
        stage4_async_await::spawn(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage4_async_await::time::sleep(duration)
    }

    fn one_permit() -> Self::Permits {
        Self::Permits::new(1)
    }

    fn acquire(permits: &Self::Permits) -> impl Future<Output = impl Sized> {
        permits.acquire()
    }
}

/// Stage 5's; on the loop of stage 6, too, if that is what is [opened](fast).
pub(super) struct Asyncio;

/// On the fast loop.
pub(super) fn fast(program: fn(u64) -> u64, n: u64) -> u64 {
    with_loop_factory(stage6_uvloop::open, || program(n))
}

impl Loop for Asyncio {
    type Permits = stage5_asyncio::locks::Semaphore;

    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        stage5_asyncio::run(main).expect("a loop can be opened")
    }

    fn start(task: impl Future<Output = ()> + 'static) -> impl IntoFuture<Output = ()> {
        stage5_asyncio::create_task(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage5_asyncio::time::sleep(duration)
    }

    fn one_permit() -> Self::Permits {
        Self::Permits::new(1)
    }

    fn acquire(permits: &Self::Permits) -> impl Future<Output = impl Sized> {
        permits.acquire()
    }
}
