//! An executor in fifteen lines: `cargo run --example stage4-fifteen-lines`.
//!
//! It runs one future to its end. As long as the future is pending, the thread sleeps, and
//! whoever calls the waker ends its sleep. There is no queue, since there is nobody to queue, and
//! no reactor: whatever the future waits for has to have a thread of its own.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

fn main() {
    for line in story() {
        println!("{line}");
    }
}

/// What it prints.
pub fn story() -> Vec<String> {
    let sum = block_on(pin!(async {
        // Each `await` lets the thread sleep until the other one has counted that far.
        count_elsewhere(1000).await + count_elsewhere(100).await
    }));
    let ready = block_on(pin!(async { "what is there at once never sleeps" }));
    vec![format!("two other threads counted to {sum}"), ready.to_owned()]
}

// The executor, all of it.

fn block_on<T>(mut future: Pin<&mut dyn Future<Output = T>>) -> T {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            // A wake that came before this is not lost: then `park` returns at once. It may also
            // return for no reason at all, and then one poll is in vain.
            Poll::Pending => thread::park(),
        }
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

// Something to wait for.

/// Counts on another thread, and wakes whoever waits.
async fn count_elsewhere(limit: u32) -> u32 {
    let (sender, receiver) = mpsc::channel();
    let waiting: Arc<Mutex<Option<Waker>>> = Arc::default();
    let whom = Arc::clone(&waiting);
    let counter = thread::spawn(move || {
        let counted = (0..limit).count();
        let count = u32::try_from(counted).expect("it is no more than the limit");
        // First the value, and then the wake. The other way round, whoever is woken may look too
        // early, and nobody wakes it again.
        sender.send(count).expect("somebody waits");
        if let Some(waker) = whom.lock().expect("nobody panics with it").take() {
            waker.wake();
        }
    });
    let count = poll_fn(|context| {
        // First the waker, and then the look. The other way round, the value may arrive in between.
        let waker = context.waker().clone();
        *waiting.lock().expect("nobody panics with it") = Some(waker);
        match receiver.try_recv() {
            Ok(count) => Poll::Ready(count),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => unreachable!("it counts to the end"),
        }
    })
    .await;
    counter.join().expect("it counts to the end");
    count
}
