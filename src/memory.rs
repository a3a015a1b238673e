//! What a process has of the machine's memory: its own pages, and what the kernel keeps for
//! it because of its threads.

use std::fs;

use crate::error::Error;

/// The memory of a process in RAM, in KiB: what it has touched itself, the tables that say
/// where its pages are, and a stack in the kernel for each of its threads. `process` is its
/// id, or `self`.
///
/// # Errors
///
/// Fails where there is no /proc to read it from, and when there is no such process.
pub fn in_use(process: &str) -> Result<f64, Error> {
    let status = read(&format!("/proc/{process}/status"))?;
    // The first is exact; the second may lag behind by some pages for each thread.
    let resident = read(&format!("/proc/{process}/smaps_rollup"))
        .ok()
        .and_then(|rollup| number(&rollup, "Rss:"))
        .or_else(|| number(&status, "VmRSS:"))
        .ok_or_else(|| Error::failure("/proc does not say how much memory is in use"))?;
    let tables = number(&status, "VmPTE:").unwrap_or(0.0);
    let threads = number(&status, "Threads:").unwrap_or(1.0);
    Ok(resident + tables + threads * kernel_stack().unwrap_or(0.0))
}

/// What the kernel's stack of one thread takes, in KiB: those of all threads there are,
/// divided by their number. `None` where the kernel does not say.
fn kernel_stack() -> Option<f64> {
    let stacks = number(&read("/proc/meminfo").ok()?, "KernelStack:")?;
    let load = read("/proc/loadavg").ok()?;
    let (_running, threads) = load.split_whitespace().nth(3)?.split_once('/')?;
    Some(stacks / threads.parse::<f64>().ok()?)
}

fn read(path: &str) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::Failure(format!("{path}: {error}")))
}

/// The number behind a word at the beginning of a line.
fn number(text: &str, word: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;

    /// Two pages of its own at the least, a page of tables, and four pages in the kernel.
    #[test]
    fn a_thread_costs_what_the_kernel_keeps_for_it_too() {
        const THREADS: u32 = 100;
        let before = in_use("self").expect("there is a /proc");
        let barrier = Arc::new(Barrier::new(THREADS as usize + 1));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                thread::spawn(move || (barrier.wait(), barrier.wait()))
            })
            .collect();
        barrier.wait();
        let each =
            (in_use("self").expect("there is a /proc") - before) / f64::from(THREADS);
        barrier.wait();
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        assert!((20.0..100.0).contains(&each), "{each} KiB");
    }
}
