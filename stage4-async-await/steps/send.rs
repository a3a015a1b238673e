//! A future that goes on on another thread: `cargo run --example stage4-send`.
//!
//! A runtime with many threads resumes a task on whichever is free. So the future moves between
//! two polls, and all that lives across an await moves with it: that is why `tokio::spawn` asks
//! for `Send`, and a task there cannot keep an `Rc` while it waits. The loop of this stage has one
//! thread. It never moves a task, and never asks.
//!
//! What the compiler says of an `Rc` that lives across an await is in
//! `tests/fixtures/refused/takes_an_rc_to_another_thread.rs`.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use stage4_async_await::run;

fn main() -> io::Result<()> {
    for line in story()? {
        println!("{line}");
    }
    Ok(())
}

/// What it prints.
pub fn story() -> io::Result<Vec<String>> {
    let said = Said::default();
    let mut future: Portable = Box::pin(says_where(Arc::clone(&said)));
    for name in ["one", "two", "three"] {
        future = poll_on_a_thread_called(name, future)?;
    }
    run(keeps_an_rc(Arc::clone(&said)))?;
    let said = said.lock().expect("nobody panics with it");
    Ok(said.clone())
}

type Said = Arc<Mutex<Vec<String>>>;

/// What may go to another thread. Take the `Send` away, and `thread::Builder::spawn` refuses.
type Portable = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls it once there, and gives it back: what a worker of a runtime with many threads does.
fn poll_on_a_thread_called(name: &str, mut future: Portable) -> io::Result<Portable> {
    let worker = thread::Builder::new().name(name.to_owned()).spawn(move || {
        let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        future
    })?;
    Ok(worker.join().expect("it does not panic"))
}

/// Three steps. The count lives across the awaits, and so it is an `Arc`. The `Rc` does not: its
/// block is over before the next await, and the future never has to hold it.
async fn says_where(said: Said) {
    for step in 1..=3 {
        {
            let step = Rc::new(step);
            say(&said, &format!("step {step} runs on thread {}", here()));
        }
        once().await;
    }
}

/// Keeps an `Rc` while it waits. This loop takes it as it is.
async fn keeps_an_rc(said: Said) {
    let kept = Rc::new("an Rc");
    once().await;
    say(&said, &format!("{kept} may wait on a loop of one thread"));
}

fn here() -> String {
    thread::current().name().unwrap_or("without a name").to_owned()
}

fn say(said: &Said, what: &str) {
    said.lock().expect("nobody panics with it").push(what.to_owned());
}

/// Suspends once.
async fn once() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
