//! What `calls::tasks` asks of our loops, asked of other people's: tokio's three ways to run
//! on one thread, smol's executor, and the pool of the `futures` crate. Of timers there is nothing
//! to compare: tokio's clock ticks in milliseconds, smol looks at the clock before it sets one,
//! and the pool has none.
//!
//! A task is compared with a task. What `block_on` is given is none on tokio's loop: to wake that,
//! tokio looks at its sockets, which is a system call, each time. So the two that take turns are
//! spawned on every loop, as everything is on ours; only who awaits them need not be. (In *spawn*
//! that is who starts each task and awaits it. There `tokio` is what a program sees whose `main` is in
//! `block_on`; what it costs between two tasks is counted in ADR 40.)

use std::rc::Rc;
use std::sync::Arc;

use calls::{Body, expected};
use futures::task::LocalSpawnExt;
use tokio::runtime::{Builder, LocalOptions};
use tokio::task::{LocalSet, spawn_local};

/// The program on each of the loops.
macro_rules! on_each {
    ($program:ident) => {
        [
            body("tokio", "tokio, current thread", $program::<Tokio>),
            body("tokio-local-set", "tokio, LocalSet", $program::<InALocalSet>),
            body("tokio-local", "tokio, LocalRuntime", $program::<Local>),
            body("smol", "smol, LocalExecutor", $program::<Smol>),
            body("futures", "futures, LocalPool", $program::<Pool>),
        ]
    };
}

/// By question, in the order of ours; each is to be shown beside the list of that name.
pub(crate) const SPAWN: [Body; 5] = on_each!(spawn);
pub(crate) const YIELD: [Body; 5] = on_each!(yield_now);
pub(crate) const HAND_OVER: [Body; 5] = on_each!(hand_over);

const fn body(id: &'static str, label: &'static str, run: fn(u64) -> u64) -> Body {
    Body { id, label, run }
}

/// Somebody else's loop.
trait Peer: Clone + 'static {
    /// A fair semaphore.
    type Permits: Send + Sync + 'static;

    fn run<F: Future<Output = u64> + 'static>(main: impl FnOnce(Self) -> F) -> u64;

    fn spawn(
        &self,
        task: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64>;

    fn one_permit() -> Self::Permits;

    fn acquire(permits: &Self::Permits)
    -> impl Future<Output = impl Send + Sized> + Send;
}

fn spawn<P: Peer>(n: u64) -> u64 {
    P::run(async move |peer: P| {
        let mut count = 0;
        for _ in 0..expected(n) {
            count += peer.spawn(async { 1 }).await;
        }
        count
    })
}

fn yield_now<P: Peer>(n: u64) -> u64 {
    by_two(move |_: &P| async move {
        for _ in 0..n / 2 {
            turn().await;
        }
        n / 2
    })
}

fn hand_over<P: Peer>(n: u64) -> u64 {
    let permits = Arc::new(P::one_permit());
    by_two(move |_: &P| {
        let permits = Arc::clone(&permits);
        async move {
            for _ in 0..n / 2 {
                let _permit = P::acquire(&permits).await;
                turn().await;
            }
            n / 2
        }
    })
}

fn by_two<P: Peer, F>(task: impl Fn(&P) -> F + 'static) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    P::run(async move |peer: P| {
        let (one, other) = (peer.spawn(task(&peer)), peer.spawn(task(&peer)));
        one.await + other.await
    })
}

/// Wakes itself and waits: the same future on every loop. tokio's own puts the wake off until it has
/// looked at its sockets, and so asks for something else.
async fn turn() {
    smol::future::yield_now().await;
}

/// tokio's runtime for one thread, whose tasks have to be `Send` all the same.
#[derive(Clone)]
struct Tokio;

impl Peer for Tokio {
    type Permits = tokio::sync::Semaphore;

    fn run<F: Future<Output = u64> + 'static>(main: impl FnOnce(Self) -> F) -> u64 {
        let runtime = Builder::new_current_thread().build().expect("it can be had");
        runtime.block_on(main(Self))
    }

    fn spawn(
        &self,
        task: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64> {
        let handle = tokio::spawn(task);
        async { handle.await.expect("it does not panic") }
    }

    fn one_permit() -> Self::Permits {
        tokio::sync::Semaphore::new(1)
    }

    fn acquire(
        permits: &Self::Permits,
    ) -> impl Future<Output = impl Send + Sized> + Send {
        permits.acquire()
    }
}

/// The same with a set of tasks that need not be `Send`.
#[derive(Clone)]
struct InALocalSet;

/// The runtime that needs no such set.
#[derive(Clone)]
struct Local;

/// What both have of tokio.
macro_rules! as_local_tasks {
    ($peer:ty, $run:expr) => {
        impl Peer for $peer {
            type Permits = tokio::sync::Semaphore;

            fn run<F: Future<Output = u64> + 'static>(
                main: impl FnOnce(Self) -> F,
            ) -> u64 {
                $run(main)
            }

            fn spawn(
                &self,
                task: impl Future<Output = u64> + Send + 'static,
            ) -> impl Future<Output = u64> {
                let handle = spawn_local(task);
                async { handle.await.expect("it does not panic") }
            }

            fn one_permit() -> Self::Permits {
                Tokio::one_permit()
            }

            fn acquire(
                permits: &Self::Permits,
            ) -> impl Future<Output = impl Send + Sized> + Send {
                permits.acquire()
            }
        }
    };
}

as_local_tasks!(InALocalSet, |main: _| {
    let runtime = Builder::new_current_thread().build().expect("it can be had");
    LocalSet::new().block_on(&runtime, in_a_task(main, InALocalSet))
});

as_local_tasks!(Local, |main: _| {
    let options = LocalOptions::default();
    let runtime = Builder::new_current_thread().build_local(options);
    runtime.expect("it can be had").block_on(in_a_task(main, Local))
});

/// Makes `main`'s future where tasks can be spawned.
async fn in_a_task<P, F: Future<Output = u64>>(
    main: impl FnOnce(P) -> F,
    peer: P,
) -> u64 {
    main(peer).await
}

#[derive(Clone)]
struct Smol(Rc<smol::LocalExecutor<'static>>);

impl Peer for Smol {
    type Permits = smol::lock::Semaphore;

    fn run<F: Future<Output = u64> + 'static>(main: impl FnOnce(Self) -> F) -> u64 {
        let executor = Rc::new(smol::LocalExecutor::new());
        smol::block_on(executor.run(main(Self(Rc::clone(&executor)))))
    }

    fn spawn(
        &self,
        task: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64> {
        self.0.spawn(task)
    }

    fn one_permit() -> Self::Permits {
        smol::lock::Semaphore::new(1)
    }

    fn acquire(
        permits: &Self::Permits,
    ) -> impl Future<Output = impl Send + Sized> + Send {
        permits.acquire()
    }
}

#[derive(Clone)]
struct Pool(futures::executor::LocalSpawner);

impl Peer for Pool {
    /// It has no semaphore; its lock is one with a single permit.
    type Permits = futures::lock::Mutex<()>;

    fn run<F: Future<Output = u64> + 'static>(main: impl FnOnce(Self) -> F) -> u64 {
        let mut pool = futures::executor::LocalPool::new();
        let main = main(Self(pool.spawner()));
        pool.run_until(main)
    }

    fn spawn(
        &self,
        task: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64> {
        self.0.spawn_local_with_handle(task).expect("the pool is there")
    }

    fn one_permit() -> Self::Permits {
        futures::lock::Mutex::new(())
    }

    fn acquire(
        permits: &Self::Permits,
    ) -> impl Future<Output = impl Send + Sized> + Send {
        permits.lock()
    }
}
