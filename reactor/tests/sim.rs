//! The simulated network does what networks do, and does it again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

mod bounds;

use bounds::Turns;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::{Direction, Reactor, TcpStream};

const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);
const OURS: ([u8; 4], u16) = ([10, 0, 0, 9], 7);

/// A peer made of a function.
struct Does<F>(F);

impl<F: FnMut(Event, &mut Link<'_>)> Peer for Does<F> {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        (self.0)(event, link);
    }
}

fn does(act: impl FnMut(Event, &mut Link<'_>) + 'static) -> Box<dyn Peer> {
    Box::new(Does(act))
}

/// A server whose every connection does `act`.
fn serve(sim: &Sim, act: impl FnMut(Event, &mut Link<'_>) + Clone + 'static) {
    sim.serve(SERVER.into(), move || does(act.clone()));
}

/// What an operation gives in the end, waiting in between.
fn finish<T>(
    reactor: &Reactor<()>,
    stream: &TcpStream<()>,
    direction: Direction,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> io::Result<T> {
    let mut turns = Turns::default();
    loop {
        turns.one_more();
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert!(reactor.wait_for(stream.key(), direction, ()).is_none());
                reactor.select(None, &mut Vec::new())?;
            }
            result => return result,
        }
    }
}

/// Lets so much time pass.
fn pass(reactor: &Reactor<()>, time: Duration) {
    reactor.wait_until(reactor.now() + time, ());
    let mut turns = Turns::default();
    while reactor.timers() > 0 {
        turns.one_more();
        reactor.select(None, &mut Vec::new()).unwrap();
    }
}

fn connect(reactor: &Reactor<()>, to: SocketAddr) -> io::Result<TcpStream<()>> {
    let stream = reactor.connect(to)?;
    finish(reactor, &stream, Direction::Write, || stream.connected())?;
    Ok(stream)
}

fn read(reactor: &Reactor<()>, stream: &TcpStream<()>) -> io::Result<Vec<u8>> {
    let mut buffer = [0; 4096];
    let n = finish(reactor, stream, Direction::Read, || stream.read(&mut buffer))?;
    Ok(buffer[..n].to_vec())
}

/// The sizes of the pieces in which everything arrives.
fn pieces(reactor: &Reactor<()>, stream: &TcpStream<()>) -> io::Result<Vec<usize>> {
    let mut pieces = Vec::new();
    loop {
        assert!(pieces.len() < 100_000, "it goes on for ever");
        match read(reactor, stream)?.len() {
            0 => return Ok(pieces),
            n => pieces.push(n),
        }
    }
}

/// Sends a thousand bytes and the end.
fn thousand(event: Event, link: &mut Link<'_>) {
    if event == Event::Connected {
        link.send(&[7; 1000]);
        link.finish();
    }
}

fn world(weather: Weather) -> (Rc<Sim>, Reactor<()>) {
    let sim = Sim::new(1, weather);
    (Rc::clone(&sim), Reactor::with_backend(sim))
}

#[test]
fn in_calm_weather_everything_takes_a_millisecond_and_arrives_in_one_piece() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(sim.elapsed(), Duration::from_millis(2)); // there, and back
    assert_eq!(pieces(&reactor, &stream).unwrap(), [1000]);
}

#[test]
fn an_hour_passes_at_once_and_no_timer_is_early() {
    let (sim, reactor) = world(Weather::calm());
    let (began, hour) = (Instant::now(), Duration::from_hours(1));
    reactor.wait_until(reactor.now() + hour, ());
    let mut ready = Vec::new();
    reactor.select(None, &mut ready).unwrap();
    assert_eq!((ready.len(), sim.elapsed()), (1, hour));
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn nobody_at_home_is_a_refusal_and_a_black_hole_is_silence() {
    let (sim, reactor) = world(Weather::calm());
    let refused = connect(&reactor, SERVER.into()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    sim.black_hole(SERVER.into());
    let silence = connect(&reactor, SERVER.into()).unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::Deadlock);
    assert!(silence.to_string().contains("-> 10.0.0.1:80 waits to be connected"));
}

#[test]
fn an_answer_from_afar_is_late_and_so_is_a_refusal() {
    let (sim, reactor) = world(Weather::calm());
    sim.far(SERVER.into(), Duration::from_millis(70));
    let refused = connect(&reactor, SERVER.into()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(sim.elapsed(), Duration::from_millis(72));
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(sim.elapsed(), Duration::from_millis(144));
    assert_eq!(pieces(&reactor, &stream).unwrap(), [1000]);
    assert_eq!(
        sim.elapsed(),
        Duration::from_millis(144),
        "once there, it is as near as any"
    );
}

#[test]
fn a_peer_that_resets_is_an_error_and_what_was_on_its_way_is_lost() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, |event, link| match event {
        Event::Connected => link.after(Duration::from_millis(5), 0),
        Event::Timer(_) => {
            link.send(b"never read");
            link.reset();
        }
        _ => {}
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    pass(&reactor, Duration::from_secs(1));
    let error = stream.read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(stream.write(b"hello?").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn half_a_connection_may_be_closed_and_the_other_goes_on() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, |event, link| {
        if event == Event::Ended {
            let said = link.read(100);
            link.send(&said);
            link.finish();
        }
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(stream.write(b"question").unwrap(), 8);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(read(&reactor, &stream).unwrap(), b"question");
    assert_eq!(read(&reactor, &stream).unwrap(), b"");
}

#[test]
fn a_writer_waits_when_the_window_is_full_until_the_reader_has_read() {
    let (sim, reactor) = world(Weather { window: 10, ..Weather::calm() });
    let heard = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&heard);
    serve(&sim, move |event, link| match event {
        Event::Connected => link.after(Duration::from_secs(1), 0),
        Event::Timer(_) => log.borrow_mut().extend(link.read(4)),
        _ => {}
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(stream.write(b"0123456789ab").unwrap(), 10);
    let n = finish(&reactor, &stream, Direction::Write, || stream.write(b"abcdefgh"));
    assert_eq!(n.unwrap(), 4);
    assert_eq!(*heard.borrow(), b"0123");
    assert!(sim.elapsed() > Duration::from_secs(1));
}

#[test]
fn bandwidth_takes_its_time() {
    let (sim, reactor) = world(Weather { bandwidth: Some(1000), ..Weather::calm() });
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    read(&reactor, &stream).unwrap();
    assert_eq!(sim.elapsed(), Duration::from_millis(1002));
}

#[test]
fn what_is_sent_at_once_shares_the_bandwidth() {
    let (sim, reactor) = world(Weather { bandwidth: Some(1000), ..Weather::calm() });
    serve(&sim, |event, link| {
        if event == Event::Connected {
            (0..10).for_each(|_| link.send(&[7; 100]));
            link.finish();
        }
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(pieces(&reactor, &stream).unwrap(), [100; 10]);
    assert_eq!(sim.elapsed(), Duration::from_millis(1002));
}

#[test]
fn who_keeps_asking_is_told_so_and_does_not_hang() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, |_, _| {});
    sim.patience(4);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let mut turns = Turns::default();
    let busy = loop {
        turns.one_more();
        if let Err(error) = reactor.select(Some(Duration::ZERO), &mut Vec::new()) {
            break error;
        }
    };
    assert_eq!(busy.kind(), ErrorKind::QuotaExceeded);
    let spin = loop {
        turns.one_more();
        match stream.read(&mut [0; 16]) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            result => break result.unwrap_err(),
        }
    };
    assert!(spin.to_string().contains("it keeps asking: "), "{spin}");
}

#[test]
fn a_socket_that_is_left_alone_is_noticed() {
    let second = Duration::from_secs(1);
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(pieces(&reactor, &stream).unwrap(), [1000]);
    assert_eq!(sim.tally().neglect, Duration::ZERO);

    let stream = connect(&reactor, SERVER.into()).unwrap();
    pass(&reactor, second);
    drop(stream); // without a look at the thousand bytes, which came after a millisecond
    assert_eq!(sim.tally().neglect, second);
}

#[test]
fn who_comes_and_is_not_accepted_is_left_alone_too() {
    let (sim, reactor) = world(Weather::calm());
    let listener = reactor.listen(OURS.into()).unwrap();
    sim.connect_peer(Duration::ZERO, OURS.into(), does(|_, _| {}));
    pass(&reactor, Duration::from_millis(11));
    listener.accept().unwrap();
    assert_eq!(sim.tally().neglect, Duration::from_millis(10));
}

#[test]
fn nobody_is_left_alone_who_does_not_take_what_is_written() {
    let (sim, reactor) = world(Weather { window: 10, ..Weather::calm() });
    serve(&sim, |event, link| match event {
        Event::Connected => link.send(b"question"),
        Event::Readable => link.after(Duration::from_secs(9), 0),
        Event::Timer(_) => drop(link.read(10)),
        _ => {}
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(stream.write(b"0123456789").unwrap(), 10);
    let write = || stream.write(b"more");
    assert_eq!(finish(&reactor, &stream, Direction::Write, write).unwrap(), 4);
    assert_eq!(read(&reactor, &stream).unwrap(), b"question");
    assert!(sim.elapsed() > Duration::from_secs(9));
    assert_eq!(sim.tally().neglect, Duration::ZERO);
}

#[test]
fn reads_and_writes_may_be_short_but_never_empty() {
    let (sim, reactor) = world(Weather { short: 100, ..Weather::calm() });
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let written = stream.write(&[1; 100]).unwrap();
    assert!((1..100).contains(&written), "{written}");
    let pieces = pieces(&reactor, &stream).unwrap();
    assert_eq!(pieces.iter().sum::<usize>(), 1000);
    assert!(pieces.len() > 2, "{pieces:?}");
}

#[test]
fn segments_may_be_split_and_held_up() {
    let latency = Duration::from_millis(1)..Duration::from_millis(9);
    let split = Weather { split: 100, latency, ..Weather::calm() };
    let (sim, reactor) = world(split.clone());
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let in_parts = pieces(&reactor, &stream).unwrap();
    assert!(in_parts.len() > 1, "{in_parts:?}");

    // Two that were sent apart arrive together, when the first of them is held up.
    let sends_twice = |event, link: &mut Link<'_>| match event {
        Event::Connected => {
            link.send(b"a");
            link.after(Duration::from_millis(1), 0);
        }
        Event::Timer(_) => {
            link.send(b"b");
            link.finish();
        }
        _ => {}
    };
    let together = (0..50).any(|seed| {
        let sim = Sim::new(seed, Weather { hold: 50, split: 0, ..split.clone() });
        serve(&sim, sends_twice);
        let reactor = Reactor::with_backend(sim);
        let stream = connect(&reactor, SERVER.into()).unwrap();
        pieces(&reactor, &stream).unwrap() == [2]
    });
    assert!(together, "no seed of fifty coalesced them");
}

#[test]
fn a_wake_may_be_for_nothing_and_harms_nobody() {
    let (sim, reactor) = world(Weather { spurious: 100, ..Weather::calm() });
    serve(&sim, |event, link| match event {
        Event::Connected => link.after(Duration::from_millis(50), 0),
        Event::Timer(_) => link.send(b"at last"),
        _ => {}
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let before = sim.tally().attempts;
    assert_eq!(read(&reactor, &stream).unwrap(), b"at last");
    assert!(sim.tally().attempts - before > 2, "nobody was woken for nothing");
}

#[test]
fn descriptors_run_out_and_come_back() {
    let (sim, reactor) = world(Weather { descriptors: 3, ..Weather::calm() });
    for n in 0..3 {
        sim.connect_peer(Duration::from_millis(n), OURS.into(), does(|_, _| {}));
    }
    let listener = reactor.listen(OURS.into()).unwrap();
    pass(&reactor, Duration::from_secs(1));
    let first = listener.accept().unwrap();
    let second = listener.accept().unwrap();
    assert!(listener.accept().unwrap_err().to_string().contains("too many open files"));
    assert!(reactor.connect(SERVER.into()).is_err());
    assert_eq!(sim.open_sockets(), 3);
    drop(first);
    let third = listener.accept().unwrap();
    drop((second, third, listener));
    assert_eq!((sim.open_sockets(), sim.tally().open), (0, 3));
}

#[test]
fn an_address_is_taken_once() {
    let (_, reactor) = world(Weather::calm());
    let listener = reactor.listen(OURS.into()).unwrap();
    assert_eq!(reactor.listen(OURS.into()).unwrap_err().kind(), ErrorKind::AddrInUse);
    drop(listener);
    let any = SocketAddr::new(OURS.0.into(), 0);
    let listener = reactor.listen(any).unwrap();
    assert_ne!(listener.local_addr().unwrap().port(), 0);
}

#[test]
fn what_happens_at_once_happens_in_any_order_if_so_asked() {
    let order = |seed, shuffle| {
        let sim = Sim::new(seed, Weather { shuffle, ..Weather::calm() });
        let order = Rc::new(RefCell::new(Vec::new()));
        for n in 0..5 {
            let order = Rc::clone(&order);
            let client = move |event, _: &mut Link<'_>| {
                if event == Event::Connected {
                    order.borrow_mut().push(n);
                }
            };
            sim.connect_peer(Duration::ZERO, OURS.into(), does(client));
        }
        let reactor = Reactor::<()>::with_backend(sim);
        let _listener = reactor.listen(OURS.into()).unwrap();
        pass(&reactor, Duration::from_secs(1));
        order.take()
    };
    assert_eq!(order(1, false), [0, 1, 2, 3, 4]);
    assert_eq!(order(1, true), order(1, true));
    assert!((0..9).any(|seed| order(seed, true) != [0, 1, 2, 3, 4]));
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let (sim, reactor) = world(Weather { window: 4, ..Weather::calm() });
    serve(&sim, |_, _| {}); // it never reads, and never says anything
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(stream.write(b"more than fits").unwrap(), 4);
    let error = finish(&reactor, &stream, Direction::Write, || stream.write(b"x"));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    let text = error.to_string();
    assert!(text.contains("waits to write, 4 bytes being unread"), "{text}");
    assert!(sim.is_stuck());
}

#[test]
#[should_panic(expected = "try first")]
fn to_wait_without_having_tried_is_a_mistake_that_is_told() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, |_, _| {});
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let _ = reactor.wait_for(stream.key(), Direction::Read, ());
}

#[test]
fn an_action_runs_when_it_is_due_and_ends_the_wait() {
    let (sim, reactor) = world(Weather::calm());
    let called = Rc::new(Cell::new(false));
    let flag = Rc::clone(&called);
    sim.after(Duration::from_secs(3), move || flag.set(true));
    reactor.select(None, &mut Vec::new()).unwrap();
    assert_eq!((called.get(), sim.elapsed()), (true, Duration::from_secs(3)));
}

#[test]
fn an_action_elsewhere_has_to_wake_who_is_to_hear_of_it() {
    let (sim, reactor) = world(Weather::calm());
    let (waker, second) = (reactor.waker(), Duration::from_secs(1));
    sim.elsewhere(second, || {});
    sim.elsewhere(2 * second, move || waker.wake());
    sim.elsewhere(3 * second, || {});
    reactor.select(None, &mut Vec::new()).unwrap();
    assert_eq!(sim.elapsed(), 2 * second);
    let error = reactor.select(None, &mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), sim.elapsed()), (ErrorKind::Deadlock, 3 * second));
}

#[test]
fn a_loop_that_never_waits_does_not_stop_the_clock() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, thousand);
    let stream = reactor.connect(SERVER.into()).unwrap();
    for _ in 0..10_000 {
        reactor.select(Some(Duration::ZERO), &mut Vec::new()).unwrap();
    }
    assert!(stream.connected().is_ok());
    assert!(sim.elapsed() >= Duration::from_millis(10));
}

#[test]
fn what_it_does_not_know_it_does_not_pretend_to() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    let error = stream.shutdown(Shutdown::Read).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    #[cfg(unix)]
    {
        let (ours, _theirs) = std::io::pipe().unwrap();
        let error = reactor.adopt(ours.into(), Direction::Read).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}

/// What takes longer than any clock can show never happens, and nothing overflows.
#[test]
fn what_would_take_longer_than_a_clock_can_show_never_arrives() {
    let never = Duration::MAX;
    let far = Duration::from_hours(24 * 365 * 1_000_000_000);
    let (sim, reactor) = world(Weather::calm());
    sim.after(never, || panic!("it is too early for that"));
    sim.connect_peer(never, OURS.into(), does(|_, _| panic!("nobody comes")));
    serve(&sim, move |event, link| match event {
        Event::Connected => {
            link.after(never, 0);
            link.after(far, 1);
        }
        Event::Timer(0) => panic!("it is too early for that"),
        Event::Timer(_) => link.send(b"late"),
        _ => {}
    });
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(read(&reactor, &stream).unwrap(), b"late");
    assert!(sim.elapsed() > far);
    assert_eq!(read(&reactor, &stream).unwrap_err().kind(), ErrorKind::Deadlock);

    for endless in [
        Weather { latency: never..never, ..Weather::calm() },
        Weather { latency: never / 4..never, hold: 100, ..Weather::calm() },
    ] {
        let (sim, reactor) = world(endless);
        serve(&sim, thousand);
        let silence = connect(&reactor, SERVER.into()).unwrap_err();
        assert_eq!(silence.kind(), ErrorKind::Deadlock);
    }
    // A byte a second: a line that is as slow as one can say.
    let (sim, reactor) = world(Weather { bandwidth: Some(0), ..Weather::calm() });
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(pieces(&reactor, &stream).unwrap(), [1000]);
    assert_eq!(sim.elapsed(), Duration::from_millis(1_000_002));
}

/// As often as one asks, and whoever was told first: by the connection, a read or a write.
#[test]
fn a_refusal_or_a_reset_is_told_to_who_asks_for_the_connection_again() {
    type Attempt = fn(&TcpStream<()>) -> io::Result<usize>;
    let firsts: [Attempt; 3] = [
        |stream| stream.connected().map(|()| 0),
        |stream| stream.read(&mut [0]),
        |stream| stream.write(b"x"),
    ];
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, |event, link| match event {
        Event::Connected => link.after(Duration::from_millis(5), 0),
        _ => link.reset(),
    });
    let nobody = ([10, 0, 0, 1], 81).into();
    for (first, there) in
        firsts.into_iter().flat_map(|first| [(first, true), (first, false)])
    {
        let stream = if there {
            connect(&reactor, SERVER.into()).unwrap()
        } else {
            reactor.connect(nobody).unwrap()
        };
        pass(&reactor, Duration::from_secs(1));
        let told = first(&stream).unwrap_err();
        if !there {
            assert_eq!(told.kind(), ErrorKind::ConnectionRefused);
        }
        let ask = || stream.connected();
        for _ in 0..3 {
            let again = finish(&reactor, &stream, Direction::Write, ask).unwrap_err();
            assert_eq!(
                (again.kind(), again.to_string()),
                (told.kind(), told.to_string())
            );
        }
    }
}

/// A connection that both ends have closed was there.
#[test]
fn a_connection_that_came_to_its_end_is_no_failure() {
    let (sim, reactor) = world(Weather::calm());
    serve(&sim, thousand);
    let stream = connect(&reactor, SERVER.into()).unwrap();
    assert_eq!(pieces(&reactor, &stream).unwrap(), [1000]);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    pass(&reactor, Duration::from_secs(1));
    assert!(stream.connected().is_ok());
}
