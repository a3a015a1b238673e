//! # Stage 0: waiting
//!
//! *What every program does unless somebody invents something.* There is nothing in this
//! library: the standard one has it all. A call that has to wait keeps its thread waiting,
//! and the kernel parks the thread, its stack untouched. Two things at once take two threads.
//!
//! ```
//! use std::thread::{self, sleep};
//! use std::time::Duration;
//!
//! fn say(word: &'static str, after: u64) -> &'static str {
//!     sleep(Duration::from_millis(after));
//!     println!("{word}");
//!     word
//! }
//!
//! let world = thread::spawn(|| say("world", 20));
//! say("hello", 10);
//! assert_eq!(world.join().unwrap(), "world");
//! ```
//!
//! # Who parks, who resumes
//!
//! The kernel does both, in every call that blocks. That is why nothing here can be told to
//! stop waiting: a timeout has to be asked for before the wait begins, call by call.
//!
//! # Reading order
//!
//! The programs are in `examples/blocking/` (one thing after the other) and
//! `examples/threads/` (a thread for each); `examples/spinning/` asks every socket again
//! and again instead, which is what the next chapter begins with.

#![forbid(unsafe_code)]
