//! Ten thousand small files, read by a ring, by a pool of threads, and one after the other.
//!
//! Without arguments, all three take turns, and each round is compared with the same round of the
//! others. With one of `ring`, `threads`, `in-turn`, that one reads them once: for `strace -fc` and
//! for whoever counts instructions.

#![allow(clippy::print_stdout, reason = "it is for people")]

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::time::{Duration, Instant};

/// How many files there are, and how many bytes are in each.
const FILES: usize = 10_000;
const SIZE: usize = 1_000;

/// How many are read at a time.
const AT_ONCE: usize = 64;

/// How often each way takes its turn.
const ROUNDS: usize = 9;

/// A way to read them all: gives how many bytes there were.
pub type Way = fn(&[PathBuf]) -> io::Result<usize>;

/// All of them.
pub const WAYS: [(&str, Way); 3] =
    [("ring", ring), ("threads", threads), ("in-turn", in_turn)];

fn main() -> io::Result<()> {
    let folder = env::temp_dir().join(format!("stage6-files-{}", process::id()));
    let paths = fill(&folder)?;
    let shown = match env::args().nth(1) {
        Some(name) => once(&name, &paths),
        None => in_rounds(&paths),
    };
    fs::remove_dir_all(folder)?;
    shown
}

/// Makes the files.
pub fn fill(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir(folder)?;
    let paths: Vec<_> = (0..FILES).map(|n| folder.join(n.to_string())).collect();
    paths.iter().try_for_each(|path| fs::write(path, [b'.'; SIZE]))?;
    Ok(paths)
}

fn once(name: &str, paths: &[PathBuf]) -> io::Result<()> {
    let way = WAYS.into_iter().find(|(known, _)| *known == name);
    let (_, way) = way.ok_or_else(|| io::Error::other("ring, threads or in-turn?"))?;
    println!("{} bytes", way(paths)?);
    Ok(())
}

fn in_rounds(paths: &[PathBuf]) -> io::Result<()> {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for (_, way) in WAYS {
            let began = (Instant::now(), processor_time());
            assert_eq!(way(paths)?, FILES * SIZE, "it has read something else");
            round.push([began.0.elapsed(), processor_time().saturating_sub(began.1)]);
        }
        rounds.push(round);
    }
    println!(
        "{FILES} files of {SIZE} bytes, {AT_ONCE} at once, medians of {ROUNDS} rounds"
    );
    println!(
        "{:<8} {:>9} {:>14} {:>22}",
        "", "passed", "processor", "of the ring's, passed"
    );
    for (n, (name, _)) in WAYS.into_iter().enumerate() {
        let [passed, spent] = [0, 1]
            .map(|it| median(rounds.iter().map(|round| round[n][it].as_secs_f64())));
        let ratio = median(
            rounds
                .iter()
                .map(|round| round[n][0].as_secs_f64() / round[0][0].as_secs_f64()),
        );
        let (passed, spent) = (1000.0 * passed, 1000.0 * spent);
        println!("{name:<8} {passed:>6.1} ms {spent:>11.1} ms {ratio:>21.2}x");
    }
    Ok(())
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<_> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[cfg(target_os = "linux")]
fn ring(paths: &[PathBuf]) -> io::Result<usize> {
    let ring = std::rc::Rc::new(stage6_uvloop::uring::Uring::new()?);
    reactor::backend::scope(ring, || threads(paths))
}

#[cfg(not(target_os = "linux"))]
fn ring(_: &[PathBuf]) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The same program, where the engine has no files.
fn threads(paths: &[PathBuf]) -> io::Result<usize> {
    let paths = paths.to_vec();
    stage6_uvloop::run(async move {
        let shares = (0..AT_ONCE).map(|n| {
            let share: Vec<_> = paths.iter().skip(n).step_by(AT_ONCE).cloned().collect();
            async move {
                let mut bytes = 0;
                for path in share {
                    bytes += stage5_asyncio::files::read(path).await?.len();
                }
                Ok(bytes)
            }
        });
        let read = stage5_asyncio::tasks::gather(shares).await;
        read.into_iter().sum()
    })?
}

fn in_turn(paths: &[PathBuf]) -> io::Result<usize> {
    paths.iter().map(|path| Ok(fs::read(path)?.len())).sum()
}

/// What all threads of this process have used so far.
#[cfg(target_os = "linux")]
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(u64::try_from(time.tv_sec).unwrap_or_default())
        + Duration::from_nanos(nanos)
}

#[cfg(not(target_os = "linux"))]
pub fn processor_time() -> Duration {
    Duration::ZERO
}
