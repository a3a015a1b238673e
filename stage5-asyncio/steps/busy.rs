//! Where work belongs that keeps a processor busy. `cargo run --example stage5-busy`.
//!
//! A loop goes on only as long as nobody keeps it. The same work is done four times: not at
//! all, on the loop, on a thread, in another process. Meanwhile the loop does nothing but turn,
//! and we measure how long its turns take.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::time::Duration;

use stage5_asyncio::process_pool::{ProcessPoolExecutor, function, worker_main};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{create_task, get_running_loop, run, to_thread};

fn main() -> io::Result<()> {
    begin();
    println!("{:16} {:>8} {:>9} {:>9} {:>9}", "", "turns", "median", "p99", "longest");
    for (place, turns) in run(measure())? {
        let [median, p99, longest] =
            [50, 99, 100].map(|percent| at(percent, &turns).as_secs_f64() * 1000.0);
        let count = turns.len();
        println!("{place:16} {count:>8} {median:>9.3} {p99:>9.3} {longest:>9.3} ms");
    }
    Ok(())
}

/// In a worker it never returns.
pub fn begin() {
    worker_main([function(primes_below)]);
}

/// The turns that the loop has, by where the work is done.
pub async fn measure() -> [(&'static str, Vec<Duration>); 4] {
    let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
    let nowhere = turns(sleep(Duration::from_millis(300))).await;
    let here = turns(async { primes_below(MANY) }).await;
    let thread = turns(to_thread(|| primes_below(MANY)).into_future()).await;
    // The first job starts the worker.
    let warm = event_loop.run_in_process(&pool, primes_below, 10).await;
    assert_eq!(warm.expect("a worker can be started"), 4);
    let job = event_loop.run_in_process(&pool, primes_below, MANY);
    let process = turns(job.into_future()).await;
    pool.shutdown(true, false).await;
    [
        ("nobody works", nowhere),
        ("on the loop", here),
        ("on a thread", thread),
        ("in a process", process),
    ]
}

const MANY: u32 = 100_000;

/// How many there are: found as slowly as anybody can.
fn primes_below(end: u32) -> usize {
    let divides = |n: u32| move |by: &u32| n.is_multiple_of(*by);
    (2..end)
        .filter(|n| (2..*n).take_while(|by| by * by <= *n).find(divides(*n)).is_none())
        .count()
}

/// How long the turns take while `work` is done, the shortest first.
async fn turns<T: 'static>(work: impl Future<Output = T> + 'static) -> Vec<Duration> {
    let (event_loop, work) = (get_running_loop(), create_task(work));
    let mut turns = Vec::new();
    while !work.done() {
        let before = event_loop.time();
        sleep(Duration::ZERO).await;
        turns.push(event_loop.time() - before);
    }
    turns.sort_unstable();
    turns
}

/// So many percent of them take no longer.
pub fn at(percent: usize, turns: &[Duration]) -> Duration {
    turns[(turns.len() * percent / 100).min(turns.len() - 1)]
}
