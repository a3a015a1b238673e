//! # Stage 1: callbacks
//!
//! *Twisted (2002).* Nothing is ever suspended here. A function that would have to wait
//! returns instead, and leaves behind the function that goes on: first as a plain callback,
//! then wrapped into a value, the [`Deferred`].
//!
//! ```
//! use stage1_callbacks::{Deferred, react, time::sleep};
//! use std::time::Duration;
//!
//! fn say(word: &'static str, after: u64) -> Deferred<&'static str> {
//!     sleep(Duration::from_millis(after)).add_callback(move |()| {
//!         println!("{word}");
//!         Ok(word)
//!     })
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let last = react(|| {
//!     let world = say("world", 20);
//!     say("hello", 10).add_callback(|_| world)
//! })?;
//! assert_eq!(last.unwrap(), "world");
//! # Ok(())
//! # }
//! ```
//!
//! A deferred that was given back from a callback is gone, and nobody can add to it. Twisted
//! leaves an empty result behind in that place (M1.08); here it does not compile:
//!
//! ```compile_fail,E0382
//! # use stage1_callbacks::{Deferred, deferred::succeed};
//! let (_firer, inner) = Deferred::<i32>::new();
//! let outer = succeed(()).add_callback(|()| inner);
//! inner.add_callback(|value| Ok(value));
//! ```
//!
//! # Who parks, who resumes
//!
//! A callback is parked in `net.rs`, function `retry` (and, for the clock, by
//! [`call_later`]): it is left with the reactor. It is called in `event_loop.rs`, function
//! `run_ready`, and nowhere else.
//!
//! # Reading order
//!
//! [`event_loop`], then [`net`] and [`time`] with plain callbacks in mind; then
//! [`deferred`] and [`failure`], and the same again. [`sync`] is what the programs share,
//! [`extras`] what Twisted has besides.
//!
//! # Tests of time take none
//!
//! [`Clock`](extras::clock::Clock) is Twisted's `task.Clock`: a loop whose time you move, by
//! [`advance`](extras::clock::Clock::advance).
//!
//! # For whoever knows Twisted
//!
//! | there | here |
//! |---|---|
//! | `Protocol`, `Factory`, `ClientFactory` | [`extras::protocol`] |
//! | `transport`, producers and consumers | [`extras::transport`] |
//! | `reactor.listenTCP`, `reactor.connectTCP` | [`extras::listening`], [`extras::connector`] |
//! | `LineReceiver` | [`extras::line_receiver`] |
//! | `DelayedCall`, `LoopingCall`, `Cooperator` | [`extras::delayed`], [`extras::looping`], [`extras::cooperator`] |
//! | `LoopingCall.start(interval, now=False)` | [`start_later`](extras::looping::LoopingCall::start_later) |
//! | `deferToThread`, `callFromThread` | [`extras::threads`], [`remote`] |
//! | `race`, `DeferredList`, `gatherResults` | [`extras::race`], [`extras::deferred_list`], [`extras::lists`] |
//! | `DeferredLock`, `DeferredSemaphore`, `DeferredQueue` | [`extras::lock`], [`sync`], [`extras::queue`] |
//! | `addTimeout(onTimeoutCancel=…)` | [`Deferred::add_timeout`] |

#![forbid(unsafe_code)]

pub mod deferred;
pub mod event_loop;
pub mod extras;
pub mod failure;
pub mod net;
pub mod sync;
pub mod time;

pub use deferred::{Deferred, Firer};
pub use event_loop::{call_later, call_soon, react, remote, run, stop};
pub use failure::Failure;
