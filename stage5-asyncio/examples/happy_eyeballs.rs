//! A race over the addresses of a host: `cargo run --example stage5-happy-eyeballs`.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::{Race, Won};
use stage5_asyncio::exceptions::Elapsed;
use stage5_asyncio::net::TcpStream;
use stage5_asyncio::queues::Queue;
use stage5_asyncio::{run, task_group, timeout};

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

/// Begins an attempt whenever one has failed or taken too long. Nobody leaves the group before
/// those that have lost are gone.
async fn connect(race: &Race) -> io::Result<TcpStream> {
    let raced = task_group(async |group| {
        let (ended, mut attempts) = (Rc::new(Queue::new()), Vec::new());
        while !race.is_lost() {
            let begin = |address| group.create_task(attempt(address, Rc::clone(&ended)));
            attempts.extend(race.next().map(begin));
            if let Ok(Ok((address, connected))) =
                timeout(race.patience(), ended.get()).await
                && let Some(stream) = race.record(address, connected)
            {
                attempts.iter().for_each(|loser| _ = loser.cancel());
                return Ok(stream);
            }
        }
        Err(race.lost())
    });
    raced.await.map_err(|mut group| group.exceptions.remove(0))
}

type Ended = (SocketAddr, io::Result<TcpStream>);

async fn attempt(address: SocketAddr, ended: Rc<Queue<Ended>>) -> io::Result<()> {
    let connected = TcpStream::connect(address).await;
    drop(ended.put_nowait((address, connected))); // there is always room
    Ok(())
}
