//! What does a call cost, in each style? One group, the styles as ids, the same work in each.
//!
//! `lineage cost` runs the same bodies for three seconds and prints their ratios.

use std::hint::black_box;
use std::time::Duration;

use calls::BODIES;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Calls an iteration: enough that opening a loop costs nothing beside them.
const CALLS: u64 = 10_000;

fn call(criterion: &mut Criterion) {
    let expected = (BODIES[0].run)(CALLS);
    let mut group = criterion.benchmark_group("call");
    group.throughput(Throughput::Elements(CALLS));
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.sample_size(30);
    for body in BODIES {
        assert_eq!((body.run)(CALLS), expected, "{} does the same work", body.id);
        group.bench_function(BenchmarkId::from_parameter(body.id), |bencher| {
            bencher.iter(|| (body.run)(black_box(CALLS)));
        });
    }
    group.finish();
}

criterion_group!(benches, call);
criterion_main!(benches);
