//! A race over the addresses of a host: `cargo run --example interlude-happy-eyeballs`.

use std::io;
use std::rc::Rc;

use interlude_greenlets::extras::queue::Queue;
use interlude_greenlets::net::TcpStream;
use interlude_greenlets::task::JoinHandle;
use interlude_greenlets::time::{Elapsed, timeout};
use interlude_greenlets::{run, spawn};
use site::{Race, Won};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    run(|| hold(race))?
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub fn hold(race: Race) -> io::Result<Won> {
    let connected = timeout(race.timeout, || connect(&race));
    let stream = connected.unwrap_or_else(|Elapsed| Err(race.timed_out()))?;
    Ok(race.won(stream.peer_addr()?))
}

/// Begins an attempt whenever one has failed or taken too long.
fn connect(race: &Race) -> io::Result<TcpStream> {
    let ends = Rc::new(Queue::default());
    let mut attempts = Attempts(Vec::new());
    while !race.is_lost() {
        if let Some(address) = race.next() {
            let ends = Rc::clone(&ends);
            let attempt = move || ends.put((address, TcpStream::connect(address)));
            attempts.0.push(spawn(attempt));
        }
        if let Ok((address, connected)) = ends.get_timeout(race.patience())
            && let Some(stream) = race.record(address, connected)
        {
            return Ok(stream);
        }
    }
    Err(race.lost())
}

/// Those that were begun. Whoever has not ended when the race is over is killed.
struct Attempts(Vec<JoinHandle<()>>);

impl Drop for Attempts {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::kill);
    }
}
