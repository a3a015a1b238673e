//! How big a future is, and how often it is kept: once.
//!
//! All of it is one test, since what it measures belongs to the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::fs;
use std::future::pending;
use std::hint::black_box;
use std::rc::Rc;

use common::{FAR, MS, story, turn};
use stage4_async_await::net::TcpStream;
use stage4_async_await::spawn;
use stage4_async_await::sync::Semaphore;
use stage4_async_await::time::{sleep, timeout};

const BUFFER: usize = 64 * 1024;

/// A future with a big buffer in it, which lives across its wait.
#[expect(clippy::large_stack_arrays, reason = "it is as big as it is meant to be")]
async fn buffered() {
    let buffer = [1_u8; BUFFER];
    pending::<()>().await;
    black_box(&buffer);
}

/// The memory of this process that is in use, in bytes.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// What a task costs in memory, each with the future that `make` makes; in its own size.
fn copies<F: Future + 'static>(make: fn() -> F) -> usize {
    const TASKS: usize = 500;
    let (copies, _) = story(async move {
        let before = resident();
        for _ in 0..TASKS {
            drop(spawn(make()));
        }
        turn().await;
        // Rounded to the next whole number.
        (resident() - before + TASKS * BUFFER / 2) / (TASKS * BUFFER)
    });
    copies
}

async fn read(stream: Rc<TcpStream>) {
    stream.read(&mut [0; 16]).await.unwrap();
}

#[test]
fn a_future_is_kept_once() {
    let body = size_of_val(&buffered());
    assert!((BUFFER..BUFFER + 16).contains(&body));
    // A timeout adds an alarm and the exits, and not a second body. (As an async function that
    // pins its body it would have two.)
    let timed = size_of_val(&timeout(MS, buffered()));
    assert!(timed <= body + 160, "{timed} bytes, {body} of them the body's");
    let twice = size_of_val(&timeout(FAR, timeout(MS, buffered())));
    assert!(twice <= body + 320, "{twice} bytes");
    // What waits is small. (The socket's futures borrow their socket and their buffer.)
    assert!(size_of_val(&sleep(MS)) <= 96);
    assert!(size_of_val(&Semaphore::new(1).acquire()) <= 64);
    let reads = size_of_val_of(read);
    assert!(reads <= 160, "{reads} bytes");
    // A task keeps its future once, with a timeout around it, too.
    assert_eq!(copies(|| timeout(FAR, buffered())), 1);
}

/// The size of what a function gives, without a call of it.
fn size_of_val_of<A, F>(_: fn(A) -> F) -> usize {
    size_of::<F>()
}
