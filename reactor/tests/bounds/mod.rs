//! What keeps a test that goes wrong from going on for ever.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Counts the turns of a test's loop.
#[derive(Default)]
pub(crate) struct Turns(u32);

impl Turns {
    /// One more, and not a hundred thousand.
    pub(crate) fn one_more(&mut self) {
        self.0 += 1;
        assert!(self.0 < 100_000, "it goes on for ever");
    }
}

/// Calls `body` on a thread of its own, and does not wait longer than for a while.
pub(crate) fn in_time(body: impl FnOnce() + Send + 'static) {
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        body();
        end.send(())
    });
    ended
        .recv_timeout(Duration::from_secs(15))
        .expect("it comes to its end, and in time");
}
