//! # Stage 3: yield from
//!
//! *PEP 380, Python 3.3 (2012); Tulip, which became asyncio in 3.4 (2014).* A generator can
//! hand over to another one. So coroutines call coroutines, a yield passes through all of
//! them, and somebody has to stand at the top and read it: the task. This is asyncio's heart
//! as it was born, before there was any syntax for it.
//!
//! ```
//! use stage3_yield_from::{Coroutine, coroutine, run, spawn, time::sleep, yield_from};
//! use std::time::Duration;
//!
//! fn say(word: &'static str, after: u64) -> Coroutine<&'static str> {
//!     coroutine(async move {
//!         yield_from(sleep(Duration::from_millis(after))).await?;
//!         println!("{word}");
//!         Ok(word)
//!     })
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let last = run(coroutine(async {
//!     let world = spawn(say("world", 20));
//!     yield_from(say("hello", 10)).await?;
//!     yield_from(&world).await
//! }))?;
//! assert_eq!(last.unwrap(), "world");
//! # Ok(())
//! # }
//! ```
//!
//! # Who parks, who resumes
//!
//! A task is parked in [`task`], function `park`: it is left with the future it yielded, and
//! a future that stands for a socket is left with the reactor by `net.rs`, function `retry`.
//! It is resumed in [`task`], function `step`, and nowhere else.
//!
//! # Reading order
//!
//! [`coroutine`](mod@coroutine) (what is new in it is `yield_from`), [`future`], [`task`],
//! [`event_loop`], then [`net`], [`time`], [`sync`]. [`extras`] has the rest of asyncio's first
//! toolbox, from `gather` to `Queue`, and what is for other threads, for the end of a loop, and for
//! what goes wrong.
//!
//! # The last page
//!
//! `yield_from(inner)` runs PEP 380's expansion: the outer generator resumes the inner one,
//! level by level, and each level is an object. If the body awaited the inner function
//! itself, through the same door, the compiler would make one state machine of both. That is
//! what `await` becomes in the next stage.

#![forbid(unsafe_code)]

pub mod coroutine;
pub mod event_loop;
pub mod extras;
pub mod failure;
pub mod future;
pub mod net;
pub mod sync;
pub mod task;
pub mod time;

pub use event_loop::{call_later, call_soon, remote, run};
pub use failure::Failure;
pub use future::Future;
pub use task::{Coroutine, Task, coroutine, spawn, yield_from};
