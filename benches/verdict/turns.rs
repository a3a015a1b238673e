//! Does a loop go on while somebody computes? How long the turns of asyncio's take, by the clock
//! on the wall: 99 of 100 take no longer.
//!
//! The program is that of chapter 15, in a process of its own: its workers are this one, started
//! again.

use std::env;
use std::io;
use std::process::Command;

use crate::busy;
use crate::say::say;

/// How the rows of its places end, in its order, and words.
pub(crate) const PLACES: [(&str, &str); 4] = [
    ("idle", "asyncio, nobody computes"),
    ("loop", "asyncio, computes on the loop"),
    ("thread", "asyncio, a thread computes"),
    ("process", "asyncio, a process computes"),
];

/// Microseconds, for each of the places.
pub(crate) fn measure() -> io::Result<Vec<f64>> {
    let mut command = Command::new(env::current_exe()?);
    let said = command.arg("--turns").output()?.stdout;
    serde_json::from_slice(&said).map_err(io::Error::other)
}

/// Measures in this process, and says what came out.
pub(crate) fn tell() -> io::Result<()> {
    let turns = stage5_asyncio::run(busy::measure())?;
    let micros = turns.map(|(_, turns)| busy::at(99, &turns).as_secs_f64() * 1e6);
    say(serde_json::to_string(&micros)?)
}
