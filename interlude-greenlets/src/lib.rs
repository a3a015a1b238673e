//! # Interlude: greenlets
//!
//! *Stackless Python (2000), greenlet (2006), gevent (2009).* What if the stack itself could
//! stop? Then a function that waits looks like one that blocks, its callers need not know,
//! and nothing has to be rewritten. What is left with the reactor is a greenlet's id.
//!
//! ```
//! use interlude_greenlets::{run, spawn, time::sleep};
//! use std::time::Duration;
//!
//! fn say(word: &'static str, after: u64) -> &'static str {
//!     sleep(Duration::from_millis(after));
//!     println!("{word}");
//!     word
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let last = run(|| {
//!     let world = spawn(|| say("world", 20));
//!     say("hello", 10);
//!     world.join().unwrap()
//! })?;
//! assert_eq!(last, "world");
//! # Ok(())
//! # }
//! ```
//!
//! Compare it with stage 0: only `run` is new, and where `sleep` and `spawn` come from. That
//! is the beauty of it. The catch is the same sentence: no line of `say` tells you that the
//! world may have changed when it goes on.
//!
//! # Who parks, who resumes
//!
//! A greenlet parks in [`event_loop`], function `park`, which switches to the hub, and is
//! resumed in function `resume` of the same file, which switches back. Everything that
//! waits, waits through these two.
//!
//! # Reading order
//!
//! [`greenlet`]: stacks and how control changes hands, without any loop. [`event_loop`]: the
//! hub, and why everybody's parent is the hub. [`task`] and [`net`]; then [`time`], where a
//! timeout is thrown at a greenlet, and [`sync`]. [`failure`] is what is
//! thrown. [`extras`] is breadth.
//!
//! # For whoever knows gevent
//!
//! | there | here |
//! |---|---|
//! | `gevent.spawn`, `spawn_later` | [`spawn`], [`extras::later`] |
//! | `get`, `join(timeout)`, `ready`, `successful` | methods of [`JoinHandle`](task::JoinHandle) |
//! | `kill(exception, block, timeout)`, `killall` | the same, [`extras::kill`] |
//! | `link`, `link_exception`, `link_value` | the same, [`extras::link`] |
//! | `joinall`, `wait`, `iwait` | [`extras::join`] |
//! | `Timeout`, `with_timeout` | [`timeout`](fn@time::timeout), around a body |
//! | `queue.Queue`, `JoinableQueue` | [`extras::queue`] |
//! | `event.Event`, `event.AsyncResult` | [`extras::event`], [`extras::async_result`] |
//! | `pool.Group`, `pool.Pool` | [`extras::pool`] |
//! | `lock.BoundedSemaphore`, `RLock` | [`sync`], [`extras::lock`], [`extras::condition`] |
//! | `threadpool`, `gevent.local` | [`extras::threadpool`], [`extras::local`] |
//! | `monkey.patch_all()` | nothing: what waits is called by its name here, [`net`] and [`time`] |

#![forbid(unsafe_code)]

pub mod event_loop;
pub mod extras;
pub mod failure;
pub mod greenlet;
pub mod net;
pub mod sync;
pub mod task;
pub mod time;

pub use event_loop::{block_on, run, spawn};
pub use failure::{Failure, GreenletExit};
pub use greenlet::{Greenlet, current};
