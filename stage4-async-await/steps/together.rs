//! Two that wait, one after the other, at once, and one of them in vain:
//! `cargo run --example stage4-together`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

type Clock = Rc<Clockwork>;

fn main() -> io::Result<()> {
    println!("one after the other");
    story(async |clock| {
        work(&clock, "slow", 30).await;
        work(&clock, "fast", 10).await;
    })?;
    println!("at once");
    story(async |clock| {
        let slow = start(&clock, "slow", 30);
        work(&clock, "fast", 10).await;
        slow.await;
    })?;
    println!("at once, and one fails");
    story(async |clock| {
        if let Err(failure) = both(&clock).await {
            say(&clock, &format!("you hear: {failure}"));
        }
        sleep(Duration::from_millis(20)).await;
    })
}

/// Gives up at the first failure that it sees.
async fn both(clock: &Clock) -> Result<(), &'static str> {
    let slow = start(clock, "slow", 30);
    let (time, later) = (Rc::clone(clock), start(clock, "later", 40));
    let fails = spawn(async move {
        sleep(Duration::from_millis(10)).await;
        say(&time, "one fails");
        Err("it failed")
    });
    slow.await;
    fails.await?;
    later.await;
    Ok(())
}

fn start(clock: &Clock, name: &'static str, millis: u64) -> JoinHandle<()> {
    let clock = Rc::clone(clock);
    spawn(async move { work(&clock, name, millis).await })
}

async fn work(clock: &Clock, name: &str, millis: u64) {
    sleep(Duration::from_millis(millis)).await;
    say(clock, &format!("{name} is done"));
}

fn say(clock: &Clock, what: &str) {
    println!("  {:>2} ms  {what}", clock.elapsed().as_millis());
}

/// Runs under a virtual clock.
fn story(main: impl AsyncFnOnce(Clock) + 'static) -> io::Result<()> {
    let clock = Clockwork::new();
    let time = Rc::clone(&clock);
    backend::scope(clock, || run(async move { main(time).await }))
}
