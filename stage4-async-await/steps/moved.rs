//! A future that is moved between two polls: `cargo run --example stage4-moved`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::future::poll_fn;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll, Waker};

fn main() {
    for line in story() {
        println!("{line}");
    }
}

/// What it prints.
pub fn story() -> [String; 3] {
    [
        format!("by hand, left in place: {}", told(left_in_place())),
        format!("by hand, moved:         {}", told(moved())),
        format!("async, its box moved:   {}", told(pinned())),
    ]
}

/// Waits once, and remembers meanwhile where its buffer is: what a reference that lives
/// across an await comes to. Safe Rust lets us keep the address only as a number.
struct Reader {
    buffer: [u8; 4],
    /// Where `buffer` was at the first poll.
    remembered: Option<usize>,
}

impl Future for Reader {
    /// Whether the buffer is still where it is remembered.
    type Output = bool;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        let now = ptr::from_ref(&self.buffer).addr();
        match self.remembered {
            None => {
                self.remembered = Some(now);
                Poll::Pending
            }
            Some(before) => Poll::Ready(before == now),
        }
    }
}

/// Polls a [`Reader`] twice where it is.
fn left_in_place() -> bool {
    let mut future = Reader { buffer: [0; 4], remembered: None };
    assert!(poll(Pin::new(&mut future)).is_pending());
    poll(Pin::new(&mut future)) == Poll::Ready(true)
}

/// Polls a [`Reader`], moves it to the heap, and polls it again. Nobody objects.
fn moved() -> bool {
    let mut future = Reader { buffer: [0; 4], remembered: None };
    assert!(poll(Pin::new(&mut future)).is_pending());
    let mut elsewhere = Box::new(future);
    poll(Pin::new(&mut *elsewhere)) == Poll::Ready(true)
}

/// The same, written by the compiler, with a reference. It has to be pinned to be polled, and
/// then only its box can move.
fn pinned() -> bool {
    let mut future = Box::pin(async {
        let buffer = [0_u8; 4];
        let reference = &buffer;
        let before = ptr::from_ref(reference).addr();
        once().await;
        ptr::from_ref(reference).addr() == before
    });
    assert!(poll(future.as_mut()).is_pending());
    let mut elsewhere = [future];
    poll(elsewhere[0].as_mut()) == Poll::Ready(true)
}

/// Suspends once.
async fn once() {
    let mut suspended = false;
    poll_fn(|_| {
        if std::mem::replace(&mut suspended, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn told(in_place: bool) -> &'static str {
    if in_place { "its buffer is where it was" } else { "its buffer is somewhere else" }
}
