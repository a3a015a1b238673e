//! Light tasks: what a task costs that promises less.
//!
//! A task of asyncio can be cancelled and refuse, has a name, values and a line on the list that
//! `lineage ps` shows. All of that is paid for at each step. A light task has none of it. It is a
//! future and the right to be polled again; whoever wants to stop it stops the [`scope()`] it is in.
//! So it fits in one piece of memory, and a wake is a number that is pushed to a queue.
//!
//! Light tasks live *inside* a task of asyncio, as many as you like inside one. Seen from outside
//! they are that task: a cancel drops them all, and whatever they read and write goes through
//! asyncio's own streams, on either engine.
//!
//! ```
//! use stage6_uvloop::light;
//!
//! # fn main() -> std::io::Result<()> {
//! let sum = light::run(async {
//!     let tasks: Vec<_> = (1..=3).map(|n| light::spawn(async move { n * n })).collect();
//!     let mut sum = 0;
//!     for task in tasks {
//!         sum += task.await;
//!     }
//!     sum
//! })?;
//! assert_eq!(sum, 14);
//! # Ok(())
//! # }
//! ```
//!
//! 1. `task`: the future, and where its output lies later, in one piece of memory, behind a pointer that
//!    does not know its type;
//! 2. `waker`: a waker that is a number. To clone it costs nothing, and it works on every thread;
//! 3. `set`: the tasks of a scope, and the queue of those that are ready;
//! 4. `scope`: the one place where light tasks are resumed;
//! 5. `join`: the wait for an output;
//! 6. `inbox`: the way in from other threads;
//! 7. `timers`, `time`: deadlines, kept by the highest bit in which they differ from now;
//! 8. `channel`: to hand something over.
//!
//! What is given up, besides cancels, names and values: nobody counts the wakers. A loop whose light
//! tasks all wait for each other cannot know that nobody outside could wake one, and waits for
//! ever, where asyncio's tasks end in a `Deadlock`. And nothing of it is in a recording.

pub mod channel;
mod inbox;
mod join;
mod scope;
mod set;
mod task;
mod time;
mod timers;
mod waker;

use std::future::poll_fn;
use std::io;
use std::task::Poll;

pub use join::JoinHandle;
pub use scope::{Scope, scope};
pub use time::{Elapsed, Sleep, sleep, timeout};

/// Starts a light task in the scope that is running. It takes its first step later, never here.
///
/// A panic in it goes to whoever awaits the handle. Dropping the handle lets the task run on.
///
/// # Panics
///
/// Panics when no scope is running on this thread.
#[track_caller]
pub fn spawn<T: 'static>(future: impl Future<Output = T> + 'static) -> JoinHandle<T> {
    set::with_running(|set| set.spawn(future))
}

/// Runs `main` in a [`scope()`], on a fast loop.
///
/// # Errors
///
/// As [`run`](crate::run).
///
/// # Panics
///
/// As [`run`](crate::run).
#[track_caller]
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> io::Result<T> {
    crate::run(scope(main))
}

/// Lets every other light task that is ready have a step.
pub fn yield_now() -> impl Future<Output = ()> {
    let mut had_its_turn = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut had_its_turn, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}
