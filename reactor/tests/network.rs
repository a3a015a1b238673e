//! What is told in the simulated network, line by line, and to whom.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Result};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::{Direction, Reactor, TcpListener, TcpStream};

const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);
const OURS: ([u8; 4], u16) = ([10, 0, 0, 9], 7);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

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

/// What a peer was told.
type Told = Rc<RefCell<Vec<Event>>>;

/// A peer that says nothing and takes note.
fn listens(told: &Told) -> Box<dyn Peer> {
    let told = Rc::clone(told);
    does(move |event, _| told.borrow_mut().push(event))
}

struct World {
    sim: Rc<Sim>,
    reactor: Reactor<&'static str>,
}

impl World {
    fn new(weather: Weather) -> Self {
        let sim = Sim::new(1, weather);
        Self { reactor: Reactor::with_backend(Rc::clone(&sim) as _), sim }
    }

    fn serve(&self, act: impl FnMut(Event, &mut Link<'_>) + Clone + 'static) {
        self.sim.serve(SERVER.into(), move || does(act.clone()));
    }

    /// Lets so much time pass.
    fn pass(&self, time: Duration) {
        let over = self.reactor.now() + time;
        for _ in 0..100_000 {
            let left = over.saturating_duration_since(self.reactor.now());
            if left.is_zero() {
                return;
            }
            self.reactor.select(Some(left), &mut Vec::new()).unwrap();
        }
        panic!("it goes on for ever");
    }

    fn connect(&self) -> TcpStream<&'static str> {
        let stream = self.reactor.connect(SERVER.into()).unwrap();
        self.pass(ms(2));
        stream.connected().unwrap();
        stream
    }

    /// Somebody who is told what happens connects, and is accepted.
    fn accept(
        &self,
        peer: Box<dyn Peer>,
    ) -> (TcpListener<&'static str>, TcpStream<&'static str>) {
        let listener = self.reactor.listen(OURS.into()).unwrap();
        self.sim.connect_peer(Duration::ZERO, OURS.into(), peer);
        self.pass(ms(2));
        let stream = listener.accept().unwrap();
        (listener, stream)
    }

    /// What has been told since so many lines.
    fn since(&self, line: usize) -> Vec<String> {
        self.sim.story().split_off(line)
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn a_question_and_an_answer_make_a_story() {
    let world = World::new(Weather::calm());
    world.serve(|event, link| {
        if event == Event::Readable {
            let heard = link.read(100);
            link.send(&heard);
            link.finish();
        }
    });
    let stream = world.connect();
    assert_eq!(stream.write(b"hello").unwrap(), 5);
    world.pass(ms(2));
    let mut buffer = [0; 8];
    assert_eq!(stream.read(&mut []).unwrap(), 0);
    assert_eq!(stream.read(&mut buffer).unwrap(), 5);
    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
    stream.shutdown(Shutdown::Write).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    drop(stream);
    world.pass(ms(2));
    assert_eq!(
        world.sim.story(),
        [
            "1ms 2 would connect to 10.0.0.1:80",
            "2ms 2 is connected to 3",
            "3ms 3 gets 5 bytes of 2",
            "4ms 2 may send 5 more",
            "4ms 2 gets 5 bytes of 3",
            "4ms 2 gets the end",
            "5ms 3 may send 5 more",
            "5ms 3 gets the end",
        ]
    );
    let tally = world.sim.tally();
    assert_eq!((tally.attempts, tally.bytes), (5, 10)); // connected, a write, three reads
    assert_eq!((tally.arrivals, tally.open, tally.broken), (8, 1, 0));
}

/// Says hello and takes note of what it is told.
fn greets(told: &Told) -> Box<dyn Peer> {
    let told = Rc::clone(told);
    does(move |event, link| {
        told.borrow_mut().push(event);
        if event == Event::Connected {
            link.send(b"hello");
        }
    })
}

/// Whoever has read everything, and closes, ends; otherwise it resets. Both are told once.
#[test]
fn a_close_is_an_end_or_a_reset() {
    let reset = Event::Broken(ErrorKind::ConnectionReset);
    for (reads, finishes) in [(true, false), (true, true), (false, false), (false, true)]
    {
        let (world, told) = (World::new(Weather::calm()), Told::default());
        let (listener, stream) = world.accept(greets(&told));
        world.pass(ms(2));
        if reads {
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 5);
        }
        if finishes {
            stream.shutdown(Shutdown::Write).unwrap();
        }
        drop(stream);
        world.pass(ms(9));
        drop(listener);
        let mut expected = vec![Event::Connected];
        expected.extend(reads.then_some(Event::Sent));
        expected.extend((reads || finishes).then_some(Event::Ended));
        expected.extend((!reads).then_some(reset));
        assert_eq!(told.take(), expected);
        assert_eq!(world.sim.open_sockets(), 0);
    }
}

/// A program that is over waits no more, and the network goes on: for so long, and no longer.
#[test]
fn what_is_on_its_way_arrives_though_the_program_is_over() {
    let (world, told) = (World::new(Weather::calm()), Told::default());
    let (listener, stream) = world.accept(greets(&told));
    world.pass(ms(2));
    stream.read(&mut [0; 8]).unwrap();
    drop((stream, listener));
    let (before, began) = (told.borrow().len(), world.sim.elapsed());
    world.sim.settle(Duration::ZERO);
    assert_eq!(told.borrow().len(), before, "it takes its time");
    world.sim.settle(ms(9));
    assert_eq!(told.borrow()[before..], [Event::Sent, Event::Ended]);
    assert!((began..began + ms(9)).contains(&world.sim.elapsed()), "and no longer");
}

/// What is broken already says nothing more when it is closed.
#[test]
fn a_broken_connection_is_closed_in_silence() {
    let world = World::new(Weather::calm());
    world.serve(|event, link| match event {
        Event::Connected => link.after(ms(1), 0),
        _ => link.reset(),
    });
    let stream = world.connect();
    world.pass(ms(3));
    let before = world.sim.story().len();
    assert_eq!(world.sim.story()[before - 1], "3ms 2 breaks: connection reset");
    drop(stream);
    world.pass(ms(9));
    assert_eq!(world.since(before), [""; 0]);
}

/// A listener that closes breaks off with whoever was not accepted yet.
#[test]
fn who_was_not_accepted_when_the_listener_closes_is_broken_off() {
    let (world, told) = (World::new(Weather::calm()), Told::default());
    let listener = world.reactor.listen(OURS.into()).unwrap();
    for _ in 0..2 {
        world.sim.connect_peer(Duration::ZERO, OURS.into(), listens(&told));
    }
    world.pass(ms(2));
    drop(listener);
    world.sim.connect_peer(Duration::ZERO, OURS.into(), listens(&told));
    world.pass(ms(2));
    let broken = |kind| [Event::Broken(kind); 2];
    assert_eq!(told.borrow()[..2], [Event::Connected; 2]);
    assert_eq!(told.borrow()[2..4], broken(ErrorKind::ConnectionReset));
    assert_eq!(told.borrow()[4..], broken(ErrorKind::ConnectionRefused)[..1]);
}

/// Whoever gives up before the answer comes leaves the other end with a broken connection; so
/// does whoever is written to and is gone.
#[test]
fn what_arrives_where_nobody_is_any_more_breaks_the_connection() {
    let (world, told) = (World::new(Weather::calm()), Told::default());
    let its_told = Rc::clone(&told);
    world.sim.serve(SERVER.into(), move || listens(&its_told));
    let stream = world.reactor.connect(SERVER.into()).unwrap();
    world.pass(Duration::from_micros(1500));
    drop(stream);
    world.pass(ms(9));
    let reset = Event::Broken(ErrorKind::ConnectionReset);
    assert_eq!(told.take(), [Event::Connected, reset]);

    let late = Rc::clone(&told);
    let (_listener, stream) = world.accept(does(move |event, link| {
        late.borrow_mut().push(event);
        match event {
            Event::Ended => link.after(ms(5), 0),
            Event::Timer(_) => link.send(b"too late"),
            _ => {}
        }
    }));
    drop(stream);
    world.pass(ms(20));
    assert_eq!(told.take(), [Event::Connected, Event::Ended, Event::Timer(0), reset]);
}

/// A peer that has left is told nothing more, and is dropped, sooner or later.
#[test]
fn a_peer_that_leaves_is_told_nothing_more() {
    let leaves: [fn(&mut Link<'_>); 2] = [|link| link.close(), |link| link.reset()];
    for leave in leaves {
        let world = World::new(Weather::calm());
        let alive = Rc::new(());
        let held = Rc::clone(&alive);
        let (_listener, stream) = world.accept(does(move |event, link| {
            assert_eq!((event, Rc::strong_count(&held)), (Event::Connected, 2));
            link.after(ms(3), 0);
            link.send(b"bye");
            leave(link);
            assert_eq!((link.read(9).len(), link.unsent()), (0, 0));
        }));
        let _ = stream.write(b"hello?");
        world.pass(ms(9));
        assert_eq!(Rc::strong_count(&alive), 1);
    }
}

/// A peer's bytes wait for room, and its end comes behind them.
#[test]
fn a_peer_sends_as_there_is_room_and_then_the_end() {
    let world = World::new(Weather { window: 10, ..Weather::calm() });
    let unsent = Rc::new(RefCell::new(Vec::new()));
    let log = Rc::clone(&unsent);
    world.serve(move |event, link| {
        if event == Event::Connected {
            link.send(b"0123456789abcde");
            link.finish();
            link.finish();
        }
        log.borrow_mut().push((event, link.unsent()));
    });
    let stream = world.connect();
    let mut buffer = [0; 20];
    world.pass(ms(2));
    assert_eq!(stream.read(&mut buffer[..4]).unwrap(), 4);
    world.pass(ms(2));
    assert_eq!(stream.read(&mut buffer[4..]).unwrap(), 10);
    world.pass(ms(2));
    assert_eq!(stream.read(&mut buffer[14..]).unwrap(), 1);
    assert_eq!(stream.read(&mut buffer).unwrap(), 0);
    world.pass(ms(2));
    assert_eq!(&buffer[..15], b"0123456789abcde");
    let sent =
        [(Event::Connected, 5), (Event::Sent, 1), (Event::Sent, 0), (Event::Sent, 0)];
    assert_eq!(*unsent.borrow(), sent);
    let ends =
        world.sim.story().into_iter().filter(|line| line.ends_with("gets the end"));
    assert_eq!(ends.count(), 1);
}

/// A storm breaks both ends, whoever writes.
#[test]
fn a_write_in_a_storm_may_break_both_ends() {
    let world = World::new(Weather { reset: 10_000, ..Weather::calm() });
    let told = Told::default();
    let (_listener, stream) = world.accept(listens(&told));
    assert_eq!(stream.write(b"lost").unwrap(), 4);
    world.pass(ms(2));
    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::ConnectionReset);
    let reset = Event::Broken(ErrorKind::ConnectionReset);
    assert_eq!(told.take(), [Event::Connected, reset]);
    assert_eq!((world.sim.tally().broken, world.sim.tally().bytes), (1, 4));
}

#[test]
fn every_end_has_an_address_and_no_port_is_given_twice() {
    let world = World::new(Weather::calm());
    world.serve(|_, _| {});
    let (listener, accepted) = world.accept(does(|_, _| {}));
    assert_eq!(listener.local_addr().unwrap(), OURS.into());
    assert_eq!(accepted.local_addr().unwrap(), OURS.into());
    let mut ports = BTreeSet::from([accepted.peer_addr().unwrap().port()]);
    for n in 2..100 {
        let stream = world.reactor.connect(SERVER.into()).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), SERVER.into());
        let ours = stream.local_addr().unwrap();
        assert_eq!(ours.ip(), IpAddr::from(OURS.0));
        assert!(ours.port() >= 49_152);
        ports.insert(ours.port());
        assert_eq!(ports.len(), n);
    }
    // The names of ends and ports come from one count; whatever it is, a port is one.
    for _ in 0..20_000 {
        let stream = world.reactor.connect(SERVER.into()).unwrap();
        assert!(stream.local_addr().unwrap().port() >= 49_152);
    }
    let home = SocketAddr::from(([127, 0, 0, 1], 9));
    let stream = world.reactor.connect(home).unwrap();
    assert!(stream.local_addr().unwrap().ip().is_loopback());
}

#[test]
#[should_panic(expected = "10.0.0.1:80 is taken")]
fn two_servers_at_one_address_are_a_mistake() {
    let world = World::new(Weather::calm());
    world.serve(|_, _| {});
    world.serve(|_, _| {});
}

#[test]
fn a_program_cannot_listen_where_a_server_does() {
    let world = World::new(Weather::calm());
    world.serve(|_, _| {});
    assert_eq!(kind(world.reactor.listen(SERVER.into())), ErrorKind::AddrInUse);
    assert_eq!(world.reactor.sockets(), 0);
}

/// Before there is a connection there is nothing to finish.
#[test]
fn half_a_connection_that_is_not_there_cannot_be_closed() {
    let world = World::new(Weather::calm());
    world.serve(|_, _| {});
    let stream = world.reactor.connect(SERVER.into()).unwrap();
    assert_eq!(kind(stream.shutdown(Shutdown::Write)), ErrorKind::NotConnected);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::WouldBlock);
    world.pass(ms(2));
    stream.connected().unwrap();
    assert_eq!(stream.write(b"x").unwrap(), 1);
}

/// A look without a sleep takes a microsecond, so that time goes on; a sleep as long as it says.
#[test]
fn a_look_costs_a_microsecond() {
    let world = World::new(Weather::calm());
    for n in 1..4 {
        world.reactor.select(Some(Duration::ZERO), &mut Vec::new()).unwrap();
        assert_eq!(world.sim.elapsed(), Duration::from_micros(n));
    }
    world.reactor.select(Some(ms(2)), &mut Vec::new()).unwrap();
    assert_eq!(world.sim.elapsed(), ms(2) + Duration::from_micros(3));
    assert_eq!(world.sim.tally().waits, 4);
}

impl World {
    /// Who waits, for when nobody ever will be woken.
    fn stuck(&self) -> String {
        // What has happened is told first.
        self.reactor.select(Some(Duration::ZERO), &mut Vec::new()).unwrap();
        let error = self.reactor.select(None, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        let everybody = "everybody waits, and nothing is on its way: ";
        error.to_string().strip_prefix(everybody).unwrap().to_owned()
    }

    fn wait_for(&self, stream: &TcpStream<&'static str>, direction: Direction) {
        assert_eq!(self.reactor.wait_for(stream.key(), direction, "waits"), None);
    }
}

fn name(stream: &TcpStream<&'static str>) -> String {
    format!("{} -> 10.0.0.1:80", stream.local_addr().unwrap())
}

/// Who waits is told, and for what; and nobody else.
#[test]
fn a_deadlock_names_everybody_who_waits() {
    let world = World::new(Weather { window: 4, ..Weather::calm() });
    world.serve(|_, _| {});
    assert!(!world.sim.is_stuck());
    assert_eq!(world.stuck(), "no socket is waited for, and no timer is set");
    assert!(world.sim.is_stuck());
    let [_one, two, three] = [(); 3].map(|()| world.connect());
    assert_eq!(kind(two.read(&mut [0])), ErrorKind::WouldBlock);
    world.wait_for(&two, Direction::Read);
    assert_eq!(world.stuck(), format!("{} waits to read", name(&two)));
    for stream in [&two, &three] {
        assert_eq!(stream.write(b"full").unwrap(), 4);
        assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
        world.wait_for(stream, Direction::Write);
    }
    assert_eq!(
        world.stuck(),
        format!(
            "{} waits to read and to write; {} waits to write, 4 bytes being unread at the \
             other end",
            name(&two),
            name(&three),
        )
    );
}

/// Whoever has been told waits for that no longer, and still for the other thing, if it waited
/// for both.
#[test]
fn who_has_been_told_does_not_wait_for_it_any_more() {
    let world = World::new(Weather { window: 4, ..Weather::calm() });
    world.serve(|event, link| match event {
        Event::Connected => link.after(ms(10), 0),
        Event::Timer(_) => link.send(b"x"),
        _ => {}
    });
    let stream = world.connect();
    assert_eq!(stream.write(b"full").unwrap(), 4);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
    assert_eq!(kind(stream.read(&mut [0])), ErrorKind::WouldBlock);
    world.wait_for(&stream, Direction::Write);
    world.wait_for(&stream, Direction::Read);
    let mut ready = Vec::new();
    world.reactor.select(None, &mut ready).unwrap();
    assert_eq!(ready, ["waits"]);
    let full = "waits to write, 4 bytes being unread at the other end";
    assert_eq!(world.stuck(), format!("{} {full}", name(&stream)));
}

/// A listener waits from when it is waited for until somebody comes and is accepted; whoever
/// comes waits for nothing of ours.
#[test]
fn a_listener_waits_for_somebody_to_connect() {
    let world = World::new(Weather::calm());
    let listener = world.reactor.listen(OURS.into()).unwrap();
    let _quiet = world.reactor.listen(SocketAddr::from(([10, 0, 0, 9], 8))).unwrap();
    let nobody = "no socket is waited for, and no timer is set";
    assert_eq!(world.stuck(), nobody);
    for _ in 0..2 {
        assert_eq!(kind(listener.accept()), ErrorKind::WouldBlock);
        let _ = world.reactor.wait_for(listener.key(), Direction::Read, "waits");
        assert_eq!(world.stuck(), "10.0.0.9:7 waits for somebody to connect");
        world.sim.connect_peer(Duration::ZERO, OURS.into(), does(|_, _| {}));
        world.pass(ms(2));
        drop(listener.accept().unwrap());
        assert_eq!(world.stuck(), nobody);
    }
}

/// What is there when somebody is accepted is told at once, as a selector does it.
#[test]
fn who_is_accepted_late_is_ready_for_what_has_come_meanwhile() {
    let (world, told) = (World::new(Weather::calm()), Told::default());
    let (_listener, stream) = world.accept(greets(&told));
    world.pass(ms(5));
    // An event came with the accept, before anybody tried.
    let _ = world.reactor.wait_for(stream.key(), Direction::Read, "r");
    let _ = world.reactor.wait_for(stream.key(), Direction::Write, "w");
    let mut ready = Vec::new();
    let soon = world.sim.elapsed() + ms(1);
    world.reactor.select(Some(ms(9)), &mut ready).unwrap();
    assert_eq!(ready, ["r", "w"]);
    assert!(world.sim.elapsed() < soon);
}

/// Wakes for nothing come once at any time at the most: who is busy is not kept busy by them.
#[test]
fn nobody_is_woken_for_nothing_twice_at_the_same_time() {
    let world = World::new(Weather { spurious: 100, ..Weather::calm() });
    world.serve(|_, _| {});
    let stream = world.connect();
    let over = world.reactor.now() + ms(3);
    for _ in 0..10 {
        let left = over.saturating_duration_since(world.reactor.now());
        if left.is_zero() {
            return;
        }
        let _ = stream.read(&mut [0]);
        let _ = world.reactor.wait_for(stream.key(), Direction::Read, "r");
        world.reactor.select(Some(left), &mut Vec::new()).unwrap();
    }
    panic!("time stands still");
}

/// Only who has a socket in the program is woken for nothing.
#[test]
fn there_must_be_somebody_to_wake_for_nothing() {
    let world = World::new(Weather { spurious: 100, ..Weather::calm() });
    world.sim.connect_peer(Duration::ZERO, SERVER.into(), does(|_, _| {}));
    world.pass(ms(3));
}

/// A socket with something to read, or with room for whoever waits for that, or a connection
/// that nobody accepts: since when, and until somebody looks.
#[test]
fn neglect_is_counted_from_when_there_is_something_to_do() {
    let world = World::new(Weather { window: 4, ..Weather::calm() });
    world.serve(|event, link| match event {
        Event::Readable => link.after(ms(10), 0),
        Event::Timer(_) => drop(link.read(4)),
        _ => {}
    });
    let stream = world.connect();
    assert_eq!(stream.write(b"full").unwrap(), 4);
    // There is room after a while, and nobody waits for that.
    world.pass(ms(50));
    assert_eq!(stream.write(b"full").unwrap(), 4);
    assert_eq!(world.sim.tally().neglect, ms(0));
    // Now somebody does, and is told at once, but does not come: 30 - 12.
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
    let _ = world.reactor.wait_for(stream.key(), Direction::Write, "w");
    world.pass(ms(30));
    assert_eq!(stream.write(b"x").unwrap(), 1);
    assert_eq!(world.sim.tally().neglect, ms(18));
}

/// A program that has no descriptors left has a reason not to accept.
#[test]
fn who_cannot_be_accepted_is_not_neglected() {
    let world = World::new(Weather { descriptors: 2, ..Weather::calm() });
    let (listener, first) = world.accept(does(|_, _| {}));
    assert_eq!(world.sim.tally().neglect, ms(1)); // of the first, which came after one
    world.sim.connect_peer(Duration::ZERO, OURS.into(), does(|_, _| {}));
    world.pass(ms(50));
    assert!(listener.accept().is_err());
    drop(first);
    drop(listener.accept().unwrap());
    assert_eq!(world.sim.tally().neglect, ms(1));
    // It comes while there is one, and is refused when there is none: not neglected since.
    world.sim.connect_peer(Duration::ZERO, OURS.into(), does(|_, _| {}));
    world.pass(ms(1));
    world.sim.black_hole(SERVER.into());
    let other = world.reactor.connect(SERVER.into()).unwrap();
    assert!(listener.accept().is_err());
    world.pass(ms(50));
    drop(other);
    listener.accept().unwrap();
    assert_eq!(world.sim.tally().neglect, ms(1));
}

/// Nor is who comes when there is none left, and is accepted as soon as there is one.
#[test]
fn who_comes_when_nobody_can_be_accepted_is_not_neglected() {
    let world = World::new(Weather { descriptors: 2, ..Weather::calm() });
    let (listener, first) = world.accept(does(|_, _| {}));
    world.sim.connect_peer(Duration::ZERO, OURS.into(), does(|_, _| {}));
    world.pass(ms(50));
    drop(first);
    listener.accept().unwrap();
    assert_eq!(world.sim.tally().neglect, ms(1)); // of the first, which came after one
}

/// Nor is what comes for who can write no more: it is not to take on more work.
#[test]
fn who_is_held_up_may_leave_what_comes_meanwhile() {
    let world = World::new(Weather { window: 4, ..Weather::calm() });
    world.serve(|event, link| match event {
        Event::Connected => link.after(ms(10), 0),
        Event::Timer(_) => link.send(b"x"),
        _ => {}
    });
    let stream = world.connect();
    assert_eq!(stream.write(b"full").unwrap(), 4);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
    world.pass(ms(50));
    assert_eq!(stream.read(&mut [0; 4]).unwrap(), 1);
    assert_eq!(world.sim.tally().neglect, ms(0));
}

#[test]
fn in_calm_weather_a_writer_is_64_kib_ahead_of_its_reader() {
    let world = World::new(Weather::calm());
    world.serve(|_, _| {});
    let stream = world.connect();
    assert_eq!(stream.write(&vec![7; 100_000]).unwrap(), 65_536);
    assert_eq!(kind(stream.write(b"x")), ErrorKind::WouldBlock);
}

/// A peer knows the time; and once it has left, nothing is kept of it.
#[test]
fn a_peer_that_closes_is_dropped_at_once() {
    let (world, times) = (World::new(Weather::calm()), Rc::new(RefCell::new(Vec::new())));
    let seen = Rc::clone(&times);
    world.serve(move |event, link| {
        seen.borrow_mut().push(link.now());
        match event {
            Event::Connected => link.after(ms(5), 0),
            _ => link.close(),
        }
    });
    let _stream = world.connect();
    let before = Rc::strong_count(&times);
    world.pass(ms(10));
    assert_eq!(*times.borrow(), [ms(1), ms(6)]);
    assert_eq!(Rc::strong_count(&times), before - 1);
}

#[test]
fn what_is_shown_of_a_network_is_short() {
    let world = World::new(Weather::calm());
    let (listener, stream) = world.accept(does(|_, _| {}));
    assert_eq!(format!("{:?}", world.sim), "Sim { elapsed: 2ms, .. }");
    assert_eq!(format!("{listener:?}"), "TcpListener(SimListener(10.0.0.9:7))");
    assert_eq!(format!("{stream:?}"), "TcpStream(SimStream(3))");
}

/// A weather is what it says: a seed that was found under it can be had again, in this version
/// and in the next. Where a change of the network is meant, these numbers change with it.
#[test]
fn the_story_of_a_seed_stays_the_same() {
    let story = |seed, weather| {
        let sim = Sim::new(seed, weather);
        sim.serve(SERVER.into(), || {
            does(|event, link| {
                if event == Event::Readable {
                    let heard = link.read(usize::MAX);
                    link.send(&heard);
                }
            })
        });
        let reactor = Reactor::with_backend(Rc::clone(&sim) as _);
        let mut ended = (0, 0);
        for _ in 0..4 {
            match echo(&reactor) {
                Ok(()) => ended.0 += 1,
                Err(_) => ended.1 += 1,
            }
        }
        let sum =
            sim.story().iter().flat_map(|line| line.bytes()).fold(7, |sum, byte| {
                u64::wrapping_add(u64::wrapping_mul(sum, 31), u64::from(byte))
            });
        (sim.story().len(), sim.elapsed(), sim.tally().broken, ended, sum)
    };
    assert_eq!(story(1, Weather::rough()), story(1, Weather::rough()));
    assert_ne!(story(1, Weather::rough()).4, story(2, Weather::rough()).4);
    let took = Duration::from_nanos(319_330_010);
    let sum = 11_520_612_707_969_481_008;
    assert_eq!(story(1, Weather::rough()), (81, took, 0, (4, 0), sum));
    let took = Duration::from_nanos(1_243_288_773);
    let sum = 13_747_792_753_063_380_093;
    assert_eq!(story(1, Weather::stormy()), (427, took, 3, (1, 3), sum));
}

/// Sends twenty thousand bytes and hears them again.
fn echo(reactor: &Reactor<&'static str>) -> Result<()> {
    let stream = reactor.connect(SERVER.into())?;
    let (mut sent, mut heard) = (0, 0);
    let mut buffer = [0; 4096];
    let bytes = vec![7; 20_000];
    for _ in 0..100_000 {
        if heard == 20_000 {
            return Ok(());
        }
        for (direction, attempt) in [
            (Direction::Write, stream.write(&bytes[sent..]).map(|n| sent += n)),
            (Direction::Read, stream.read(&mut buffer).map(|n| heard += n)),
        ] {
            match attempt {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = reactor.wait_for(stream.key(), direction, "waits");
                }
                other => other?,
            }
        }
        reactor.select(Some(ms(1)), &mut Vec::new())?;
    }
    panic!("it goes on for ever");
}
