//! Countdowns, one after the other: `cargo run --example stage0-blocking-countdown`.

use std::io;
use std::thread::sleep;

use site::countdown::{Rocket, rockets};

fn main() -> io::Result<()> {
    site::demo::countdown(countdown)
}

/// Lets every rocket count down at its own pace, and gives what was said, in order.
pub fn countdown() -> io::Result<Vec<String>> {
    let mut log = Vec::new();
    for rocket in rockets() {
        count(rocket, &mut log);
    }
    Ok(log)
}

fn count(rocket: Rocket, log: &mut Vec<String>) {
    for left in (0..rocket.from).rev() {
        sleep(rocket.period);
        log.push(format!("{} {left}", rocket.name));
    }
}
