//! A race over the addresses of a host: `cargo run --example stage3-happy-eyeballs`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Race, Won};
use stage3_yield_from::extras::wait::{ReturnWhen, wait};
use stage3_yield_from::net::TcpStream;
use stage3_yield_from::task::Task;
use stage3_yield_from::time::{Elapsed, timeout};
use stage3_yield_from::{Coroutine, Failure, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    run(hold(race))?.map_err(io::Error::from)
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub fn hold(race: Race) -> Coroutine<Won> {
    coroutine(async move {
        let race = Rc::new(race);
        let connected =
            yield_from(timeout(race.timeout, connect(Rc::clone(&race)))).await;
        let stream = connected.map_err(|failure| match failure.trap::<Elapsed>() {
            Ok(_) => race.timed_out().into(),
            Err(other) => other,
        })?;
        Ok(race.won(stream.peer_addr()?))
    })
}

/// Begins an attempt whenever one has failed or taken too long.
fn connect(race: Rc<Race>) -> Coroutine<TcpStream> {
    coroutine(async move {
        let mut attempts = Attempts(Vec::new());
        while !race.is_lost() {
            attempts.0.extend(race.next().map(|address| spawn(attempt(address))));
            let (tasks, patience) = (attempts.0.clone(), Some(race.patience()));
            let first = wait(tasks, patience, ReturnWhen::FirstCompleted);
            let (done, pending) = yield_from(first).await?;
            attempts.0 = pending;
            for attempt in done {
                let (address, connected) = attempt.result()?;
                if let Some(stream) = race.record(address, connected) {
                    return Ok(stream);
                }
            }
        }
        Err(race.lost().into())
    })
}

fn attempt(address: SocketAddr) -> Coroutine<End> {
    coroutine(async move { Ok((address, yield_from(TcpStream::connect(address)).await)) })
}

type End = (SocketAddr, Result<TcpStream, Failure>);

/// Those that are under way. Whoever has not ended when the race is over is cancelled.
struct Attempts(Vec<Task<End>>);

impl Drop for Attempts {
    fn drop(&mut self) {
        self.0.iter().for_each(|attempt| _ = attempt.cancel());
    }
}
