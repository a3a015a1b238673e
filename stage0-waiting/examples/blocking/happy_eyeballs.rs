//! The addresses of a host, in turn: `cargo run --example stage0-blocking-happy-eyeballs`.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use site::{Race, Won};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to the first address that answers, and says how it went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    let stream = connect(&race)?;
    Ok(race.won(stream.peer_addr()?))
}

/// Tries one address after the other. Each has its share of the time that is left.
fn connect(race: &Race) -> io::Result<TcpStream> {
    let began = Instant::now();
    while let Some(address) = race.next() {
        let left = race.timeout.saturating_sub(began.elapsed()) / (1 + race.left());
        if left < Duration::from_nanos(1) {
            return Err(race.timed_out());
        }
        let connected = TcpStream::connect_timeout(&address, left);
        if let Some(stream) = race.record(address, connected) {
            return Ok(stream);
        }
    }
    Err(race.lost())
}
