//! TLS: the session alone, over vectors; connections, over sockets and in an invented network;
//! connections that are encrypted half-way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../common/mod.rs"]
mod common;

mod connections;
mod identity;
mod session;
mod upgrade;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reactor::sim::{Sim, Weather};
use stage5_asyncio::net::TcpStream;
use stage5_asyncio::time::sleep;
use stage5_asyncio::tls::rustls;
use stage5_asyncio::{run, timeout};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Runs `story` on real sockets, and in the invented network in ten kinds of weather. The number
/// is by what a big amount of bytes is to be divided there.
fn everywhere<F: Future<Output = ()> + 'static>(story: impl Fn(usize) -> F) {
    run(within(1, story(1))).unwrap();
    for seed in 0..10 {
        invented(seed, || story(100));
    }
}

/// Runs `story` in the invented network; gives how long it took by the clock there.
fn invented<F: Future<Output = ()> + 'static>(
    seed: u64,
    story: impl FnOnce() -> F,
) -> Duration {
    let sim = Sim::new(seed, Weather::rough());
    let clock = sim.clone();
    reactor::backend::scope(sim, || run(within(10, story())).unwrap());
    clock.elapsed()
}

async fn within(minutes: u64, story: impl Future<Output = ()>) {
    timeout(Duration::from_mins(minutes), story).await.expect("it does not take as long");
}

/// Waits until it is so: something that nobody can await.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(common::MS).await;
    }
}

/// What rustls says is wrong.
fn reason(error: &io::Error) -> &rustls::Error {
    error.get_ref().unwrap().downcast_ref().unwrap()
}

/// What can be had of a socket, to its end. `None`: it broke.
async fn rest_of(peer: &TcpStream) -> Option<Vec<u8>> {
    let (mut all, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match peer.read(&mut buffer).await.ok()? {
            0 => return Some(all),
            n => all.extend(&buffer[..n]),
        }
    }
}
