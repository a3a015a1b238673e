//! What does it cost that a channel may be sent to another thread? A ball between two tasks of
//! one loop, over channels that could leave their thread, and over some that cannot.
//!
//! Both players are tasks, on tokio's loop too, where the one in `block_on` would be none: to wake
//! that costs a look at the sockets. This is the way of measuring that counts (ADR 40).

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use stage4_async_await::extras::channel::{mpsc, oneshot};
use stage4_async_await::{run, spawn};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync as shared;

/// How often the ball goes there and back in an iteration: enough that opening a loop costs
/// nothing beside it.
const TIMES: u64 = 10_000;

/// Plays that often; gives how often the ball came back.
type Body = fn(u64) -> u64;

fn channels(criterion: &mut Criterion) {
    compare(
        criterion,
        "channels/mpsc",
        &[
            ("tokio-on-tokio", |n| on_tokio(shared_mpsc(n, tokio_spawn))),
            ("tokio-on-tokio-local", |n| {
                on_tokio_local(shared_mpsc(n, tokio_spawn_local))
            }),
            ("tokio-on-ours", |n| on_ours(shared_mpsc(n, our_spawn))),
            ("loop-local", |n| on_ours(local_mpsc(n))),
        ],
    );
    compare(
        criterion,
        "channels/oneshot",
        &[
            ("tokio-on-tokio", |n| on_tokio(shared_oneshot(n, tokio_spawn))),
            ("tokio-on-tokio-local", |n| {
                on_tokio_local(shared_oneshot(n, tokio_spawn_local))
            }),
            ("tokio-on-ours", |n| on_ours(shared_oneshot(n, our_spawn))),
            ("loop-local", |n| on_ours(local_oneshot(n))),
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

async fn shared_mpsc(n: u64, spawn: impl Fn(Ball)) -> u64 {
    let (there, mut balls) = shared::mpsc::channel(1);
    let (back, mut returned) = shared::mpsc::channel(1);
    spawn(Box::pin(async move {
        while let Some(ball) = balls.recv().await {
            back.send(ball).await.expect("somebody plays");
        }
    }));
    let mut count = 0;
    for _ in 0..n {
        there.send(1).await.expect("somebody plays");
        count += returned.recv().await.expect("it comes back");
    }
    count
}

async fn local_mpsc(n: u64) -> u64 {
    let (there, mut balls) = mpsc::channel(1);
    let (back, mut returned) = mpsc::channel(1);
    drop(spawn(async move {
        while let Some(ball) = balls.recv().await {
            back.send(ball).await.expect("somebody plays");
        }
    }));
    let mut count = 0;
    for _ in 0..n {
        there.send(1).await.expect("somebody plays");
        count += returned.recv().await.expect("it comes back");
    }
    count
}

/// A question, with the way back in it: a new channel each time.
async fn shared_oneshot(n: u64, spawn: impl Fn(Ball)) -> u64 {
    let (there, mut balls) = shared::mpsc::channel::<shared::oneshot::Sender<u64>>(1);
    spawn(Box::pin(async move {
        while let Some(back) = balls.recv().await {
            back.send(1).expect("somebody plays");
        }
    }));
    let mut count = 0;
    for _ in 0..n {
        let (back, returned) = shared::oneshot::channel();
        there.send(back).await.expect("somebody plays");
        count += returned.await.expect("it comes back");
    }
    count
}

async fn local_oneshot(n: u64) -> u64 {
    let (there, mut balls) = mpsc::channel::<oneshot::Sender<u64>>(1);
    drop(spawn(async move {
        while let Some(back) = balls.recv().await {
            back.send(1).expect("somebody plays");
        }
    }));
    let mut count = 0;
    for _ in 0..n {
        let (back, returned) = oneshot::channel();
        there.send(back).await.expect("somebody plays");
        count += returned.await.expect("it comes back");
    }
    count
}

/// A task that may go anywhere.
type Ball = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

fn our_spawn(task: Ball) {
    drop(spawn(task));
}

fn tokio_spawn(task: Ball) {
    drop(tokio::spawn(task));
}

fn tokio_spawn_local(task: Ball) {
    drop(tokio::task::spawn_local(task));
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
