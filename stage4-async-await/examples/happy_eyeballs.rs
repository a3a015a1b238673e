//! A race over the addresses of a host: `cargo run --example stage4-happy-eyeballs`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use site::{Race, Won};
use stage4_async_await::net::TcpStream;
use stage4_async_await::run;
use stage4_async_await::time::{Elapsed, timeout};

fn main() -> io::Result<()> {
    site::demo::happy_eyeballs(happy_eyeballs)
}

/// Connects to whichever address answers first, and says how the race went.
pub fn happy_eyeballs(race: Race) -> io::Result<Won> {
    run(hold(race))?
}

/// Holds a race in a loop that may have more to do: nothing is left of it once it has ended.
pub async fn hold(race: Race) -> io::Result<Won> {
    let connected = timeout(race.timeout, connect(&race)).await;
    let stream = connected.unwrap_or_else(|Elapsed| Err(race.timed_out()))?;
    Ok(race.won(stream.peer_addr()?))
}

/// Begins an attempt whenever one has failed or taken too long. Those that have lost go with
/// the list that holds them: to drop is to cancel.
async fn connect(race: &Race) -> io::Result<TcpStream> {
    let mut attempts = Vec::new();
    while !race.is_lost() {
        attempts.extend(race.next().map(attempt).map(Box::pin));
        if let Ok((address, connected)) =
            timeout(race.patience(), first(&mut attempts)).await
            && let Some(stream) = race.record(address, connected)
        {
            return Ok(stream);
        }
    }
    Err(race.lost())
}

async fn attempt(address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    (address, TcpStream::connect(address).await)
}

/// The first that ends; the others go on.
async fn first<F: Future + Unpin>(attempts: &mut Vec<F>) -> F::Output {
    poll_fn(|context| {
        for n in 0..attempts.len() {
            if let Poll::Ready(end) = Pin::new(&mut attempts[n]).poll(context) {
                drop(attempts.remove(n));
                return Poll::Ready(end);
            }
        }
        Poll::Pending
    })
    .await
}
