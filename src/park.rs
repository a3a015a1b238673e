//! What a task costs that does nothing but wait.
//!
//! Each style parks many tasks on a timer that is an hour away, in a process of its own; the
//! memory that the process gained, divided by their number, is what one costs.

use std::io;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::error::Error;
use crate::memory;
use crate::styles::Style;

/// Parks that many tasks, then calls the closure. It need not come back from there.
pub type Park = fn(usize, Parked) -> io::Result<()>;

/// Called once all tasks wait.
pub type Parked = Box<dyn FnOnce() + Send>;

/// How many tasks are parked, in most styles.
const TASKS: usize = 10_000;

/// How many threads are parked: more are refused on many machines.
const THREADS: usize = 1_000;

const AN_HOUR: Duration = Duration::from_hours(1);

/// Parks tasks in this process, gives to `tell` what one of them costs in KiB, and does not
/// come back from there if `tell` does not.
///
/// # Errors
///
/// Fails where the memory of a process cannot be read, and when the tasks cannot be had.
pub fn measure(
    style: &Style,
    tell: impl FnOnce(f64) + Send + 'static,
) -> Result<(), Error> {
    let Some(park) = style.park else {
        return Err(Error::Failure(format!("{} has no tasks to park", style.name)));
    };
    let tasks = if style.name == "threads" { THREADS } else { TASKS };
    let before = memory::in_use("self")?;
    let parked = Box::new(move || {
        if let Ok(after) = memory::in_use("self") {
            #[expect(clippy::cast_precision_loss, reason = "it is far below 2^52")]
            tell((after - before).max(0.0) / tasks as f64);
        }
    });
    park(tasks, parked).map_err(Error::failure)
}

pub(crate) fn threads(tasks: usize, parked: Parked) -> io::Result<()> {
    let all_there = Arc::new(Barrier::new(tasks + 1));
    for _ in 0..tasks {
        let all_there = Arc::clone(&all_there);
        thread::Builder::new().spawn(move || {
            all_there.wait();
            thread::sleep(AN_HOUR);
        })?;
    }
    all_there.wait();
    parked();
    Ok(())
}

pub(crate) fn callbacks(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage1_callbacks::{call_later, run};
    run(|| {
        for _ in 0..tasks {
            call_later(AN_HOUR, || {});
        }
        parked();
        Ok(())
    })
}

pub(crate) fn deferreds(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage1_callbacks::{run, time::sleep};
    run(|| {
        for _ in 0..tasks {
            drop(sleep(AN_HOUR).add_callback(|()| ()));
        }
        parked();
        Ok(())
    })
}

pub(crate) fn greenlets(tasks: usize, parked: Parked) -> io::Result<()> {
    use interlude_greenlets::{run, spawn, time::sleep};
    run(move || {
        for _ in 0..tasks {
            drop(spawn(|| sleep(AN_HOUR)));
        }
        // They begin in order: when the last one runs, the others wait.
        drop(spawn(parked).join());
    })
}

pub(crate) fn generators(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage2_generators::{inline_callbacks, run, time::sleep, yield_};
    run(|| {
        for _ in 0..tasks {
            drop(inline_callbacks(async { yield_(sleep(AN_HOUR)).await }));
        }
        parked();
        Ok(())
    })
}

pub(crate) fn yield_from(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};
    let main = coroutine(async move {
        for _ in 0..tasks {
            drop(spawn(sleep(AN_HOUR)));
        }
        let last = spawn(coroutine(async move {
            parked();
            Ok(())
        }));
        yield_from(&last).await
    });
    run(main).map(drop)
}

pub(crate) fn async_await(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage4_async_await::{run, spawn, time::sleep};
    run(async move {
        for _ in 0..tasks {
            drop(spawn(sleep(AN_HOUR)));
        }
        spawn(async { parked() }).await;
    })
}

pub(crate) fn asyncio(tasks: usize, parked: Parked) -> io::Result<()> {
    use stage5_asyncio::{create_task, run, time::sleep};
    run(async move {
        for _ in 0..tasks {
            drop(create_task(sleep(AN_HOUR)));
        }
        create_task(async { parked() }).await;
    })
}
