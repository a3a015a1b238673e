//! A race over the addresses of a host: `cargo run --example stage0-threads-happy-eyeballs`.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use site::{Race, Won};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    let stream = connect(&race)?;
    Ok(race.won(stream.peer_addr()?))
}

/// Begins an attempt whenever one has failed or taken too long. Nobody can call back a thread
/// that is stuck in a call: those that have lost are left, and end when their time is up.
fn connect(race: &Race) -> io::Result<TcpStream> {
    let deadline = Instant::now().checked_add(race.timeout);
    let (tell, told) = mpsc::channel();
    while !race.is_lost() {
        let left = deadline.map_or(Duration::MAX, |it| it - Instant::now());
        if left.is_zero() {
            return Err(race.timed_out());
        }
        if let Some(address) = race.next() {
            let tell = tell.clone();
            let attempt = move || tell.send((address, attempt(address, left)));
            thread::Builder::new().spawn(attempt)?;
        }
        if let Ok((address, connected)) = told.recv_timeout(race.patience().min(left))
            && let Some(stream) = race.record(address, connected)
        {
            return Ok(stream);
        }
    }
    Err(race.lost())
}

fn attempt(address: SocketAddr, left: Duration) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&address, left)
}
