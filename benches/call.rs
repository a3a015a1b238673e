//! What does a call cost, in each style? PEP 492's own tree first, then one call after the
//! other; the styles are the ids of a group, so that the report lays them side by side.
//!
//! `lineage cost` runs the same bodies for three seconds and prints their ratios.

use std::hint::black_box;
use std::time::Duration;

use calls::{BINARY, BODIES, Body, CALLS_A_TREE};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Calls an iteration: enough that opening a loop costs nothing beside them.
const CALLS: u64 = 10_000;
const TREES: u64 = 5;

fn binary(criterion: &mut Criterion) {
    compare(criterion, "binary", &BINARY, TREES, TREES * CALLS_A_TREE);
}

fn call(criterion: &mut Criterion) {
    compare(criterion, "call", &BODIES, CALLS, CALLS);
}

/// Nothing is optimised away: whatever is measured came to the same number as the first.
fn compare(
    criterion: &mut Criterion,
    question: &str,
    bodies: &[Body],
    times: u64,
    calls: u64,
) {
    let expected = (bodies[0].run)(times);
    let mut group = criterion.benchmark_group(question);
    group.throughput(Throughput::Elements(calls));
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.sample_size(30);
    for body in bodies {
        assert_eq!((body.run)(times), expected, "{} does the same work", body.id);
        group.bench_function(BenchmarkId::from_parameter(body.id), |bencher| {
            bencher.iter(|| (body.run)(black_box(times)));
        });
    }
    group.finish();
}

criterion_group!(benches, binary, call);
criterion_main!(benches);
