//! Three ways to wait for 10 ms, two of them wrong: `cargo run --example stage4-asleep`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

const PAUSE: Duration = Duration::from_millis(10);

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<[String; 3]> {
    Ok([
        format!("asleep: {}", run(asleep()).expect_err("nobody wakes it")),
        format!("busy:   {} polls", run(counted(busy()))?),
        format!("parked: {} polls", run(counted(sleep(PAUSE)))?),
    ])
}

/// Says "not yet", and tells nobody whom to wake.
async fn asleep() {
    poll_fn(|_| Poll::<()>::Pending).await;
}

/// Says "not yet, and ask me again at once".
async fn busy() {
    let is_up = Rc::new(Cell::new(false));
    let set = Rc::clone(&is_up);
    drop(spawn(async move {
        sleep(PAUSE).await;
        set.set(true);
    }));
    poll_fn(|context| {
        if is_up.get() {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Counts how often a future is polled.
async fn counted(future: impl Future<Output = ()>) -> u32 {
    let mut future = pin!(future);
    let mut polls = 0;
    poll_fn(|context| {
        polls += 1;
        future.as_mut().poll(context)
    })
    .await;
    polls
}
