//! What counts down: rockets that never speak at the same time, so that the order of what
//! they say is the same in every style that can wait for more than one of them.

use std::fmt;
use std::time::Duration;

/// Something that counts down at its own pace.
#[derive(Clone, Copy, Debug)]
pub struct Rocket {
    /// What it calls itself.
    pub name: &'static str,
    /// How often it speaks.
    pub from: u32,
    /// How long it is silent before it speaks.
    pub period: Duration,
}

impl fmt::Display for Rocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rocket {}", self.name)
    }
}

/// The rockets, which speak after 40 and 80 (a), 100 (b), 120 (a), 140 (c) and 200 ms (b).
pub const ROCKETS: [Rocket; 3] = [
    Rocket { name: "a", from: 3, period: Duration::from_millis(40) },
    Rocket { name: "b", from: 2, period: Duration::from_millis(100) },
    Rocket { name: "c", from: 1, period: Duration::from_millis(140) },
];

/// What they say when they count at the same time.
pub const TOGETHER: [&str; 6] = ["a 2", "a 1", "b 1", "a 0", "c 0", "b 0"];

/// What they say when each waits for the one before it.
pub const IN_TURN: [&str; 6] = ["a 2", "a 1", "a 0", "b 1", "b 0", "c 0"];
