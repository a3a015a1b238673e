//! Two futures, in one task and in two: `cargo run --example stage4-two-in-one`.
//!
//! A waker wakes a task, and knows nothing of the futures inside. So whoever puts two futures into
//! one task polls both whenever one of them is ready.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<Vec<String>> {
    let one_task = backend::scope(Clockwork::new(), || run(in_one_task()))?;
    let two_tasks = backend::scope(Clockwork::new(), || run(in_two_tasks()))?;
    let told = |how: &str, [short, long]: [u32; 2]| {
        format!("{how}: the short one is polled {short} times, the long one {long} times")
    };
    Ok(vec![told("in one task ", one_task), told("in two tasks", two_tasks)])
}

/// Polls both for each wake, until both are ready. One that is ready is never polled again.
async fn in_one_task() -> [u32; 2] {
    let [short, long] = [Rc::default(), Rc::default()];
    let mut naps = [
        pin!(nap(10, &short)) as Pin<&mut dyn Future<Output = ()>>,
        pin!(nap(30, &long)),
    ];
    let mut are_over = [false; 2];
    poll_fn(|context| {
        for (nap, is_over) in naps.iter_mut().zip(&mut are_over) {
            *is_over = *is_over || nap.as_mut().poll(context).is_ready();
        }
        if are_over == [true; 2] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    [short.get(), long.get()]
}

/// Has each polled for its own wakes, by a task of its own.
async fn in_two_tasks() -> [u32; 2] {
    let [short, long] = [Rc::default(), Rc::default()];
    let (first, second) = (nap(10, &short), nap(30, &long));
    let (first, second) = (spawn(first), spawn(second));
    first.await;
    second.await;
    [short.get(), long.get()]
}

/// Sleeps that long, and counts how often it is polled.
fn nap(millis: u64, polls: &Rc<Cell<u32>>) -> impl Future<Output = ()> + 'static {
    let polls = Rc::clone(polls);
    async move {
        let mut nap = pin!(sleep(Duration::from_millis(millis)));
        poll_fn(|context| {
            polls.set(polls.get() + 1);
            nap.as_mut().poll(context)
        })
        .await;
    }
}
