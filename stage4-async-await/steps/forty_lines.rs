//! An executor in forty lines, for many tasks: `cargo run --example stage4-forty-lines`.
//!
//! A task is a future in a place of its own, and it *is* its waker: to wake it is to send it to the
//! queue. The executor takes tasks from the queue and polls them. The queue is a channel, which
//! may be sent to from any thread, and whose receiver sleeps while it is empty.
//!
//! It ends by itself. Each task that is not over is kept by whoever may wake it. When nobody is
//! left who could send anything, the channel says so: either all is done, or what is left can never
//! be woken any more. The loop of this stage tells the two apart, and names the tasks.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

fn main() {
    for line in story() {
        println!("{line}");
    }
}

/// What it prints.
pub fn story() -> Vec<String> {
    let said = Said::default();
    let executor = Executor::new();
    for name in ["a", "b"] {
        executor.spawn(count_down(name, Arc::clone(&said)));
    }
    let guard = Guard(Arc::clone(&said));
    executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    });
    say(&said, "spawned, and nothing has run yet");
    executor.run();
    say(&said, "nobody can wake anybody any more");
    let said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.clone()
}

// The executor, all of it.

struct Executor {
    queue: Receiver<Arc<Task>>,
    sender: Sender<Arc<Task>>,
}

struct Task {
    /// `None` once it is over: a waker may be called later than that.
    future: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    queue: Sender<Arc<Task>>,
}

impl Executor {
    fn new() -> Self {
        let (sender, queue) = mpsc::channel();
        Self { queue, sender }
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let future = Mutex::new(Some(Box::pin(future) as _));
        Arc::new(Task { future, queue: self.sender.clone() }).wake();
    }

    fn run(self) {
        drop(self.sender);
        while let Ok(task) = self.queue.recv() {
            task.step();
        }
    }
}

impl Task {
    fn step(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let mut slot = self.future.lock().expect("it has not panicked before");
        if let Some(future) = slot.as_mut()
            && future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            *slot = None;
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        // Without an executor there is nobody to wake.
        let _ = self.queue.clone().send(self);
    }
}

// Something to run.

type Said = Arc<Mutex<Vec<String>>>;

fn say(said: &Said, what: &str) {
    said.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
}

async fn count_down(name: &str, said: Said) {
    for left in (0..3).rev() {
        say(&said, &format!("{name} {left}"));
        next_turn().await;
    }
}

/// Goes to the end of the queue, once.
async fn next_turn() {
    let mut is_queued = false;
    poll_fn(|context| {
        if is_queued {
            return Poll::Ready(());
        }
        is_queued = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Says when what has it is dropped.
struct Guard(Said);

impl Drop for Guard {
    fn drop(&mut self) {
        say(&self.0, "the one that nobody wakes is dropped");
    }
}
