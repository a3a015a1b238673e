mod exercise;

use std::net::SocketAddr;
use std::time::Duration;

use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::{Direction, Reactor, TcpStream};

/// Says its words, with pauses in between, and hangs up.
struct Speaker {
    words: Vec<&'static str>,
    pause: Duration,
}

impl Peer for Speaker {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        if !matches!(event, Event::Connected | Event::Timer(_)) {
            return;
        }
        if self.words.is_empty() {
            link.finish();
        } else {
            link.send(self.words.remove(0).as_bytes());
            link.after(self.pause, 0);
        }
    }
}

const SPEAKERS: [(&[&str], u64); 3] = [
    (&["one ", "two ", "three"], 30),
    (&["a somewhat longer word that takes two reads ", "b"], 50),
    (&["silence", " ", "is", " ", "golden"], 7),
];

fn main() {
    let sim = Sim::new(1, Weather::calm());
    let reactor = Reactor::with_backend(sim.clone());
    let mut streams = Vec::new();
    for (port, (words, pause)) in (1..).zip(SPEAKERS) {
        let address = SocketAddr::from(([10, 0, 0, 1], port));
        sim.serve(address, move || {
            let (words, pause) = (words.to_vec(), Duration::from_millis(pause));
            Box::new(Speaker { words, pause })
        });
        streams.push(connect(&reactor, address));
    }
    let before = sim.tally().attempts;
    match exercise::listen_to_all(&reactor, &streams) {
        Ok(said) => {
            for said in said {
                println!("said: {}", String::from_utf8_lossy(&said));
            }
        }
        Err(error) => println!("error: {error}"),
    }
    let attempts = sim.tally().attempts - before;
    println!("asked at most forty times: {}", attempts <= 40);
    println!("still waited for: {}", reactor.waiters());
}

fn connect(reactor: &Reactor<usize>, address: SocketAddr) -> TcpStream<usize> {
    let stream = reactor.connect(address).expect("there are sockets enough");
    while stream.connected().is_err() {
        let _ = reactor.wait_for(stream.key(), Direction::Write, 0);
        reactor.select(None, &mut Vec::new()).expect("somebody is at home");
    }
    stream
}
