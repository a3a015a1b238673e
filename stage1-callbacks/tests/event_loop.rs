//! The loop, its timers and its sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage1_callbacks::deferred::Cancelled;
use stage1_callbacks::failure::on_report;
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::{call_later, call_soon, react, remote, run, stop};

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Runs under a virtual clock; gives what was said, and how long it took.
fn story(main: impl FnOnce(Log)) -> (Vec<&'static str>, Duration) {
    let (clock, log) = (Clockwork::new(), Log::default());
    let said = Rc::clone(&log);
    backend::scope(Rc::clone(&clock) as _, || {
        run(|| {
            main(said);
            Ok(())
        })
        .unwrap();
    });
    (log.take(), clock.elapsed())
}

/// M6.01
#[test]
fn what_a_callback_schedules_waits_for_the_next_turn() {
    let (said, _) = story(|log| {
        let (a, b) = (Rc::clone(&log), log);
        call_soon(move || {
            a.borrow_mut().push("a");
            call_soon(move || {
                a.borrow_mut().push("a's");
                stop();
            });
        });
        call_soon(move || b.borrow_mut().push("b"));
    });
    assert_eq!(said, ["a", "b", "a's"]);
}

/// M6.02
#[test]
fn timers_come_by_deadline_and_none_is_early() {
    let (said, took) = story(|log| {
        for (ms, name) in [(30, "c"), (10, "a"), (20, "b"), (0, "now")] {
            let log = Rc::clone(&log);
            call_later(Duration::from_millis(ms), move || {
                log.borrow_mut().push(name);
                if name == "c" {
                    stop();
                }
            });
        }
    });
    assert_eq!(said, ["now", "a", "b", "c"]);
    assert_eq!(took, Duration::from_millis(30));
}

/// M6.03: even by an earlier callback of the same turn; and twice is fine.
#[test]
fn a_cancelled_call_is_not_made() {
    let (said, _) = story(|log| {
        let victim = Rc::new(Cell::new(None));
        let killer = Rc::clone(&victim);
        let soon = Duration::from_millis(1);
        call_later(soon, move || {
            let victim: stage1_callbacks::event_loop::DelayedCall =
                killer.take().unwrap();
            victim.cancel();
            victim.cancel();
            call_later(soon, stop);
        });
        let heard = Rc::clone(&log);
        victim.set(Some(call_later(soon, move || heard.borrow_mut().push("no"))));
    });
    assert_eq!(said, [""; 0]);
}

/// M6.06
#[test]
fn run_inside_run_is_a_mistake_and_does_no_harm() {
    run(|| {
        let nested = catch_unwind(|| run(|| Ok(())));
        let message = nested.unwrap_err();
        let message = message.downcast_ref::<&str>().unwrap();
        assert!(message.contains("run() cannot be called from a running event loop"));
        call_soon(stop);
        Ok(())
    })
    .unwrap();
    let outside = catch_unwind(stop).unwrap_err();
    let outside = outside.downcast_ref::<String>().unwrap();
    assert!(outside.contains("no event loop is running on this thread"), "{outside}");
}

/// M6.07
#[test]
fn a_panic_in_a_callback_is_reported_and_the_others_go_on() {
    let reported = Rc::new(RefCell::new(Vec::new()));
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let (said, _) = story(|log| {
        call_soon(|| panic!("one goes wrong"));
        call_soon(move || {
            log.borrow_mut().push("the next one runs");
            stop();
        });
    });
    assert_eq!(said, ["the next one runs"]);
    assert_eq!(
        *reported.borrow(),
        ["Unhandled error in a callback: panicked: one goes wrong"]
    );
}

/// A `main` that panics takes its loop with it, and the next one is as good as new.
#[test]
fn after_a_panic_in_main_the_thread_can_run_another_loop() {
    let first = catch_unwind(AssertUnwindSafe(|| run(|| panic!("no"))));
    assert!(first.is_err());
    run(|| {
        call_soon(stop);
        Ok(())
    })
    .unwrap();
    assert_eq!(
        run(|| Err(io::ErrorKind::Other.into())).unwrap_err().kind(),
        io::ErrorKind::Other
    );
}

/// M6.09, M7.07, M7.08: a thousand calls from four threads, to a loop that sleeps.
#[test]
fn calls_from_other_threads_arrive_in_each_threads_order() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    run(move || {
        call_later(Duration::from_hours(1), || panic!("nobody waits that long"));
        for thread in 0..4 {
            let (remote, log) = (remote(), Arc::clone(&log));
            thread::spawn(move || {
                for n in 0..250 {
                    let log = Arc::clone(&log);
                    remote.call_soon_threadsafe(move || {
                        let mut log = log.lock().unwrap();
                        log.push((thread, n));
                        if log.len() == 1000 {
                            stop();
                        }
                    });
                }
            });
        }
        Ok(())
    })
    .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 1000);
    for thread in 0..4 {
        assert!(seen.iter().filter(|(it, _)| *it == thread).is_sorted());
    }
}

/// M7.10
#[test]
fn a_callback_that_reschedules_itself_does_not_starve_a_socket() {
    const MANY: u32 = 1_000_000;
    fn again(turns: Rc<Cell<u32>>, mut peer: std::net::TcpStream) {
        turns.set(turns.get() + 1);
        if turns.get() == 10 {
            peer.write_all(b"x").unwrap(); // by now the reader waits
        }
        if turns.get() < MANY {
            call_soon(move || again(turns, peer));
        }
    }
    let turns = Rc::default();
    let counted = Rc::clone(&turns);
    with_peer(|stream, peer| {
        stream.read_then(|bytes| {
            assert_eq!(bytes.unwrap(), b"x");
            stop();
        });
        again(counted, peer);
    });
    assert!((10..MANY).contains(&turns.get()), "the socket is starved");
}

/// A stream of the loop, and its peer in plain std.
fn with_peer(test: impl FnOnce(TcpStream, std::net::TcpStream) + 'static) {
    run(|| {
        let listener = TcpListener::bind(ANYWHERE.into())?;
        let peer = std::net::TcpStream::connect(listener.local_addr()?)?;
        listener.accept_then(move |stream| test(stream.unwrap(), peer));
        Ok(())
    })
    .unwrap();
}

/// M7.05
#[test]
fn a_peer_that_closes_is_an_empty_read() {
    with_peer(|stream, peer| {
        stream.clone().read_then(move |bytes| {
            assert_eq!(bytes.unwrap(), b"");
            drop(stream);
            stop();
        });
        drop(peer);
    });
}

/// M7.06
#[test]
fn a_refused_connection_is_a_failure() {
    let nobody: SocketAddr = {
        let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
        listener.local_addr().unwrap()
    };
    let failure = react(move || TcpStream::connect(nobody)).unwrap().unwrap_err();
    let error: &io::Error = failure.get().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

/// Half a connection is closed, the other half still carries everything. M7.14 in small.
#[test]
fn five_million_bytes_go_out_and_the_stack_stays_flat() {
    let expected: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let sent = expected.clone();
    with_peer(move |stream, mut peer| {
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            received
        });
        stream.clone().write_all_then(sent, move |written| {
            written.unwrap();
            stream.shutdown().unwrap();
            assert!(reader.join().unwrap() == expected);
            stop();
        });
    });
}

/// A thousand messages that are all there already: a program that calls itself from its own
/// callback must not call deeper and deeper.
#[test]
fn a_program_that_calls_itself_does_not_grow_the_stack() {
    fn read_all(stream: TcpStream, total: usize) {
        stream.clone().read_then(move |bytes| match bytes.unwrap().len() {
            0 => {
                assert_eq!(total, 100_000);
                stop();
            }
            n => read_all(stream, total + n),
        });
    }
    let small = thread::Builder::new().stack_size(256 * 1024);
    let test = || {
        with_peer(|stream, mut peer| {
            thread::spawn(move || {
                for _ in 0..100_000 {
                    peer.write_all(b"x").unwrap();
                }
            });
            read_all(stream, 0);
        });
    };
    small.spawn(test).unwrap().join().unwrap();
}

/// M7.04, and no waiter is left: what is cancelled is not called, and lets go of its socket.
#[test]
fn a_cancelled_read_lets_go_of_the_socket() {
    with_peer(|stream, mut peer| {
        let reading = stream.read();
        drop(stream);
        call_later(Duration::from_millis(10), move || {
            reading.cancel();
            drop(reading.add_errback(|failure| {
                failure.trap::<Cancelled>()?;
                Ok(Vec::new())
            }));
            peer.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            assert_eq!(peer.read(&mut [0]).unwrap(), 0, "the socket is closed");
            stop();
        });
    });
}

/// A read that was cancelled leaves its place to the next.
#[test]
fn a_cancelled_read_is_not_in_the_way_of_the_next() {
    let read = Rc::new(RefCell::new(None));
    let out = Rc::clone(&read);
    with_peer(move |stream, mut peer| {
        let reading = stream.read_then(|_| panic!("it was cancelled"));
        call_later(Duration::from_millis(10), move || {
            reading.cancel();
            stream.read_then(move |bytes| {
                out.replace(Some(bytes));
                stop();
            });
            call_later(Duration::from_millis(10), move || peer.write_all(b"x").unwrap());
        });
    });
    assert_eq!(read.take().unwrap().unwrap(), b"x");
}

/// A second reader is told so, and the first one gets the bytes.
#[test]
fn a_second_reader_of_the_same_socket_is_refused() {
    with_peer(|stream, mut peer| {
        let second = stream.clone();
        stream.clone().read_then(move |bytes| {
            assert_eq!(bytes.unwrap(), b"x");
            drop(stream);
            stop();
        });
        second.read_then(move |bytes| {
            assert_eq!(bytes.unwrap_err().kind(), io::ErrorKind::ResourceBusy);
            peer.write_all(b"x").unwrap();
        });
    });
}

/// What is left at the end of a loop is dropped with it.
#[test]
fn whatever_is_left_is_dropped() {
    let kept = Rc::new(());
    let (one, two, three) = (Rc::clone(&kept), Rc::clone(&kept), Rc::clone(&kept));
    let weak = Rc::downgrade(&kept);
    drop(kept);
    with_peer(move |stream, peer| {
        call_later(Duration::from_hours(1), move || drop(one));
        stream.clone().read_then(move |_| drop((two, stream)));
        call_soon(move || {
            call_soon(move || drop((three, peer)));
            stop();
        });
    });
    assert_eq!(weak.strong_count(), 0);
}

#[test]
fn an_operation_that_is_under_way_when_the_loop_ends_lets_go_of_its_socket() {
    let sim = reactor::sim::Sim::new(1, reactor::sim::Weather::calm());
    backend::scope(sim.clone(), || {
        run(|| {
            let listener = TcpListener::bind(([10, 0, 0, 9], 7).into())?;
            drop(listener.accept());
            drop(listener.accept_then(drop));
            call_later(Duration::from_secs(1), stop);
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(sim.open_sockets(), 0);
}
