//! A race over the addresses of a host: `cargo run --example stage2-happy-eyeballs`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Race, Won};
use stage2_generators::net::TcpStream;
use stage2_generators::time::{Elapsed, timeout};
use stage2_generators::{Deferred, Failure, inline_callbacks, react, yield_};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    react(|| hold(race))?.map_err(io::Error::from)
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub fn hold(race: Race) -> Deferred<Won> {
    inline_callbacks(async move {
        let race = Rc::new(race);
        let connected = yield_(timeout(race.timeout, connect(Rc::clone(&race)))).await;
        let stream = connected.map_err(|failure| match failure.trap::<Elapsed>() {
            Ok(_) => race.timed_out().into(),
            Err(other) => other,
        })?;
        Ok(race.won(stream.peer_addr()?))
    })
}

/// Begins an attempt whenever one has failed or taken too long.
fn connect(race: Rc<Race>) -> Deferred<TcpStream> {
    inline_callbacks(async move {
        let mut attempts = Attempts(Vec::new());
        while !race.is_lost() {
            attempts.0.extend(race.next().map(attempt));
            match yield_(timeout(race.patience(), first(&attempts.0))).await {
                Ok((n, (address, connected))) => {
                    drop(attempts.0.remove(n));
                    if let Some(stream) = race.record(address, connected) {
                        return Ok(stream);
                    }
                }
                // It is time for the next; a cancel goes on.
                Err(failure) => drop(failure.trap::<Elapsed>()?),
            }
        }
        Err(race.lost().into())
    })
}

fn attempt(address: SocketAddr) -> Deferred<End> {
    TcpStream::connect(address).add_both(move |connected| Ok((address, connected)))
}

type End = (SocketAddr, Result<TcpStream, Failure>);

/// Fires with the first that ends, and its place; the others go on.
fn first(attempts: &[Deferred<End>]) -> Deferred<(usize, End)> {
    let (firer, deferred) = Deferred::new();
    let firer = Rc::new(firer);
    for (n, attempt) in attempts.iter().enumerate() {
        let firer = Rc::clone(&firer);
        attempt.tap(move |end| _ = firer.fire(end.clone().map(|end| (n, end))));
    }
    deferred
}

/// Those that are under way. Whoever has not ended when the race is over is cancelled.
struct Attempts(Vec<Deferred<End>>);

impl Drop for Attempts {
    fn drop(&mut self) {
        self.0.iter().for_each(Deferred::cancel);
    }
}
