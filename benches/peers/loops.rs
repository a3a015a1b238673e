//! What only loops with futures can be asked: of timers, of timeouts, of many tasks at once, and
//! what it costs that a channel may be sent to another thread. Ours, and tokio's.
//!
//! tokio's tasks are on a `LocalSet` of its loop for one thread: they need not be `Send`, as ours
//! need not. Both ask within a task.

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use calls::Body;
use stage5_asyncio::events::with_loop_factory;
use tokio::sync as shared;

#[macro_use]
#[path = "ball.rs"]
mod ball;

/// The program on each of the loops.
macro_rules! on_each {
    ($program:ident) => {
        [
            body("async-await", "async/await", $program::<Ours>),
            body("asyncio", "asyncio", $program::<Asyncio>),
            body("uvloop", "uvloop", $program::<Uvloop>),
            body("light", "uvloop, light tasks", $program::<Light>),
            body("tokio", "tokio, LocalSet", $program::<Tokio>),
        ]
    };
}

/// Starts tasks, up to a thousand of them, then waits for all; and so on.
pub(crate) const MANY: [Body; 5] = on_each!(many);

/// Makes a sleep, has it set its timer, and drops it.
pub(crate) const CALLED_OFF: [Body; 5] = on_each!(called_off);

/// So many tasks that sleep at once, for a millisecond each.
pub(crate) const SLEEPS: [Body; 5] = on_each!(sleeps);

/// A timeout around what is ready.
pub(crate) const IN_TIME: [Body; 5] = on_each!(in_time);

/// A timeout around what lets others have their turn.
pub(crate) const IN_A_TURN: [Body; 5] = on_each!(in_a_turn);

/// A ball over tokio's channels, that may leave their thread: there and back.
pub(crate) const SHARED_BALL: [Body; 5] = on_each!(shared_ball);

/// The same over channels of the loop, that cannot. tokio has none: its own stand beside them.
pub(crate) const LOCAL_BALL: [Body; 5] = [
    body("async-await", "async/await, its channel", stage4_ball),
    body("asyncio", "asyncio, its queue", |n| Asyncio::run(queue_ball(n))),
    body("uvloop", "uvloop, its queue", |n| Uvloop::run(queue_ball(n))),
    body("light", "uvloop, a channel of light tasks", light_ball),
    body("tokio", "tokio, LocalSet, its channel", shared_ball::<Tokio>),
];

/// Closures that are queued, up to a thousand of them, and run; and so on. A plain queue is the
/// least that it can cost.
pub(crate) const CALL_SOON: [Body; 2] = [
    body("queue", "a queue of closures", queue),
    body("callbacks", "callbacks, call_soon", call_soon),
];

const THOUSAND: u64 = 1_000;
const AN_HOUR: Duration = Duration::from_hours(1);
const A_MILLISECOND: Duration = Duration::from_millis(1);

const fn body(id: &'static str, label: &'static str, run: fn(u64) -> u64) -> Body {
    Body { id, label, run }
}

/// A loop with timers.
trait Timed: 'static {
    fn run(main: impl Future<Output = u64> + 'static) -> u64;
    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64>;
    fn sleep(duration: Duration) -> impl Future<Output = ()>;
    /// Whether it was in time.
    fn timeout(of: impl Future<Output = ()>) -> impl Future<Output = bool>;
}

fn many<L: Timed>(n: u64) -> u64 {
    L::run(async move {
        let mut count = 0;
        while count < n {
            let at_once = THOUSAND.min(n - count);
            let start = |_| Box::pin(L::spawn(async { 1 }));
            let tasks: Vec<_> = (0..at_once).map(start).collect();
            for task in tasks {
                count += task.await;
            }
        }
        count
    })
}

fn queue(n: u64) -> u64 {
    let (mut queue, count) =
        (VecDeque::<Box<dyn FnOnce()>>::new(), Rc::new(Cell::new(0)));
    while count.get() < n {
        for _ in 0..THOUSAND.min(n - count.get()) {
            let count = Rc::clone(&count);
            queue.push_back(Box::new(move || count.set(count.get() + 1)));
        }
        while let Some(next) = queue.pop_front() {
            next();
        }
    }
    count.get()
}

fn call_soon(n: u64) -> u64 {
    use stage1_callbacks::{call_soon, run, stop};
    fn again(n: u64, count: Rc<Cell<u64>>) {
        if count.get() == n {
            return stop();
        }
        for _ in 0..THOUSAND.min(n - count.get()) {
            let count = Rc::clone(&count);
            call_soon(move || count.set(count.get() + 1));
        }
        call_soon(move || again(n, count));
    }
    let count = Rc::new(Cell::new(0));
    let inside = Rc::clone(&count);
    run(move || {
        again(n, inside);
        Ok(())
    })
    .expect("a loop can be opened");
    count.get()
}

fn called_off<L: Timed>(n: u64) -> u64 {
    L::run(async move {
        let mut context = Context::from_waker(Waker::noop());
        let is_set = |_: &u64| pin!(L::sleep(AN_HOUR)).poll(&mut context).is_pending();
        (0..n).filter(is_set).count() as u64
    })
}

fn sleeps<L: Timed>(n: u64) -> u64 {
    L::run(async move {
        let sleeper = async || {
            L::sleep(A_MILLISECOND).await;
            1
        };
        let tasks: Vec<_> = (0..n).map(|_| Box::pin(L::spawn(sleeper()))).collect();
        let mut count = 0;
        for task in tasks {
            count += task.await;
        }
        count
    })
}

fn in_time<L: Timed>(n: u64) -> u64 {
    L::run(async move {
        let mut count = 0;
        for _ in 0..n {
            count += u64::from(L::timeout(std::future::ready(())).await);
        }
        count
    })
}

fn in_a_turn<L: Timed>(n: u64) -> u64 {
    L::run(async move {
        let mut count = 0;
        for _ in 0..n {
            count += u64::from(L::timeout(smol::future::yield_now()).await);
        }
        count
    })
}

fn shared_ball<L: Timed>(n: u64) -> u64 {
    L::run(async move { ball!(n, shared::mpsc::channel, L::spawn) })
}

fn stage4_ball(n: u64) -> u64 {
    use stage4_async_await::extras::channel::mpsc;
    Ours::run(async move { ball!(n, mpsc::channel, Ours::spawn) })
}

fn light_ball(n: u64) -> u64 {
    use stage6_uvloop::light::channel::channel;
    Light::run(async move { ball!(n, channel, Light::spawn) })
}

async fn queue_ball(n: u64) -> u64 {
    use stage5_asyncio::queues::Queue;
    let there: Rc<Queue<u64>> = Rc::new(Queue::bounded(1));
    let back: Rc<Queue<u64>> = Rc::new(Queue::bounded(1));
    let (balls, returned) = (Rc::clone(&there), Rc::clone(&back));
    let other = Asyncio::spawn(async move {
        while let Ok(ball) = balls.get().await {
            back.put(ball).await.expect("somebody plays");
        }
        0
    });
    let mut count = 0;
    for _ in 0..n {
        there.put(1).await.expect("somebody plays");
        count += returned.get().await.expect("it comes back");
    }
    there.shutdown(false);
    count + other.await
}

/// Stage 4's.
struct Ours;

impl Timed for Ours {
    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        stage4_async_await::run(main).expect("a loop can be opened")
    }

    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64> {
        stage4_async_await::spawn(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage4_async_await::time::sleep(duration)
    }

    async fn timeout(of: impl Future<Output = ()>) -> bool {
        stage4_async_await::time::timeout(AN_HOUR, of).await.is_ok()
    }
}

/// Stage 5's.
struct Asyncio;

impl Timed for Asyncio {
    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        stage5_asyncio::run(main).expect("a loop can be opened")
    }

    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64> {
        let task = stage5_asyncio::create_task(task);
        async move { task.await }
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage5_asyncio::time::sleep(duration)
    }

    async fn timeout(of: impl Future<Output = ()>) -> bool {
        stage5_asyncio::timeout(AN_HOUR, of).await.is_ok()
    }
}

/// Stage 6's: the same program.
struct Uvloop;

impl Timed for Uvloop {
    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        with_loop_factory(stage6_uvloop::open, || Asyncio::run(main))
    }

    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64> {
        Asyncio::spawn(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        Asyncio::sleep(duration)
    }

    fn timeout(of: impl Future<Output = ()>) -> impl Future<Output = bool> {
        Asyncio::timeout(of)
    }
}

/// Stage 6's light tasks.
struct Light;

impl Timed for Light {
    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        stage6_uvloop::light::run(main).expect("a loop can be opened")
    }

    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64> {
        stage6_uvloop::light::spawn(task)
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        stage6_uvloop::light::sleep(duration)
    }

    async fn timeout(of: impl Future<Output = ()>) -> bool {
        stage6_uvloop::light::timeout(AN_HOUR, of).await.is_ok()
    }
}

struct Tokio;

impl Timed for Tokio {
    fn run(main: impl Future<Output = u64> + 'static) -> u64 {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().build().expect("it can be had");
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let task = tokio::task::spawn_local(main);
            task.await.expect("it does not panic")
        })
    }

    fn spawn(task: impl Future<Output = u64> + 'static) -> impl Future<Output = u64> {
        let task = tokio::task::spawn_local(task);
        async move { task.await.expect("it does not panic") }
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> {
        tokio::time::sleep(duration)
    }

    async fn timeout(of: impl Future<Output = ()>) -> bool {
        tokio::time::timeout(AN_HOUR, of).await.is_ok()
    }
}
