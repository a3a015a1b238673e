//! What does it cost that a channel may be sent to another thread? A ball between two tasks of
//! one loop, over channels that could leave their thread, and over some that cannot.
//!
//! Both players are tasks, on tokio's loop too, where the one in `block_on` would be none: to wake
//! that costs a look at the sockets. This is the way of measuring that counts (ADR 40).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stage4_async_await::extras::channel as local;
use stage4_async_await::{run, spawn};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync as shared;

/// How often the ball goes there and back in an iteration: enough that opening a loop costs
/// nothing beside it.
const TIMES: u64 = 10_000;

/// Plays that often; gives how often the ball came back.
type Body = fn(u64) -> u64;

#[macro_use]
#[path = "peers/ball.rs"]
mod ball;

/// The same with a question, which has the way back in it: a new channel each time.
macro_rules! question {
    ($times:expr, $channels:ident, $spawn:expr) => {{
        let (there, mut questions) =
            $channels::mpsc::channel::<$channels::oneshot::Sender<u64>>(1);
        let other = $spawn(async move {
            while let Some(back) = questions.recv().await {
                back.send(1).expect("somebody plays");
            }
            0
        });
        let mut count = 0;
        for _ in 0..$times {
            let (back, returned) = $channels::oneshot::channel();
            there.send(back).await.expect("somebody plays");
            count += returned.await.expect("it comes back");
        }
        drop(there);
        count + other.await
    }};
}

fn channels(criterion: &mut Criterion) {
    compare(
        criterion,
        "channels/mpsc",
        &[
            ("tokio-on-tokio", |n| {
                on_tokio(async move { ball!(n, shared::mpsc::channel, tokio_spawn) })
            }),
            ("tokio-on-tokio-local", |n| {
                on_tokio_local(async move {
                    ball!(n, shared::mpsc::channel, tokio_spawn_local)
                })
            }),
            ("tokio-on-ours", |n| {
                on_ours(async move { ball!(n, shared::mpsc::channel, spawn) })
            }),
            ("loop-local", |n| {
                on_ours(async move { ball!(n, local::mpsc::channel, spawn) })
            }),
        ],
    );
    compare(
        criterion,
        "channels/oneshot",
        &[
            ("tokio-on-tokio", |n| {
                on_tokio(async move { question!(n, shared, tokio_spawn) })
            }),
            ("tokio-on-tokio-local", |n| {
                on_tokio_local(async move { question!(n, shared, tokio_spawn_local) })
            }),
            ("tokio-on-ours", |n| on_ours(async move { question!(n, shared, spawn) })),
            ("loop-local", |n| on_ours(async move { question!(n, local, spawn) })),
        ],
    );
}

fn compare(criterion: &mut Criterion, question: &str, bodies: &[(&str, Body)]) {
    let mut group = criterion.benchmark_group(question);
    group.throughput(Throughput::Elements(TIMES));
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.sample_size(20);
    for (id, body) in bodies {
        assert_eq!(body(TIMES), TIMES, "{id} does the same work");
        group.bench_function(BenchmarkId::from_parameter(id), |bencher| {
            bencher.iter(|| body(black_box(TIMES)));
        });
    }
    group.finish();
}

fn tokio_spawn(
    task: impl Future<Output = u64> + Send + 'static,
) -> impl Future<Output = u64> {
    let task = tokio::spawn(task);
    async { task.await.expect("it does not panic") }
}

fn tokio_spawn_local(
    task: impl Future<Output = u64> + 'static,
) -> impl Future<Output = u64> {
    let task = tokio::task::spawn_local(task);
    async { task.await.expect("it does not panic") }
}

fn on_ours(main: impl Future<Output = u64> + 'static) -> u64 {
    run(main).expect("it can be had")
}

/// In a task of its own, as it is on our loop.
fn on_tokio(main: impl Future<Output = u64> + Send + 'static) -> u64 {
    let runtime = Builder::new_current_thread().build().expect("it can be had");
    let task = runtime.spawn(main);
    runtime.block_on(task).expect("it does not panic")
}

fn on_tokio_local(main: impl Future<Output = u64> + 'static) -> u64 {
    let runtime = Builder::new_current_thread().build_local(LocalOptions::default());
    let runtime = runtime.expect("it can be had");
    let task = runtime.spawn_local(main);
    runtime.block_on(task).expect("it does not panic")
}

criterion_group!(benches, channels);
criterion_main!(benches);
