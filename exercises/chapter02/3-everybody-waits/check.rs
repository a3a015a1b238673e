mod exercise;

use std::net::SocketAddr;

use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::{Direction, Reactor};

/// Sends back what it gets, and does not read on before that is sent.
struct Echo {
    is_ended: bool,
}

impl Peer for Echo {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        self.is_ended |= event == Event::Ended;
        while link.unsent() == 0 {
            let bytes = link.read(512);
            if bytes.is_empty() {
                if self.is_ended {
                    link.finish();
                }
                return;
            }
            link.send(&bytes);
        }
    }
}

fn main() {
    for length in [5, 1000, 10_000, 100_000] {
        let message: Vec<u8> = (0..length).map(|n| (n % 251) as u8).collect();
        let (answer, waits) = converse(&message);
        match answer {
            Ok(answer) if answer == message => println!("{length} bytes came back"),
            Ok(answer) => println!("of {length} bytes, {} came back, or others", answer.len()),
            Err(error) => println!("{length} bytes: {error}"),
        }
        println!("it waited now and then, and not all the time: {}", waits < 20 + length);
    }
}

/// Over a network with room for a thousand bytes each way.
fn converse(message: &[u8]) -> (std::io::Result<Vec<u8>>, usize) {
    let sim = Sim::new(1, Weather { window: 1000, short: 20, ..Weather::calm() });
    let address = SocketAddr::from(([10, 0, 0, 1], 7));
    sim.serve(address, || Box::new(Echo { is_ended: false }));
    let reactor = Reactor::with_backend(sim.clone());
    let stream = reactor.connect(address).expect("there are sockets enough");
    while stream.connected().is_err() {
        let _ = reactor.wait_for(stream.key(), Direction::Write, ());
        reactor.select(None, &mut Vec::new()).expect("somebody is at home");
    }
    let before = sim.tally().waits;
    let answer = exercise::converse(&reactor, &stream, message);
    (answer, usize::try_from(sim.tally().waits - before).unwrap_or(usize::MAX))
}
