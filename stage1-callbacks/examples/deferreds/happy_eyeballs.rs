//! A race over the addresses of a host: `cargo run --example stage1-deferreds-happy-eyeballs`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Race, Won};
use stage1_callbacks::deferred::{fail, succeed};
use stage1_callbacks::net::TcpStream;
use stage1_callbacks::time::{Elapsed, timeout};
use stage1_callbacks::{Deferred, Failure, react};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    react(|| hold(race))?.map_err(io::Error::from)
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub fn hold(race: Race) -> Deferred<Won> {
    let race = Rc::new(race);
    let attempts = Attempts(Vec::new());
    let connected = timeout(race.timeout, connect(Rc::clone(&race), attempts));
    connected.add_both(move |connected| {
        let stream = connected.map_err(|failure| match failure.trap::<Elapsed>() {
            Ok(_) => race.timed_out().into(),
            Err(other) => other,
        })?;
        Ok(race.won(stream.peer_addr()?))
    })
}

/// Begins an attempt, and waits until one has failed or taken too long. The loop has become
/// a chain, a link for each turn.
fn connect(race: Rc<Race>, mut attempts: Attempts) -> Deferred<TcpStream> {
    if race.is_lost() {
        return fail(race.lost());
    }
    attempts.0.extend(race.next().map(attempt));
    timeout(race.patience(), first(&attempts.0)).add_both(move |end| match end {
        Ok((n, (address, connected))) => {
            drop(attempts.0.remove(n));
            match race.record(address, connected) {
                Some(stream) => succeed(stream),
                None => connect(race, attempts),
            }
        }
        Err(failure) if failure.is::<Elapsed>() => connect(race, attempts),
        Err(cancelled) => succeed(()).add_callback(|()| Err(cancelled)),
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
