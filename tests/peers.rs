//! Those that the benches compare with: each server echoes every byte, and ends when it is
//! told to; each loop does as much as ours. A peer that is wrong is no measure of anything.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "to skip is said aloud")]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use site::Control;

#[path = "../benches/peers/loops.rs"]
mod loops;
#[path = "../benches/peers/mio_echo.rs"]
mod mio_echo;
#[path = "../benches/peers/protocol_echo.rs"]
mod protocol_echo;
#[path = "../benches/peers/smol_echo.rs"]
mod smol_echo;
#[path = "../benches/peers/tasks.rs"]
mod tasks;
#[path = "../benches/peers/timers.rs"]
mod timers;
#[path = "../benches/peers/tokio_echo.rs"]
mod tokio_echo;
#[cfg(target_os = "linux")]
#[path = "../benches/peers/uring_echo.rs"]
mod uring_echo;

type Serve = fn(SocketAddr, Control) -> io::Result<()>;

const PEERS: [(&str, Serve); 4] = [
    ("mio", mio_echo::serve),
    ("tokio", tokio_echo::serve),
    ("smol", smol_echo::serve),
    ("asyncio by protocols", protocol_echo::serve),
];

/// With the ring by hand, where this kernel has one that is new enough.
fn peers() -> impl Iterator<Item = (&'static str, Serve)> {
    PEERS.into_iter().chain(ring())
}

#[cfg(target_os = "linux")]
fn ring() -> Option<(&'static str, Serve)> {
    use stage6_uvloop::uring::by_hand::Server;

    match Server::listen((Ipv4Addr::LOCALHOST, 0).into()) {
        Ok(_) => Some(("uring", uring_echo::serve)),
        Err(error) => {
            eprintln!("SKIPPED: no ring: {error}");
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn ring() -> Option<(&'static str, Serve)> {
    None
}

/// Far more than any of this takes: whoever is not done by then hangs.
const DEADLINE: Duration = Duration::from_mins(1);

/// Runs a server for as long as `visit` takes.
fn while_serving(peer: &str, serve: Serve, visit: impl FnOnce(SocketAddr)) {
    let control = Control::new();
    let remote = control.clone();
    let (ended, end) = mpsc::channel();
    thread::spawn(move || ended.send(serve((Ipv4Addr::LOCALHOST, 0).into(), remote)));
    visit(control.address().unwrap());
    control.stop();
    let served = end.recv_timeout(DEADLINE);
    served.unwrap_or_else(|_| panic!("{peer} does not stop")).unwrap();
}

#[test]
fn a_server_that_sleeps_ends_when_it_is_told_to() {
    for (peer, serve) in peers() {
        for _ in 0..200 {
            while_serving(peer, serve, |_| {});
        }
    }
}

#[test]
fn every_byte_comes_back_however_slowly_it_is_read() {
    let bytes: Vec<_> =
        (0..4_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
    for (peer, serve) in peers() {
        while_serving(peer, serve, |address| {
            let mut reader = TcpStream::connect(address).unwrap();
            reader.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut writer = reader.try_clone().unwrap();
            let sent = bytes.clone();
            let writing = thread::spawn(move || {
                writer.write_all(&sent).unwrap();
                writer.shutdown(Shutdown::Write).unwrap();
            });
            let mut heard = Vec::new();
            reader.read_to_end(&mut heard).unwrap();
            writing.join().unwrap();
            assert!(heard == bytes, "{peer}: {} of {} bytes", heard.len(), bytes.len());
        });
    }
}

#[test]
fn bytes_and_an_end_that_come_at_once_are_both_seen() {
    for (peer, serve) in peers() {
        while_serving(peer, serve, |address| {
            for n in 0..200 {
                let mut client = TcpStream::connect(address).unwrap();
                client.set_read_timeout(Some(DEADLINE)).unwrap();
                client.write_all(b"last words").unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let mut heard = String::new();
                client.read_to_string(&mut heard).unwrap();
                assert_eq!(heard, "last words", "{peer}, client {n}");
            }
        });
    }
}

#[test]
fn every_loop_does_it_as_often_as_asked_for() {
    for question in [tasks::SPAWN, tasks::YIELD, tasks::HAND_OVER] {
        for body in question {
            assert_eq!((body.run)(101), calls::expected(101), "{}", body.id);
        }
    }
}

#[test]
fn every_loop_with_timers_does_it_as_often_as_asked_for() {
    let questions: [&[_]; 8] = [
        &loops::MANY,
        &loops::CALLED_OFF,
        &loops::SLEEPS,
        &loops::IN_TIME,
        &loops::IN_A_TURN,
        &loops::SHARED_BALL,
        &loops::LOCAL_BALL,
        &loops::CALL_SOON,
    ];
    for (n, question) in questions.into_iter().enumerate() {
        for body in question {
            assert_eq!((body.run)(101), 101, "{} of question {n}", body.id);
        }
    }
}

#[test]
fn every_timer_of_a_crowd_is_called_off_or_fires() {
    for body in timers::CALLED_OFF.iter().chain(&timers::FIRED) {
        assert_eq!((body.run)(1), timers::CROWD as u64, "{}", body.id);
    }
}
