//! # Stage 2: generators
//!
//! *PEP 342, Python 2.5 (2006); Twisted's `inlineCallbacks` (2007), Tornado.* A function
//! that can be left in the middle and entered again does not have to be cut into callbacks.
//! Nothing below the user's code changes: the loop still serves callbacks, and one of them
//! resumes the function. So four files are byte for byte those of stage 1.
//!
//! ```
//! use stage2_generators::{Deferred, inline_callbacks, react, time::sleep, yield_};
//! use std::time::Duration;
//!
//! fn say(word: &'static str, after: u64) -> Deferred<&'static str> {
//!     inline_callbacks(async move {
//!         yield_(sleep(Duration::from_millis(after))).await?;
//!         println!("{word}");
//!         Ok(word)
//!     })
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let last = react(|| inline_callbacks(async {
//!     let world = say("world", 20);
//!     yield_(say("hello", 10)).await?;
//!     yield_(world).await
//! }))?;
//! assert_eq!(last.unwrap(), "world");
//! # Ok(())
//! # }
//! ```
//!
//! # An open word about `yield`
//!
//! Stable Rust has none. The generators here are async blocks, polled by hand through a door
//! at their side: `yield_(x).await?` is Python's `yield x`, and the `.await` is how Rust
//! spells the suspension. [`coroutine`] says how, and `steps/by_hand.rs` writes the state
//! machine out that the compiler makes of it.
//!
//! # Who parks, who resumes
//!
//! A routine is parked in [`task`], function `park`: it is left with the deferred it waits
//! for. It is resumed in the same file, function `resume`.
//!
//! # Reading order
//!
//! [`coroutine`], then [`task`]; all the rest is stage 1.

#![forbid(unsafe_code)]
#![cfg_attr(feature = "coroutines", feature(coroutine_trait))]

pub mod coroutine;
pub mod deferred;
pub mod event_loop;
pub mod extras;
pub mod failure;
pub mod net;
pub mod sync;
pub mod task;
pub mod time;

pub use coroutine::{Generator, Step};
pub use deferred::{Deferred, Firer};
pub use event_loop::{call_later, call_soon, react, remote, run, stop};
pub use failure::Failure;
pub use task::{inline_callbacks, yield_};
