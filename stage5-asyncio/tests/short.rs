//! A server that has no descriptors left: when it tries again, and what its end leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, MS, reports};
use reactor::backend;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use stage5_asyncio::base_events::Server;
use stage5_asyncio::streams::{StreamReader, StreamWriter, start_server};
use stage5_asyncio::time::sleep;
use stage5_asyncio::{get_running_loop, run};

/// Says a word as soon as it is connected, and leaves so long after it has heard it.
struct Guest {
    log: Log,
    name: &'static str,
    stays: Duration,
}

impl Peer for Guest {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match event {
            Event::Connected => link.send(b"hello"),
            Event::Readable if !link.read(5).is_empty() => {
                let now = link.now().as_millis();
                self.log.say(format_args!("{} at about {}", self.name, now / 10 * 10));
                link.after(self.stays, 0);
            }
            Event::Timer(_) => link.close(),
            _ => {}
        }
    }
}

async fn echo(mut reader: StreamReader, writer: StreamWriter) -> std::io::Result<()> {
    while let Ok(data) = reader.read(16).await
        && !data.is_empty()
    {
        writer.write(&data);
    }
    Ok(())
}

/// Three guests at once, where there are descriptors for the server's socket and two more; gives
/// when each was heard, and what was reported.
fn crowd(
    stays: Duration,
    story: impl AsyncFnOnce(Server) + 'static,
) -> (Vec<String>, Vec<String>) {
    let home = SocketAddr::from(([10, 0, 0, 1], 80));
    let sim = Sim::new(1, Weather { descriptors: 3, ..Weather::calm() });
    let log = Log::default();
    for name in ["one", "two", "three"] {
        let guest = Box::new(Guest { log: log.clone(), name, stays });
        sim.connect_peer(MS, home, guest);
    }
    let reported = backend::scope(Rc::clone(&sim) as _, || {
        run(async move {
            let reported = reports();
            let server = start_server(echo, home).await.unwrap();
            story(server).await;
            reported
        })
    });
    (log.take(), reported.unwrap().take())
}

/// asyncio looks again after a second, and so does this, but not if one of its own has gone: then
/// there is a descriptor.
#[test]
fn whoever_leaves_makes_room_for_the_next_one() {
    let (heard, reported) = crowd(300 * MS, async |_| sleep(3_000 * MS).await);
    assert_eq!(heard, ["one at about 0", "two at about 0", "three at about 300"]);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].starts_with("socket.accept() out of system resource: "));
    let (heard, _) = crowd(5_000 * MS, async |_| sleep(9_000 * MS).await);
    assert_eq!(heard[2], "three at about 5000");
}

/// The pause is a timer, and it ends with the server: nobody waits for it.
#[test]
fn a_server_that_is_closed_in_its_pause_leaves_no_timer() {
    let (heard, reported) = crowd(9_000 * MS, async |server| {
        sleep(100 * MS).await;
        assert_eq!(get_running_loop().reactor().timers(), 1, "the pause");
        server.close();
        assert_eq!(get_running_loop().reactor().timers(), 0);
    });
    assert_eq!((heard.len(), reported.len()), (2, 1));
}
