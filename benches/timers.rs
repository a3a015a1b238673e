//! What do timers cost at a hundred thousand of them? (ADR 15)
//!
//! The reactor's heap, which is swept, beside one whose cancelled entries stay until their
//! deadline, and beside tokio's wheel.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Bencher, Criterion, criterion_group, criterion_main};
use reactor::{Reactor, backend::Clockwork};

#[path = "peers/timers.rs"]
#[allow(dead_code, reason = "those that fire are awaited by the clock on the wall")]
mod peers;

const PENDING: u32 = 100_000;

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers");
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(300));
    group.measurement_time(Duration::from_secs(2));
    group.bench_function("swept: set and cancel, random", |bencher| {
        let (reactor, mut deadlines) = crowd();
        bencher.iter(|| {
            let id = reactor.wait_until(deadlines.next().expect("endless"), 0);
            black_box(reactor.cancel(id))
        });
    });
    group.bench_function("swept: set and cancel, fixed timeout", |bencher| {
        let (reactor, _) = crowd();
        let (mut last, late) = (Duration::ZERO, reactor.now() + Duration::from_mins(1));
        bencher.iter(|| {
            last += Duration::from_nanos(100);
            let id = reactor.wait_until(late + last, 0);
            black_box(reactor.cancel(id))
        });
    });
    group.bench_function("swept: expire all", expire_all);
    group.bench_function("heap: set and mark, then pop all", heap);
    for body in peers::CALLED_OFF {
        let way = format!("{}: set all, then cancel all", body.label);
        group.bench_function(way, |bencher| bencher.iter(|| (body.run)(black_box(1))));
    }
    group.finish();
}

fn expire_all(bencher: &mut Bencher<'_>) {
    bencher.iter_batched(
        || crowd().0,
        |reactor| {
            let mut ready = Vec::new();
            while reactor.timers() > 0 {
                reactor.select(None, &mut ready).expect("a clockwork never fails");
            }
            ready
        },
        BatchSize::LargeInput,
    );
}

/// What asyncio and Twisted do: the cancelled ones stay until their deadline.
fn heap(bencher: &mut Bencher<'_>) {
    bencher.iter_batched(
        || deadlines(Instant::now()),
        |mut deadlines| {
            let (mut heap, mut marked) = (BinaryHeap::new(), HashSet::new());
            for age in 0..2 * PENDING {
                let deadline = deadlines.next().expect("endless");
                heap.push((Reverse(deadline), Reverse(age)));
                if age >= PENDING {
                    marked.insert(age);
                }
            }
            while let Some((_, Reverse(age))) = heap.pop() {
                black_box(marked.remove(&age));
            }
        },
        BatchSize::LargeInput,
    );
}

/// A reactor with many timers, and where more of them could go.
fn crowd() -> (Reactor<u32>, impl Iterator<Item = Instant>) {
    let reactor = Reactor::with_backend(Clockwork::new());
    let mut deadlines = deadlines(reactor.now());
    for n in 0..PENDING {
        reactor.wait_until(deadlines.next().expect("endless"), n);
    }
    (reactor, deadlines)
}

fn deadlines(start: Instant) -> impl Iterator<Item = Instant> {
    peers::random_deadlines(start, peers::LONG)
}

criterion_group!(benches, timers);
criterion_main!(benches);
