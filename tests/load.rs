//! The load that the verdict puts on a server: how fast it connects, how often it asks, and whose
//! wait it counts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "a part of the bench is left out here")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

#[path = "../benches/verdict/load.rs"]
mod load;

use load::{AT_A_TIME, Answered, Load, Plan};

/// Bytes of a message: more than one, so that a part is no whole.
const SIZE: usize = 8;

/// How often the server below has been asked.
type Asked = Arc<AtomicU64>;

fn plan(connections: usize, time: Duration) -> Plan {
    Plan { connections, size: SIZE, time }
}

/// Echoes, each connection in a thread, and does something about the nth message before.
fn server(before: fn(u64)) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Asked::default());
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, counted) = (stream.unwrap(), Arc::clone(&counted));
            thread::spawn(move || {
                let mut message = [0; SIZE];
                while stream.read_exact(&mut message).is_ok() {
                    before(counted.fetch_add(1, Ordering::Relaxed));
                    stream.write_all(&message).unwrap();
                }
            });
        }
    });
    (address, asked)
}

/// A server stops accepting while it has something else to do: so whoever connects asks one of so
/// many for an answer, by which the others have been accepted, too.
#[test]
fn no_more_connect_at_a_time_than_a_backlog_has_room_for() {
    let (address, asked) = server(|_| {});
    let connections = 2 * AT_A_TIME + AT_A_TIME / 2;
    let load = Load::connect(address, plan(connections, Duration::ZERO)).unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once for each {AT_A_TIME}");
    drop(load);
}

/// Whoever is measured has seen somebody leave, as every server has that is not new.
#[test]
fn one_comes_and_leaves_before_the_others() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let first = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.read(&mut [0; SIZE]).unwrap()
    });
    let _load = Load::connect(address, plan(1, Duration::ZERO)).unwrap();
    assert_eq!(first.join().unwrap(), 0, "it has asked nothing");
}

#[test]
fn in_a_flood_each_connection_asks_and_every_answer_is_waited_for_and_counted() {
    let (address, asked) = server(|_| {});
    let plan = plan(5, Duration::ZERO);
    let mut load = Load::connect(address, plan).unwrap();
    let (requests, rate) = load.flood(Duration::ZERO, plan).unwrap();
    assert_eq!((requests, asked.load(Ordering::Relaxed)), (5, 5), "once, in no time");
    assert!(rate > 0.0);
    let (requests, _) = load.flood(Duration::from_millis(50), plan).unwrap();
    assert!(requests > 5, "{requests}: as soon as there is an answer, again");
    assert_eq!(asked.load(Ordering::Relaxed), 5 + requests, "none is left over");
}

/// How often the kernel has let another one have this thread's processor because it slept.
#[cfg(target_os = "linux")]
fn sleeps() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

/// Or the server would pay for waking it, and the slower it is, the more often.
#[cfg(target_os = "linux")]
#[test]
fn it_does_not_sleep_where_it_has_a_processor_to_itself() {
    if thread::available_parallelism().unwrap().get() == 1 {
        return; // then it has to, or nobody answers
    }
    let (address, _) = server(|_| {});
    let time = Duration::from_millis(50);
    let mut load = Load::connect(address, plan(1, time)).unwrap();
    let before = sleeps();
    let (requests, _) = load.flood(time, plan(1, time)).unwrap();
    let slept = sleeps() - before;
    assert!(slept * 2 < requests, "it slept {slept} times, for {requests} requests");
}

/// One message takes long. Others are due meanwhile, and are late by no fault of their own.
#[test]
fn a_server_that_stood_still_is_charged_for_all_who_were_due_meanwhile() {
    const STILL: Duration = Duration::from_millis(200);
    let (address, _) = server(|n| {
        if n == 10 {
            thread::sleep(STILL);
        }
    });
    let plan = plan(1, 2 * STILL);
    let delays = Load::connect(address, plan).unwrap().by_the_clock(1_000.0, plan);
    let late = delays.unwrap().into_iter().filter(|it| *it > STILL / 4).count();
    assert!(late > 50, "{late} waited for long");
}

/// The server stands still for twice the time that is measured. The questions that were due meanwhile
/// are asked late, and each is charged from when it was due: with fewer, a server would be the quicker
/// the longer it stands still.
#[test]
fn no_question_that_was_due_is_left_out_and_its_wait_counts_from_then() {
    const TIME: Duration = Duration::from_millis(100);
    let (address, asked) = server(|n| {
        if n == 10 {
            thread::sleep(2 * TIME);
        }
    });
    let plan = plan(1, TIME);
    let mut load = Load::connect(address, plan).unwrap();
    let delays = load.by_the_clock(1_000.0, plan).unwrap();
    assert!((100..=101).contains(&delays.len()), "{}", delays.len());
    assert_eq!(delays.len() as u64, asked.load(Ordering::Relaxed), "each is told of");
    let late = delays.iter().filter(|it| **it >= TIME).count();
    assert!(late >= 90, "{late} waited longer than all of it took");
}

#[test]
fn half_of_the_answers_take_no_longer_and_99_of_100_and_999_of_1_000() {
    // From the longest on: as they come in, they are in no order.
    let delays = |n: u64| (1..=n).rev().map(Duration::from_micros).collect::<Vec<_>>();
    let answered = Answered::of(7, 3.5, delays(1_000));
    assert_eq!((answered.requests, answered.rate.to_bits()), (7, 3.5_f64.to_bits()));
    let rounded = |micros: f64| format!("{micros:.0}");
    assert_eq!(rounded(answered.p50), "501");
    assert_eq!(rounded(answered.p99), "991");
    assert_eq!(answered.p999.map(rounded).as_deref(), Some("1000"));
    assert!(Answered::of(7, 3.5, delays(999)).p999.is_none(), "it would be one of them");
    assert!(Answered::of(0, 0.0, Vec::new()).p50.is_nan(), "nobody was answered");
}
