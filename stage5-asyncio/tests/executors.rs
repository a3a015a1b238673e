//! Executors: threads, and processes. A worker process is this test, started again: so it has a
//! `main` of its own, and runs its tests one after the other, which lets it count.

#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "it counts in /proc"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stdout, reason = "a test without a harness")]
#![allow(clippy::disallowed_methods, reason = "workers may block")]

#[path = "common/mod.rs"]
mod common;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;
use std::{env, thread};

use common::{MS, caught, panic_of, turns};
use stage5_asyncio::exceptions::Cancelled;
use stage5_asyncio::process_pool::{
    ProcessError, ProcessPoolExecutor, function, worker_main,
};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::threads::ThreadPoolExecutor;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{
    catch_cancel, create_task, get_running_loop, run, timeout, to_thread,
};

fn main() {
    // No backtrace where a panic is what is tested.
    std::panic::set_hook(Box::new(|panic| println!("{panic}")));
    worker_main([
        function(square),
        function(pid),
        function(add),
        function(long),
        function(not_a_number),
        function(panics),
        function(aborts),
        function(for_ever),
        function(reads_stdin),
        function(spins),
    ]);
    #[cfg(target_os = "linux")]
    match env::args().nth(1) {
        Some(place) if place.starts_with('/') => keeps_a_worker_busy(place),
        _ => tests(),
    }
}

fn tests() {
    let tests: [(&str, fn()); 16] = [
        ("turns", work_that_keeps_a_processor_busy_does_not_keep_the_loop),
        ("threads", no_thread_is_left_whatever_becomes_of_the_work),
        (
            "cancel_futures on threads",
            what_no_thread_has_begun_can_be_cancelled_at_the_end,
        ),
        ("a result", a_result_comes_back_from_another_process),
        ("anything", whatever_serde_can_write_is_an_argument_and_a_result),
        ("bounded", a_pool_has_no_more_processes_than_it_is_told),
        ("a panic", a_panic_in_a_worker_is_an_error_and_the_worker_goes_on),
        ("a crash", a_worker_that_crashes_is_an_error_for_its_caller_and_is_replaced),
        ("kill -9", a_worker_that_is_killed_is_an_error_for_its_caller_and_is_replaced),
        ("idle", a_worker_that_is_killed_while_it_is_idle_is_replaced_unnoticed),
        ("a thousand", of_a_thousand_jobs_none_is_lost_though_workers_are_killed),
        ("cancel", a_cancel_kills_the_worker_and_frees_its_place),
        ("cancel_futures", what_was_not_begun_can_be_cancelled_at_the_end),
        ("forgotten", a_pool_that_is_forgotten_leaves_nothing_behind),
        ("orphans", no_worker_outlives_who_started_it_however_that_ends),
        ("mistakes", what_no_worker_can_do_is_said_at_once),
    ];
    for (name, test) in tests {
        println!("test {name}");
        test();
        until(|| children().is_empty());
        until(|| threads() == 1);
    }
}

fn square(n: u64) -> u64 {
    n * n
}

fn pid((): ()) -> u32 {
    std::process::id()
}

fn add((one, other): (String, Option<f64>)) -> BTreeSet<String> {
    [one, format!("{other:?}")].into()
}

fn long(bytes: Vec<u32>) -> Vec<u32> {
    bytes.into_iter().rev().collect()
}

fn not_a_number((): ()) -> f64 {
    f64::NAN
}

fn panics(why: String) {
    panic!("{why}");
}

fn aborts((): ()) {
    std::process::abort();
}

/// Says who it is, in a file, and never ends.
fn for_ever(place: PathBuf) {
    let draft = place.with_extension("draft");
    fs::write(&draft, std::process::id().to_string()).unwrap();
    fs::rename(&draft, &place).unwrap();
    loop {
        thread::park();
    }
}

fn reads_stdin((): ()) -> usize {
    std::io::read_to_string(std::io::stdin()).unwrap().len()
}

/// Keeps a processor busy until there is such a file.
fn spins(until: PathBuf) {
    while !until.exists() {}
}

fn unknown(n: u32) -> u32 {
    n
}

/// Runs it with a deadline.
fn in_time<T: 'static>(main: impl Future<Output = T> + 'static) -> T {
    let main = async { timeout(Duration::from_mins(1), main).await.expect("it hangs") };
    run(main).unwrap()
}

fn until(is_so: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if is_so() {
            return;
        }
        thread::sleep(MS);
    }
    panic!("it hangs");
}

/// Who has us for a parent, zombies too.
fn children() -> Vec<u32> {
    let pids = fs::read_dir("/proc").unwrap().filter_map(|it| {
        it.unwrap().file_name().to_str().and_then(|name| name.parse().ok())
    });
    pids.filter(|pid| field(*pid, 1) == Some(std::process::id().to_string())).collect()
}

/// What stands in the status of a process behind its name: its state, its parent.
fn field(pid: u32, n: usize) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind) = status.rsplit_once(')')?;
    behind.split_whitespace().nth(n).map(str::to_owned)
}

/// Whether a process, which nobody has reaped, has ended: with all of its threads.
fn has_ended(pid: u32) -> bool {
    field(pid, 0).as_deref() == Some("Z") && field(pid, 17).as_deref() == Some("1")
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.unwrap().success());
}

/// A worker that is at it for ever: who it is.
async fn busy_at(place: &Path) -> u32 {
    while !place.exists() {
        sleep(MS).await;
    }
    fs::read_to_string(place).unwrap().parse().unwrap()
}

/// M6.45
fn work_that_keeps_a_processor_busy_does_not_keep_the_loop() {
    in_time(async {
        let home = tempfile::tempdir().unwrap();
        let places = ["thread", "process"].map(|it| home.path().join(it));
        let [thread, process] = places.clone();
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let in_process = event_loop.run_in_process(&pool, spins, process);
        let on_thread = to_thread(move || spins(thread));
        turns(1_000).await;
        assert!(!in_process.done() && !on_thread.done(), "they wait for us");
        for place in places {
            fs::write(place, "").unwrap();
        }
        on_thread.await;
        in_process.await.unwrap();
    });
}

fn no_thread_is_left_whatever_becomes_of_the_work() {
    in_time(async {
        assert_eq!(threads(), 1);
        let works = (0..40).map(|n| {
            let work = to_thread(move || if n % 4 == 0 { panic!("work {n}") } else { n });
            if n % 4 == 1 {
                work.cancel();
            }
            async move { catch_cancel(caught(work)).await }
        });
        let ends = gather(works).await;
        let count = |is: fn(&End) -> bool| ends.iter().filter(|end| is(end)).count();
        assert_eq!(count(|end| matches!(end, Ok(Ok(_)))), 20);
        assert_eq!(count(|end| matches!(end, Ok(Err(_)))), 10);
        assert_eq!(count(Result::is_err), 10);
        get_running_loop().shutdown_default_executor().await;
        assert!(threads() <= 2, "but for the one that waited for the others");
        let late = panic_of(|| to_thread(|| ()));
        assert!(late.contains("was shut down"), "{late}");
    });
}

type End = Result<Result<i32, String>, Cancelled>;

fn what_no_thread_has_begun_can_be_cancelled_at_the_end() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ThreadPoolExecutor::new(1));
        let (go, wait) = mpsc::channel::<()>();
        let (tell, begun) = mpsc::channel();
        let works = event_loop.run_in_executor(Some(&pool), move || {
            tell.send(()).unwrap();
            wait.recv()
        });
        let waits = event_loop.run_in_executor(Some(&pool), || unreachable!());
        to_thread(move || begun.recv().unwrap()).await;
        pool.shutdown();
        pool.cancel_futures();
        assert!(catch_cancel(waits).await.is_err());
        assert!(!works.done());
        go.send(()).unwrap();
        assert!(works.await.is_ok());
    });
}

/// M6.45: in another process, too.
fn a_result_comes_back_from_another_process() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        assert_eq!(event_loop.run_in_process(&pool, square, 7).await.unwrap(), 49);
        let theirs = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        assert_eq!(children(), [theirs]);
        let again = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        assert_eq!(again, theirs, "one that is idle is given the next job");
        assert_eq!(event_loop.run_in_process(&pool, reads_stdin, ()).await.unwrap(), 0);
        pool.shutdown(true, false).await;
        assert!(children().is_empty(), "it was waited for");
    });
}

fn whatever_serde_can_write_is_an_argument_and_a_result() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let argument = ("a\0b\n".to_owned(), Some(0.1));
        let sum = event_loop.run_in_process(&pool, add, argument).await.unwrap();
        assert_eq!(sum, ["Some(0.1)".to_owned(), "a\0b\n".to_owned()].into());
        let all: Vec<_> = (0..300_000).collect();
        let reversed = event_loop.run_in_process(&pool, long, all.clone()).await;
        assert!(reversed.unwrap().into_iter().rev().eq(all));
        let nan = event_loop.run_in_process(&pool, not_a_number, ()).await;
        assert!(matches!(nan, Err(ProcessError::NotSent(_))), "{nan:?}");
        assert_eq!(children().len(), 1, "it is still there");
    });
}

fn a_pool_has_no_more_processes_than_it_is_told() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(2));
        let pids = gather((0..20).map(|_| {
            let job = event_loop.run_in_process(&pool, pid, ());
            async { job.await.unwrap() }
        }));
        let pids: BTreeSet<_> = pids.await.into_iter().collect();
        assert!(pids.len() <= 2, "{pids:?}");
        assert_eq!(children().len(), pids.len());
        // The loop's, and the two that wait for a process each; and whoever waits for input.
        assert!(threads() <= 3, "{}", threads());
        pool.shutdown(true, false).await;
        let late = panic_of(|| event_loop.run_in_process(&pool, pid, ()));
        assert!(late.contains("was shut down"), "{late}");
    });
}

fn a_panic_in_a_worker_is_an_error_and_the_worker_goes_on() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let before = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        let why = "told to".to_owned();
        let failed = event_loop.run_in_process(&pool, panics, why).await.unwrap_err();
        assert!(matches!(&failed, ProcessError::Panicked(it) if it == "told to"));
        assert_eq!(failed.to_string(), "it panicked in a worker: told to");
        let after = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        assert_eq!(before, after);
    });
}

fn died_of(error: &ProcessError) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let ProcessError::Died(status) = error else { return None };
    status.signal()
}

fn a_worker_that_crashes_is_an_error_for_its_caller_and_is_replaced() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let crashed = event_loop.run_in_process(&pool, aborts, ());
        let next = event_loop.run_in_process(&pool, square, 3);
        assert_eq!(died_of(&crashed.await.unwrap_err()), Some(6));
        assert_eq!(next.await.unwrap(), 9);
        assert_eq!(children().len(), 1, "the other one was reaped");
    });
}

fn a_worker_that_is_killed_is_an_error_for_its_caller_and_is_replaced() {
    in_time(async {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("pid");
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(2));
        let job = event_loop.run_in_process(&pool, for_ever, place.clone());
        let squares = gather((0..20).map(|n| {
            let job = event_loop.run_in_process(&pool, square, n);
            async { job.await.unwrap() }
        }));
        kill(busy_at(&place).await);
        assert_eq!(died_of(&job.await.unwrap_err()), Some(9));
        assert_eq!(squares.await.len(), 20, "the others go on");
        assert_eq!(event_loop.run_in_process(&pool, square, 2).await.unwrap(), 4);
    });
}

fn a_worker_that_is_killed_while_it_is_idle_is_replaced_unnoticed() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let first = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        kill(first);
        until(|| has_ended(first));
        let second = event_loop.run_in_process(&pool, pid, ()).await.unwrap();
        assert_ne!(first, second);
        assert_eq!(children(), [second]);
    });
}

/// Ten of them crash, and twenty times somebody kills a worker, whatever that does just then: each
/// takes one job with it at most, and no other one is lost, done twice or given to somebody else.
fn of_a_thousand_jobs_none_is_lost_though_workers_are_killed() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(4));
        let done = Rc::new(Cell::new(0));
        let jobs = (0..1_000).map(|n| {
            let crashes = n % 100 == 50;
            let squared = (!crashes).then(|| event_loop.run_in_process(&pool, square, n));
            let aborted = crashes.then(|| event_loop.run_in_process(&pool, aborts, ()));
            let done = Rc::clone(&done);
            async move {
                let end = match (squared, aborted) {
                    (Some(job), _) => job.await.map(|it| assert_eq!(it, n * n)),
                    (_, Some(job)) => job.await,
                    _ => unreachable!("it is either"),
                };
                done.set(done.get() + 1);
                end.map_err(|error| died_of(&error).expect("a signal"))
            }
        });
        let all = gather(jobs);
        for killed in 0..20 {
            while done.get() < killed * 45 {
                turns(1).await;
            }
            // It may have crashed and be gone by then.
            let pid = children().first().map(u32::to_string).unwrap_or_default();
            let _ =
                Command::new("kill").args(["-9", &pid]).stderr(Stdio::null()).status();
        }
        let ends = all.await;
        let of = |signal| ends.iter().filter(|end| **end == Err(signal)).count();
        let well = ends.iter().filter(|end| end.is_ok()).count();
        assert_eq!(well + of(6) + of(9), 1_000);
        assert!(of(9) <= 20 && of(6) <= 10 && of(6) + of(9) >= 10, "{} {}", of(6), of(9));
        assert!(children().len() <= 4);
        assert_eq!(event_loop.run_in_process(&pool, square, 2).await.unwrap(), 4);
        pool.shutdown(true, false).await;
        assert!(children().is_empty(), "no zombie either");
    });
}

fn a_cancel_kills_the_worker_and_frees_its_place() {
    in_time(async {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("pid");
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let job = event_loop.run_in_process(&pool, for_ever, place.clone());
        let task = create_task(job.into_future());
        let (busy, next) =
            (busy_at(&place).await, event_loop.run_in_process(&pool, square, 5));
        let unwanted = event_loop.run_in_process(&pool, aborts, ());
        assert!(unwanted.cancel());
        task.cancel();
        assert!(catch_cancel(task).await.is_err());
        assert_eq!(next.await.unwrap(), 25);
        assert!(!children().contains(&busy), "it was reaped");
        assert_eq!(children().len(), 1);
    });
}

fn what_was_not_begun_can_be_cancelled_at_the_end() {
    in_time(async {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("pid");
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let job = event_loop.run_in_process(&pool, for_ever, place.clone());
        let waits = event_loop.run_in_process(&pool, square, 5);
        let busy = busy_at(&place).await;
        pool.shutdown(false, true).await;
        assert!(catch_cancel(waits).await.is_err());
        assert!(!job.done());
        let pool = Rc::new(pool);
        let ends = Rc::clone(&pool);
        let ended = create_task(async move { ends.shutdown(true, false).await });
        turns(10).await;
        assert!(!ended.done(), "one is at work");
        kill(busy);
        ended.await;
        assert_eq!(died_of(&job.await.unwrap_err()), Some(9));
    });
}

fn a_pool_that_is_forgotten_leaves_nothing_behind() {
    for _ in 0..10 {
        in_time(async {
            let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(3));
            let jobs = (0..9).map(|n| {
                let job = event_loop.run_in_process(&pool, square, n);
                async { job.await.unwrap() }
            });
            drop(create_task(gather(jobs).into_future()));
            to_thread(|| ()).await;
        });
    }
    // `tests` counts what is left.
}

/// The other process: it is killed while its worker is at work.
fn keeps_a_worker_busy(place: String) {
    run(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        drop(event_loop.run_in_process(&pool, for_ever, place.into()).await);
    })
    .unwrap();
}

fn no_worker_outlives_who_started_it_however_that_ends() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("pid");
    let mut other = Command::new(env::current_exe().unwrap());
    let mut other = other.arg(&place).stdin(Stdio::null()).spawn().unwrap();
    let worker = in_time(async move { busy_at(&place).await });
    other.kill().unwrap();
    other.wait().unwrap();
    // It is nobody's child, so perhaps nobody reaps it.
    until(|| field(worker, 0).is_none_or(|state| state == "Z"));
}

fn what_no_worker_can_do_is_said_at_once() {
    in_time(async {
        let (event_loop, pool) = (get_running_loop(), ProcessPoolExecutor::new(1));
        let said = panic_of(|| event_loop.run_in_process(&pool, unknown, 1));
        assert!(said.contains("was not told of") && said.ends_with("unknown"), "{said}");
        let said = panic_of(|| event_loop.run_in_process(&pool, |n: u32| n, 1));
        assert!(said.contains("was not told of"), "{said}");
        assert!(panic_of(|| ProcessPoolExecutor::new(0)).contains("at least"));
    });
}
