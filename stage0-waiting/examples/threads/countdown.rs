//! Countdowns, a thread for each: `cargo run --example stage0-threads-countdown`.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, sleep};

use site::countdown::{Rocket, rockets};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let log = Mutex::new(Vec::new());
    thread::scope(|scope| {
        let log = &log;
        for rocket in rockets() {
            scope.spawn(move || count(rocket, log));
        }
    });
    Ok(log.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn count(rocket: Rocket, log: &Mutex<Vec<String>>) {
    for left in (0..rocket.from).rev() {
        sleep(rocket.period);
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(format!("{} {left}", rocket.name));
    }
}
