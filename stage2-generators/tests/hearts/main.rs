//! Two drivers, and the hearts of five programs: over Deferreds (`inline_callbacks`, Twisted's
//! answer) and on a trampoline (PEP 342's). What happens, and in which order, is the same.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod deferreds;
mod requests;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend;
use reactor::sim::{Sim, Weather};
use site::countdown::TOGETHER;

/// Where the servers are.
const SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(HOST), 7);
/// Nobody listens there.
const REFUSES: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(HOST), 8);
/// Nobody answers there.
const SILENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(HOST), 9);
const HOST: std::net::Ipv4Addr = std::net::Ipv4Addr::new(10, 0, 0, 9);

/// How long a page may take.
const PATIENCE: Duration = Duration::from_millis(100);
/// When the next address is tried: RFC 8305, "Connection Attempt Delay".
const STAGGER: Duration = Duration::from_millis(250);

/// Who comes to the chat: when, what they say and when, and when they leave, in milliseconds.
const CLIENTS: [(&str, Plan); 3] = [
    ("a", (1, Some((10, "hello")), 60)),
    ("b", (3, Some((30, "hi")), 40)),
    ("c", (20, Some((50, "bye")), 70)),
];
type Plan = (u64, Option<(u64, &'static str)>, u64);

/// What happens, in order. Its clones are one.
#[derive(Clone, Default)]
struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Runs it in a network where every way takes a millisecond, and gives what happened. Nothing
/// is left open.
#[track_caller]
fn told(program: fn(&Log)) -> Vec<String> {
    let (log, sim) = (Log::default(), Sim::new(1, Weather::calm()));
    sim.black_hole(SILENT);
    backend::scope(Rc::clone(&sim) as _, || program(&log));
    assert_eq!(sim.open_sockets(), 0);
    log.0.take()
}

#[track_caller]
fn both(deferreds: fn(&Log), requests: fn(&Log), expected: &[&str]) {
    assert_eq!(told(deferreds), expected, "deferreds");
    assert_eq!(told(requests), expected, "requests");
}

#[test]
fn countdown() {
    both(deferreds::countdown, requests::countdown, &TOGETHER);
}

/// One client says little, and the other one has left before.
#[test]
fn echo() {
    let expected = ["a connects", "b connects", "a: one", "b: two", "b ends", "a: three"];
    let expected = [&expected[..], &["a ends"]].concat();
    both(deferreds::echo, requests::echo, &expected);
}

/// A page that comes, one that never does, and a server that is not there. Only the second takes
/// its time.
#[test]
fn fetch() {
    let expected = [
        "/not there: connection refused",
        "/page: this is /page",
        "/never: the time was up",
    ];
    both(deferreds::fetch, requests::fetch, &expected);
}

/// The first is silent, the second refuses, so that the third is tried at once, and it wins. The
/// fourth is never tried.
#[test]
fn race() {
    let expected = [
        "tries 0",
        "tries 1",
        "1: connection refused",
        "tries 2",
        "2 wins",
        "0: cancelled",
    ];
    both(deferreds::race, requests::race, &expected);
}

/// Everybody hears the same in the same order, from when they come to when they leave.
#[test]
fn chat() {
    let expected = [
        "a hears: hello",
        "b hears: hello",
        "a hears: hi",
        "b hears: hi",
        "c hears: hi",
        "b leaves",
        "a hears: bye",
        "c hears: bye",
        "a leaves",
        "c leaves",
    ];
    both(deferreds::chat, requests::chat, &expected);
}
