//! What a reactor says about sockets, on real ones. Ids: the list of behaviours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::HashSet;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

mod bounds;

use bounds::Turns;
use reactor::{Direction, Reactor, TcpListener, TcpStream};

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const SOON: Option<Duration> = Some(Duration::from_secs(5));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn listener<T>(reactor: &Reactor<T>) -> (TcpListener<T>, SocketAddr) {
    let listener = reactor.listen(ANYWHERE.into()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A stream of the reactor, and its peer in plain std.
fn pair<T: Default>(reactor: &Reactor<T>) -> (TcpStream<T>, std::net::TcpStream) {
    let (listener, address) = listener(reactor);
    let peer = std::net::TcpStream::connect(address).unwrap();
    peer.set_read_timeout(SOON).unwrap();
    let stream = accept(reactor, &listener);
    (stream, peer)
}

/// The same, and it is the reactor's that connects.
fn connected_pair<T: Default>(
    reactor: &Reactor<T>,
) -> (TcpStream<T>, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
    let stream = reactor.connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    peer.set_read_timeout(SOON).unwrap();
    (stream, peer)
}

fn accept<T: Default>(reactor: &Reactor<T>, listener: &TcpListener<T>) -> TcpStream<T> {
    let mut turns = Turns::default();
    loop {
        turns.one_more();
        match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = reactor.wait_for(listener.key(), Direction::Read, T::default());
                reactor.select(SOON, &mut Vec::new()).unwrap();
            }
            result => return result.unwrap(),
        }
    }
}

fn would_block<V: std::fmt::Debug>(attempt: io::Result<V>) {
    assert_eq!(attempt.unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn selected<T>(reactor: &Reactor<T>, timeout: Option<Duration>) -> Vec<T> {
    let mut ready = Vec::new();
    reactor.select(timeout, &mut ready).unwrap();
    ready
}

/// What is written is on its way when the reactor has had its turn: an engine of completions
/// hands over then what was asked for meanwhile.
fn hand_over<T>(reactor: &Reactor<T>) {
    drop(selected(reactor, NOW));
}

/// M7.10, for sockets: who always finds something has to wait all the same, and is handed
/// back in the next turn, with whoever else is ready by then.
#[test]
fn a_socket_that_is_always_ready_does_not_keep_the_others_from_their_turn() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    peer.write_all(&[7; 1000]).unwrap();
    let _ = reactor.wait_for(stream.key(), Direction::Read, "reader");
    assert_eq!(selected(&reactor, SOON), ["reader"]);
    let (mut turns, mut heard) = (0, 0);
    while heard < 1000 && turns < 1000 {
        match stream.read(&mut [0]) {
            Ok(n) => heard += n,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                turns += 1;
                let _ = reactor.wait_for(stream.key(), Direction::Read, "reader");
                let _ = reactor.wait_until(reactor.now(), "timer");
                assert_eq!(selected(&reactor, None), ["reader", "timer"]);
            }
        }
    }
    assert!((5..100).contains(&turns), "1000 bytes in {turns} turns");
}

/// M7.01: level-like at the API. Three bytes, one taken each time: handed back three times,
/// and then no more.
#[test]
fn a_reader_that_leaves_bytes_behind_is_handed_back_again() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    peer.write_all(b"abc").unwrap();
    // Who is handed back at once does not wait for this one.
    reactor.wait_until(reactor.now() + Duration::from_secs(3), "late");
    let mut times = 0;
    for _ in 0..3 {
        assert_eq!(reactor.wait_for(stream.key(), Direction::Read, "r"), None);
        assert_eq!(selected(&reactor, SOON), ["r"]);
        assert_eq!(stream.read(&mut [0]).unwrap(), 1);
        times += 1;
    }
    would_block(stream.read(&mut [0]));
    assert_eq!(reactor.wait_for(stream.key(), Direction::Read, "r"), None);
    assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
    assert_eq!(times, 3);
}

/// M7.01: a read that did not fill its buffer has taken all there was. Who waits then is not
/// handed back for nothing, and is told of what comes later.
#[test]
fn a_short_read_is_followed_by_no_attempt_in_vain() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    for message in [b"ab", b"cd"] {
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        peer.write_all(message).unwrap();
        while selected(&reactor, SOON) != ["r"] {}
        let mut buffer = [0; 8];
        assert_eq!(stream.read(&mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], message);
        assert!(cfg!(not(unix)) || reactor.can_only_wait(stream.key(), Direction::Read));
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        assert!(
            !reactor.can_only_wait(stream.key(), Direction::Read),
            "the place is taken"
        );
        assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
    }
}

/// M7.05: the end that came together with the last bytes is told by no event of its own.
#[test]
fn an_end_that_comes_with_the_bytes_is_seen() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    peer.write_all(b"bye").unwrap();
    drop(peer);
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    while selected(&reactor, SOON) != ["r"] {}
    // On a slow day the end comes later, with an event.
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 3);
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    assert_eq!(selected(&reactor, SOON), ["r"]);
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

/// In each direction, and for as long as it is waited for.
#[test]
fn one_can_ask_whether_somebody_waits() {
    let reactor = Reactor::new().unwrap();
    let (stream, _peer) = pair(&reactor);
    let taken = || {
        [Direction::Read, Direction::Write].map(|it| reactor.is_taken(stream.key(), it))
    };
    assert_eq!(taken(), [false, false]);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    assert_eq!(taken(), [true, false]);
    assert_eq!(reactor.stop_waiting(stream.key(), Direction::Read), Some("r"));
    assert_eq!(taken(), [false, false]);
}

/// M7.02: the second waiter replaces the first; taking back says whether there was one.
#[test]
fn a_second_waiter_displaces_the_first() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    assert_eq!(reactor.wait_for(stream.key(), Direction::Read, 1), None);
    assert_eq!(reactor.wait_for(stream.key(), Direction::Read, 2), Some(1));
    peer.write_all(b"x").unwrap();
    assert_eq!(selected(&reactor, SOON), [2]);
    assert_eq!(reactor.stop_waiting(stream.key(), Direction::Read), None);
    assert_eq!(reactor.wait_for(stream.key(), Direction::Read, 3), None);
    assert_eq!(reactor.stop_waiting(stream.key(), Direction::Read), Some(3));
    assert_eq!(selected(&reactor, NOW), [0; 0]);
}

/// M7.03: one registration, two interests that do not disturb each other.
#[test]
fn read_and_write_interest_are_separate() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    let mut turns = Turns::default();
    while stream.write(&vec![0; 1 << 20]).is_ok() {
        turns.one_more();
    }
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
    peer.write_all(b"x").unwrap();
    assert_eq!(selected(&reactor, SOON), ["r"], "the write still waits");
    assert_eq!(reactor.waiters(), 1);
    assert_eq!(reactor.stop_waiting(stream.key(), Direction::Read), None);
    peer.set_nonblocking(true).unwrap();
    let mut sink = vec![0; 1 << 20];
    let mut ready = Vec::new();
    while ready.is_empty() {
        turns.one_more();
        let _ = peer.read(&mut sink);
        reactor.select(Some(Duration::from_millis(1)), &mut ready).unwrap();
    }
    assert_eq!(ready, ["w"]);
}

/// M7.04: what happened to a socket that is closed by now concerns nobody, least of all the
/// next socket in its place.
#[test]
fn an_event_of_a_closed_socket_does_not_reach_its_successor() {
    let reactor = Reactor::new().unwrap();
    let (listener, address) = listener(&reactor);
    let mut old_peer = std::net::TcpStream::connect(address).unwrap();
    let old = accept(&reactor, &listener);
    would_block(old.read(&mut [0]));
    let _ = reactor.wait_for(old.key(), Direction::Read, "old");
    old_peer.write_all(b"x").unwrap();
    let stale = old.key();
    drop(old);
    let _new_peer = std::net::TcpStream::connect(address).unwrap();
    let new = accept(&reactor, &listener);
    assert_ne!(new.key(), stale);
    would_block(new.read(&mut [0]));
    let _ = reactor.wait_for(new.key(), Direction::Read, "new");
    assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
    assert_eq!(reactor.stop_waiting(stale, Direction::Read), None);
    assert_eq!(reactor.stop_waiting(new.key(), Direction::Read), Some("new"));
}

/// M7.04, the other half: who is handed back cannot be taken back as well.
#[test]
fn a_waiter_is_either_handed_back_or_taken_back_never_both() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, 1);
    peer.write_all(b"x").unwrap();
    assert_eq!(selected(&reactor, SOON), [1]);
    assert_eq!(reactor.stop_waiting(stream.key(), Direction::Read), None);
}

/// M7.05: a peer that closes shows as readable, and the read gives zero bytes.
#[test]
fn a_peer_that_closes_wakes_the_reader() {
    let reactor = Reactor::new().unwrap();
    let (stream, peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    drop(peer);
    assert_eq!(selected(&reactor, SOON), ["r"]);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

/// M7.05, half of it: a peer that only stops writing can still be written to.
#[test]
fn a_peer_that_closes_half_can_still_read() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(selected(&reactor, SOON), ["r"]);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert_eq!(stream.write(b"bye").unwrap(), 3);
    drop(stream);
    let mut rest = String::new();
    peer.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "bye");
}

/// M7.06: a refused connection surfaces through writability and the socket's error.
#[test]
fn a_refused_connection_wakes_the_writer() {
    let reactor = Reactor::new().unwrap();
    let (gone, nobody) = listener(&reactor);
    drop(gone);
    let stream = reactor.connect(nobody).unwrap();
    let mut turns = Turns::default();
    let end = loop {
        turns.one_more();
        match stream.connected() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
                assert_eq!(selected(&reactor, SOON), ["w"]);
            }
            end => break end,
        }
    };
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// The kernel tells an error once, to whoever asks first. `connected` says it again and again,
/// and nobody waits for a second one.
#[test]
fn a_refusal_is_told_as_often_as_one_asks_and_to_whom_it_is_told_first_does_not_matter() {
    type Attempt = fn(&TcpStream<&str>) -> io::Result<usize>;
    let firsts: [Attempt; 3] = [
        |stream| stream.connected().map(|()| 0),
        |stream| stream.read(&mut [0]),
        |stream| stream.write(b"x"),
    ];
    let reactor = Reactor::new().unwrap();
    for first in firsts {
        let (gone, nobody) = listener(&reactor);
        drop(gone);
        let stream = reactor.connect(nobody).unwrap();
        let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
        assert_eq!(selected(&reactor, SOON), ["w"]);
        let told = first(&stream).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::ConnectionRefused);
        for _ in 0..3 {
            let again = stream.connected().unwrap_err();
            assert_eq!(again.raw_os_error(), told.raw_os_error());
        }
        // Not that one should, but who waits all the same does not wait for ever.
        let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
        assert_eq!(selected(&reactor, SOON), ["w"]);
        assert!(stream.shutdown(Shutdown::Both).is_err());
        assert_eq!(stream.connected().unwrap_err().kind(), ErrorKind::ConnectionRefused);
    }
}

/// What was there, and broke, has failed; whoever asked before was told that it was there.
#[cfg(target_os = "linux")]
#[test]
fn a_reset_that_a_read_was_told_of_is_told_to_who_asks_for_the_connection() {
    let reactor = Reactor::new().unwrap();
    for accepted in [true, false] {
        let (stream, mut peer) =
            if accepted { pair(&reactor) } else { connected_pair(&reactor) };
        assert!(stream.connected().is_ok());
        assert_eq!(stream.write(b"unread").unwrap(), 6);
        hand_over(&reactor);
        while peer.peek(&mut [0; 6]).unwrap() < 6 {}
        peer.write_all(b"x").unwrap();
        drop(peer); // with something unread, so that it resets
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        let mut turns = Turns::default();
        let told = loop {
            turns.one_more();
            match stream.read(&mut [0]) {
                Ok(n) => assert_eq!(n, 1),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
                    assert_eq!(selected(&reactor, SOON), ["r"]);
                }
                Err(error) => break error,
            }
        };
        assert_eq!(told.kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.connected().unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.connected().unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
}

/// A connection that both ends have closed is no more; the kernel does not tell it from one
/// that is not there yet.
#[test]
fn a_connection_that_came_to_its_end_has_been_there() {
    let reactor = Reactor::new().unwrap();
    for (accepted, asks_before) in [(true, false), (false, true), (false, false)] {
        let (stream, peer) =
            if accepted { pair(&reactor) } else { connected_pair(&reactor) };
        if asks_before {
            stream.connected().unwrap();
        }
        drop(peer);
        while let Err(error) = stream.read(&mut [0]) {
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
            assert_eq!(selected(&reactor, SOON), ["r"]);
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let began = std::time::Instant::now();
        while stream.peer_addr().is_ok() && began.elapsed() < Duration::from_secs(5) {}
        assert!(stream.connected().is_ok());
        // Nor is it a failure that nothing can be written behind a shutdown.
        assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert!(stream.connected().is_ok());
    }
}

/// As many as the system allows may come at once: nobody has to knock a second time, though
/// nobody is accepted yet.
#[cfg(target_os = "linux")]
#[test]
fn a_burst_of_connections_finds_room_in_the_backlog() {
    let reactor = Reactor::<()>::new().unwrap();
    let (listener, address) = listener(&reactor);
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    let burst = most.trim().parse::<usize>().unwrap().min(400);
    // What finds no room is dropped, and tried again after a second; and again.
    let patience = Duration::from_secs(30);
    let peers: Vec<_> = (0..burst)
        .map(|_| std::net::TcpStream::connect_timeout(&address, patience).unwrap())
        .collect();
    for _ in 0..burst {
        accept(&reactor, &listener);
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(peers);
}

/// A wake and an event may come with the same answer of the kernel: the one is not told at the
/// cost of the other, and neither is told twice.
#[test]
fn a_wake_and_an_event_that_come_together_are_both_told() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    for wakes_first in [true, false] {
        would_block(stream.read(&mut [0; 8]));
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        if wakes_first {
            reactor.waker().wake();
        }
        peer.write_all(b"x").unwrap();
        if !wakes_first {
            reactor.waker().wake();
        }
        assert_eq!(selected(&reactor, SOON), ["r"]);
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        let (before, pause) = (reactor.now(), Duration::from_millis(20));
        assert_eq!(selected(&reactor, Some(pause)), [""; 0]);
        assert!(reactor.now() - before >= pause, "nothing was left to wake it");
    }
}

/// M7.10: a loop that is always busy, and so never sleeps, still hears of its sockets.
#[test]
fn a_select_that_does_not_sleep_still_reports() {
    let reactor = Reactor::new().unwrap();
    let (stream, mut peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    peer.write_all(b"x").unwrap();
    let mut ready = Vec::new();
    let began = reactor.now();
    while ready.is_empty() && reactor.now() - began < Duration::from_secs(5) {
        reactor.select(NOW, &mut ready).unwrap();
    }
    assert_eq!(ready, ["r"]);
}

/// M7.14: five million bytes out and back, whatever the sizes of the attempts.
#[test]
fn five_million_bytes_go_through() {
    let reactor = Reactor::<u8>::new().unwrap();
    let (stream, peer) = pair(&reactor);
    let echo = std::thread::spawn(move || io::copy(&mut &peer, &mut &peer).unwrap());
    let sent: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (mut written, mut received, mut buffer) = (0, Vec::new(), vec![0; 1 << 16]);
    let mut turns = Turns::default();
    while received.len() < sent.len() {
        turns.one_more();
        match stream.write(&sent[written..]) {
            Ok(n) => written += n,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        match stream.read(&mut buffer) {
            Ok(n) => received.extend_from_slice(&buffer[..n]),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                let _ = reactor.wait_for(stream.key(), Direction::Read, 0);
                let _ = reactor.wait_for(stream.key(), Direction::Write, 0);
                assert!(!selected(&reactor, SOON).is_empty());
            }
        }
    }
    assert!(received == sent, "the bytes that come back are the bytes that went out");
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(echo.join().unwrap(), 5_000_000);
}

/// A reset is an error for the reader, and wakes it.
#[cfg(target_os = "linux")]
#[test]
fn a_peer_that_resets_wakes_the_reader() {
    let reactor = Reactor::new().unwrap();
    let (stream, peer) = pair(&reactor);
    // A peer that closes with something unread resets.
    assert_eq!(stream.write(b"unread").unwrap(), 6);
    hand_over(&reactor);
    while peer.peek(&mut [0; 6]).unwrap() < 6 {}
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    drop(peer);
    assert_eq!(selected(&reactor, SOON), ["r"]);
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

/// A value that owns a socket may be dropped by that socket's end, or by the reactor's.
#[test]
fn a_waiting_value_may_own_sockets_of_its_reactor() {
    type Owner = Option<Box<dyn std::any::Any>>;
    let reactor = Reactor::<Owner>::new().unwrap();
    let (one, _one_peer) = pair(&reactor);
    let (two, _two_peer) = pair(&reactor);
    would_block(one.read(&mut [0]));
    would_block(two.read(&mut [0]));
    let _ = reactor.wait_for(one.key(), Direction::Read, Some(Box::new(two)));
    let key = one.key();
    drop(one);
    assert_eq!(reactor.waiters(), 0);
    assert!(reactor.stop_waiting(key, Direction::Read).is_none());

    let (one, _one_peer) = pair(&reactor);
    let key = one.key();
    would_block(one.read(&mut [0]));
    let _ = reactor.wait_for(key, Direction::Read, Some(Box::new(one)));
    assert_eq!(reactor.waiters(), 1);
    drop(reactor);
}

/// With the reactor goes whoever waits, for sockets, for a time and for none, though it may own
/// what it waits for.
#[test]
fn a_reactor_that_is_dropped_drops_everybody_who_waits() {
    type Owner = (Rc<()>, Option<Box<dyn std::any::Any>>);
    let kept = Rc::new(());
    let owner = |it: Option<Box<dyn std::any::Any>>| Some((Rc::clone(&kept), it));
    let reactor = Reactor::<Option<Owner>>::new().unwrap();
    let (stream, _peer) = pair(&reactor);
    let key = stream.key();
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(key, Direction::Read, owner(Some(Box::new(stream))));
    reactor.wait_until(reactor.now() + Duration::from_hours(1), owner(None));
    reactor.wait_until(None, owner(None));
    assert_eq!(Rc::strong_count(&kept), 4);
    drop(reactor);
    assert_eq!(Rc::strong_count(&kept), 1);
}

#[test]
#[should_panic(expected = "the socket is closed")]
fn to_wait_for_a_closed_socket_is_a_mistake() {
    let reactor = Reactor::new().unwrap();
    let (stream, _peer) = pair(&reactor);
    let key = stream.key();
    drop(stream);
    let _ = reactor.wait_for(key, Direction::Read, ());
}

/// The first socket of one reactor is not the first of another.
#[test]
#[should_panic(expected = "belongs to another loop")]
fn to_wait_for_a_socket_of_another_reactor_is_a_mistake() {
    let (one, other) = (Reactor::<()>::new().unwrap(), Reactor::new().unwrap());
    let (first, _peer) = pair(&one);
    let (its_twin, _peer) = pair(&other);
    assert_ne!(first.key(), its_twin.key());
    assert!(other.stop_waiting(first.key(), Direction::Read).is_none());
    let _ = other.wait_for(first.key(), Direction::Read, ());
}

/// Sockets before timers, and timers by their deadlines.
#[test]
fn everybody_can_be_taken_back_at_once() {
    let reactor = Reactor::new().unwrap();
    let (stream, _peer) = pair(&reactor);
    would_block(stream.read(&mut [0]));
    let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
    reactor.wait_until(reactor.now() + Duration::from_secs(2), "later");
    reactor.wait_until(reactor.now() + Duration::from_secs(1), "soon");
    assert_eq!(reactor.take_all(), ["r", "soon", "later"]);
    assert_eq!((reactor.waiters(), reactor.timers()), (0, 0));
    assert!(reactor.take_all().is_empty());
}

/// A thousand sockets come and go: each has a name of its own, and nobody is left over.
#[test]
fn keys_are_never_given_twice() {
    let reactor = Reactor::<u8>::new().unwrap();
    let (listener, address) = listener(&reactor);
    let mut seen = HashSet::new();
    for _ in 0..1000 {
        let _peer = std::net::TcpStream::connect(address).unwrap();
        assert!(seen.insert(accept(&reactor, &listener).key()));
    }
    assert_eq!(reactor.waiters(), 0);
}
