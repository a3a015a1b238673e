//! What does a resume cost, when it is for somebody far inside? One group a depth, the ways to
//! nest calls as ids.

use std::hint::black_box;
use std::time::Duration;

use calls::DEPTH;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Resumes an iteration: so many that the calls before the first cost little beside them.
const RESUMES: u64 = 10_000;

fn resume(criterion: &mut Criterion) {
    for depth in [1, 10, 100, 1_000] {
        let mut group = criterion.benchmark_group(format!("depth/{depth}"));
        group.throughput(Throughput::Elements(RESUMES));
        group.warm_up_time(Duration::from_millis(300));
        group.measurement_time(Duration::from_secs(2));
        group.sample_size(10);
        for nested in DEPTH.iter().filter(|it| it.depths.contains(&depth)) {
            let counted = (nested.run)(depth, RESUMES);
            assert_eq!(counted, depth + RESUMES, "{} does the same work", nested.id);
            group.bench_function(BenchmarkId::from_parameter(nested.id), |bencher| {
                bencher.iter(|| (nested.run)(black_box(depth), black_box(RESUMES)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, resume);
criterion_main!(benches);
