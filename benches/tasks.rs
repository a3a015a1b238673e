//! What does a loop ask for its tasks? One group a question; our styles, and other people's
//! loops, as ids.
//!
//! *yield* and *hand-over* are between two tasks that are spawned, on every loop: that is the way of
//! measuring tokio that counts (ADR 40). In *spawn*, tokio's `main` is in `block_on`, and each await
//! of it costs a look at the sockets; there the ratio flatters us.

use std::hint::black_box;
use std::time::Duration;

use calls::{Body, HAND_OVER, SPAWN, TIMER, YIELD, expected};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

#[path = "peers/tasks.rs"]
mod peers;

/// Times an iteration: enough that opening a loop costs nothing beside them.
const TIMES: u64 = 10_000;

fn tasks(criterion: &mut Criterion) {
    compare(criterion, "tasks/spawn", &SPAWN, &peers::SPAWN);
    compare(criterion, "tasks/yield", &YIELD, &peers::YIELD);
    compare(criterion, "tasks/hand-over", &HAND_OVER, &peers::HAND_OVER);
    compare(criterion, "tasks/timer", &TIMER, &[]);
}

fn compare(criterion: &mut Criterion, question: &str, ours: &[Body], peers: &[Body]) {
    let mut group = criterion.benchmark_group(question);
    group.throughput(Throughput::Elements(TIMES));
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.sample_size(20);
    for body in ours.iter().chain(peers) {
        assert_eq!((body.run)(TIMES), expected(TIMES), "{} does the same work", body.id);
        group.bench_function(BenchmarkId::from_parameter(body.id), |bencher| {
            bencher.iter(|| (body.run)(black_box(TIMES)));
        });
    }
    group.finish();
}

criterion_group!(benches, tasks);
criterion_main!(benches);
