//! What is cancelled, or has come to its end, leaves nothing behind: no timer, and nobody in the
//! reactor's table of sockets. The loops here run until nobody can wake them any more, and then
//! the clock says whether a timer was left, and the error whether a socket was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{self, Backend, Clockwork};
use reactor::sim::{Sim, Weather};
use stage1_callbacks::deferred::{Deferred, succeed};
use stage1_callbacks::event_loop::DelayedCall;
use stage1_callbacks::extras::lists::{deferred_list, first_success, gather_results};
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::sync::Semaphore;
use stage1_callbacks::time::{sleep, timeout};
use stage1_callbacks::{call_later, call_soon, run};

const FAR: Duration = Duration::from_hours(1);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Runs until nobody can wake the loop any more; gives what it says then.
fn until_nobody_is_left(on: Rc<dyn Backend>, main: impl FnOnce()) -> String {
    let end = backend::scope(on, || {
        run(|| {
            main();
            Ok(())
        })
    });
    let error = end.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    let told = error.to_string();
    assert!(told.contains("nobody can wake this loop any more"), "{told}");
    assert!(told.contains(" 0 timers, 0 sockets"), "{told}");
    told
}

/// How late it is when nobody is left.
fn how_long(main: impl FnOnce()) -> Duration {
    let clock = Clockwork::new();
    until_nobody_is_left(Rc::clone(&clock) as _, main);
    clock.elapsed()
}

/// A sleep, a call, and the timeout of something that was in time, or was cancelled.
#[test]
fn no_timer_is_left_behind() {
    let took = how_long(|| {
        let far = sleep(FAR);
        far.cancel();
        drop(far.add_errback(|_| ()));
        call_later(FAR, || panic!("it was cancelled")).cancel();
    });
    assert_eq!(took, ms(0));

    let took = how_long(|| {
        drop(timeout(FAR, sleep(ms(1))));
        drop(timeout(FAR, succeed(())));
        let waits = timeout(FAR, Deferred::<()>::new().1);
        waits.cancel();
        drop(waits.add_errback(|_| ()));
        let waits = timeout(ms(2), sleep(FAR));
        drop(waits.add_errback(|_| ()));
        // Each of these ends all that is inside of it, and what is around it.
        let nested = timeout(FAR, timeout(ms(3), timeout(FAR, sleep(FAR))));
        drop(nested.add_errback(|_| ()));
    });
    assert_eq!(took, ms(3));
}

/// Cancelled in the same turn in which it was due, by the one before it; and later.
#[test]
fn a_call_that_is_cancelled_by_another_is_not_made() {
    let called = Rc::new(RefCell::new(Vec::new()));
    let took = how_long(|| {
        let calls = Rc::new(RefCell::new(Vec::<DelayedCall>::new()));
        for n in 0..5 {
            let (log, all) = (Rc::clone(&called), Rc::clone(&calls));
            let later = if n == 4 { FAR } else { ms(1) };
            let call = call_later(later, move || {
                log.borrow_mut().push(n);
                if n == 1 {
                    // Behind it, in the middle, and one that is over.
                    [0, 2, 4].iter().for_each(|other| all.borrow()[*other].cancel());
                }
            });
            calls.borrow_mut().push(call);
        }
    });
    assert_eq!((called.take(), took), (vec![0, 1, 3], ms(1)));
}

/// A cancel reaches every member's timer: of lists, and of lists in lists.
#[test]
fn a_cancelled_list_leaves_no_timer_behind() {
    let took = how_long(|| {
        let naps = || [sleep(FAR), sleep(FAR), sleep(FAR)];
        let (one, two) = (naps(), naps());
        let all = deferred_list(&one);
        let first = first_success(&two);
        let gathered = gather_results(naps().into());
        let nested = gather_results(vec![
            all.add_callback(|_| ()),
            first.add_callback(|_| ()),
            gathered.add_callback(|_| ()),
        ]);
        drop(timeout(ms(7), nested).add_both(drop));
        drop(one.map(|it| it.add_errback(|_| ())));
        drop(two.map(|it| it.add_errback(|_| ())));
    });
    assert_eq!(took, ms(7));
}

/// Three wait for a permit; the one in the middle gives up, and is not served.
#[test]
fn a_waiter_that_gives_up_in_the_middle_is_not_served() {
    let served = Rc::new(RefCell::new(Vec::new()));
    let took = how_long(|| {
        let semaphore = Semaphore::new(0);
        let mut handles = Vec::new();
        for n in 0..5 {
            let (log, semaphore) = (Rc::clone(&served), semaphore.clone());
            let waits = timeout(ms(if n == 2 { 1 } else { 10 }), semaphore.acquire());
            handles.push(waits.cancel_handle());
            drop(
                waits.add_both(move |result| log.borrow_mut().push((n, result.is_ok()))),
            );
        }
        handles[3].cancel();
    });
    let expected = [(3, false), (2, false), (0, false), (1, false), (4, false)];
    assert_eq!((served.take(), took), (expected.to_vec(), ms(10)));
}

fn somewhere() -> SocketAddr {
    ([10, 0, 0, 9], 7).into()
}

/// A listener, and both ends of a connection, in an invented network.
fn connected(then: impl FnOnce(TcpListener, TcpStream, TcpStream) + 'static) {
    let listener = TcpListener::bind(somewhere()).unwrap();
    let client = TcpStream::connect(somewhere());
    drop(listener.clone().accept().add_callback(move |server| {
        client.add_callback(move |client| then(listener, server, client))
    }));
}

/// A read, a write and an accept that are cancelled once they are parked, or before; and those
/// that come to their end, with sockets that live on.
#[test]
fn no_socket_is_waited_for_once_the_operations_are_over() {
    let sim = Sim::new(1, Weather::calm());
    let kept = Rc::new(Cell::new(None));
    let keep = Rc::clone(&kept);
    until_nobody_is_left(sim.clone(), || {
        connected(move |listener, server, client| {
            client.write_all_then(b"x".to_vec(), |written| written.unwrap());
            let (accept, read) = (listener.accept(), client.read());
            server.read_then(|bytes| assert_eq!(bytes.unwrap(), b"x"));
            listener.accept_then(|_| panic!("it was cancelled")).cancel();
            call_later(ms(5), move || {
                let gathered = gather_results(vec![
                    accept.add_callback(drop),
                    read.add_callback(drop),
                    timeout(FAR, server.read()).add_callback(drop),
                ]);
                call_later(ms(5), move || {
                    gathered.cancel();
                    drop(gathered.add_both(drop));
                });
                keep.set(Some((listener, server, client)));
            });
        });
    });
    assert_eq!(sim.elapsed().as_secs(), 0, "no timer is left either");
    assert_eq!(sim.open_sockets(), 3);
    drop(kept.take());
    assert_eq!(sim.open_sockets(), 0);
}

/// A second reader is refused, and leaves the place of the first alone: whoever is cancelled
/// then is the first.
#[test]
fn a_refused_reader_leaves_the_first_one_its_place() {
    let sim = Sim::new(1, Weather::calm());
    let read = Rc::new(RefCell::new(Vec::new()));
    let (one, two, three) = (Rc::clone(&read), Rc::clone(&read), Rc::clone(&read));
    until_nobody_is_left(sim, || {
        connected(move |_, server, client| {
            server
                .read_then(move |bytes| one.borrow_mut().push(("first", bytes.is_ok())));
            let second = server
                .read_then(move |bytes| two.borrow_mut().push(("second", bytes.is_ok())));
            let third = server.read_then(move |bytes| {
                three.borrow_mut().push(("third", bytes.is_ok()));
            });
            call_later(ms(5), move || {
                second.cancel();
                third.cancel();
                client.write_all_then(b"x".to_vec(), |written| written.unwrap());
            });
        });
    });
    assert_eq!(read.take(), [("second", false), ("third", false), ("first", true)]);
}

/// What fails at once is told by the loop, never before the caller has returned.
#[test]
fn errors_that_come_at_once_are_never_told_inline() {
    let told = Rc::new(RefCell::new(Vec::new()));
    // A clockwork has no network: to connect fails before anything has begun.
    let log = Rc::clone(&told);
    until_nobody_is_left(Clockwork::new(), move || {
        for n in 0..3 {
            let heard = Rc::clone(&log);
            TcpStream::connect_then(somewhere(), move |end| {
                heard.borrow_mut().push((n, end.unwrap_err().kind()));
            });
        }
        // This one gives up before it is told.
        let given_up =
            TcpStream::connect_then(somewhere(), |_| panic!("it was cancelled"));
        given_up.cancel();
        let cancelled = TcpStream::connect(somewhere());
        cancelled.cancel();
        drop(cancelled.add_both(drop));
        let heard = Rc::clone(&log);
        drop(TcpStream::connect(somewhere()).add_both(move |end| {
            heard
                .borrow_mut()
                .push((3, end.unwrap_err().get::<std::io::Error>().unwrap().kind()));
        }));
        assert_eq!(*log.borrow(), []);
        call_soon(move || assert_eq!(log.borrow().len(), 4));
    });
    let expected: Vec<_> = (0..4).map(|n| (n, ErrorKind::Unsupported)).collect();
    assert_eq!(told.take(), expected);
}
