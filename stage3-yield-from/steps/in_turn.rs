//! Two waits of 100 ms, three ways: `cargo run --example stage3-in-turn`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage3_yield_from::time::sleep;
use stage3_yield_from::{Coroutine, Failure, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    println!("one, then the other: {:?}", time(one_then_the_other())?);
    println!("both made before:    {:?}", time(both_made_before())?);
    println!("a task each:         {:?}", time(a_task_each())?);
    Ok(())
}

fn wait() -> Coroutine<()> {
    sleep(Duration::from_millis(100))
}

fn one_then_the_other() -> Coroutine<()> {
    coroutine(async {
        yield_from(wait()).await?;
        yield_from(wait()).await
    })
}

fn both_made_before() -> Coroutine<()> {
    coroutine(async {
        let (one, other) = (wait(), wait());
        yield_from(one).await?;
        yield_from(other).await
    })
}

fn a_task_each() -> Coroutine<()> {
    coroutine(async {
        let (one, other) = (spawn(wait()), spawn(wait()));
        yield_from(&one).await?;
        yield_from(&other).await
    })
}

/// Runs it under a virtual clock, and gives the time that it took.
fn time(main: Coroutine<()>) -> io::Result<Duration> {
    let clock = Clockwork::new();
    let ended = backend::scope(Rc::clone(&clock) as _, || run(main))?;
    ended.map_err(|failure: Failure| io::Error::other(failure.to_string()))?;
    Ok(clock.elapsed())
}
