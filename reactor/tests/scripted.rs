//! What a reactor makes of what an engine tells, on an engine that follows a script: signals,
//! errors, events that come together, for nothing, or too late.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;
use std::time::{Duration, Instant};

use reactor::backend::{self, Backend, Event, Listener, Stream, Token};
use reactor::{Direction, Reactor, TcpStream};

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const NOW: Option<Duration> = Some(Duration::ZERO);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// An engine whose waits are written down beforehand.
#[derive(Debug)]
struct Scripted {
    now: Cell<Instant>,
    /// What the waits do that are still to come; then they sleep for as long as they may.
    script: RefCell<VecDeque<Step>>,
    /// How long each wait was to be.
    asked: RefCell<Vec<Option<Duration>>>,
    armed: RefCell<Vec<(Token, Direction)>>,
    /// Of the sockets, in the order in which they were opened.
    tokens: RefCell<Vec<Token>>,
    /// What the attempts give, by their order; then they would block.
    answers: Rc<RefCell<VecDeque<io::Result<usize>>>>,
}

/// What a wait does: it takes so long, tells of this, and ends like that.
#[derive(Debug)]
struct Step(Duration, Vec<Event>, io::Result<()>);

impl Scripted {
    fn new() -> (Rc<Self>, Reactor<&'static str>) {
        let scripted = Rc::new(Self {
            now: Cell::new(Instant::now()),
            script: RefCell::default(),
            asked: RefCell::default(),
            armed: RefCell::default(),
            tokens: RefCell::default(),
            answers: Rc::default(),
        });
        (Rc::clone(&scripted), Reactor::with_backend(scripted))
    }

    fn will(&self, takes: Duration, tells: &[Event], ends: io::Result<()>) {
        self.script.borrow_mut().push_back(Step(takes, tells.to_vec(), ends));
    }

    fn is_interrupted(&self, after: Duration) {
        self.will(after, &[], Err(ErrorKind::Interrupted.into()));
    }

    /// What happened to the `n`th socket.
    fn event(&self, n: usize, readable: bool, writable: bool) -> Event {
        Event { token: self.tokens.borrow()[n], readable, writable, closed: false }
    }

    fn answers(&self, result: io::Result<usize>) {
        self.answers.borrow_mut().push_back(result);
    }
}

impl Backend for Scripted {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn listen(&self, token: Token, _: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.tokens.borrow_mut().push(token);
        Ok(Box::new(Silent(Rc::clone(&self.answers))))
    }

    fn connect(&self, token: Token, _: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.tokens.borrow_mut().push(token);
        Ok(Box::new(Silent(Rc::clone(&self.answers))))
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.armed.borrow_mut().push((token, direction));
    }

    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.asked.borrow_mut().push(timeout);
        let next = self.script.borrow_mut().pop_front();
        let Step(takes, tells, ends) = next.unwrap_or_else(|| {
            Step(timeout.expect("a script has an end"), Vec::new(), Ok(()))
        });
        self.now.set(self.now.get() + takes);
        events.extend(tells);
        ends
    }

    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }
}

/// A socket that answers as the script says.
#[derive(Debug)]
struct Silent(Rc<RefCell<VecDeque<io::Result<usize>>>>);

impl Silent {
    fn answer(&self) -> io::Result<usize> {
        let next = self.0.borrow_mut().pop_front();
        next.unwrap_or_else(|| Err(ErrorKind::WouldBlock.into()))
    }
}

impl Listener for Silent {
    fn accept(&self, _: Token) -> io::Result<Box<dyn Stream>> {
        self.answer().map(|_| Box::new(Self(Rc::clone(&self.0))) as _)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(ANYWHERE.into())
    }
}

impl Stream for Silent {
    fn read(&self, _: &mut [u8]) -> io::Result<usize> {
        self.answer()
    }

    fn write(&self, _: &[u8]) -> io::Result<usize> {
        self.answer()
    }

    fn connected(&self) -> io::Result<()> {
        self.answer().map(drop)
    }
}

fn select(
    reactor: &Reactor<&'static str>,
    timeout: Option<Duration>,
) -> Vec<&'static str> {
    let mut ready = Vec::new();
    reactor.select(timeout, &mut ready).unwrap();
    ready
}

fn open(reactor: &Reactor<&'static str>) -> TcpStream<&'static str> {
    reactor.connect(ANYWHERE.into()).unwrap()
}

fn wait_for(
    reactor: &Reactor<&'static str>,
    stream: &TcpStream<&'static str>,
    direction: Direction,
    name: &'static str,
) {
    assert_eq!(reactor.wait_for(stream.key(), direction, name), None);
}

/// A loop that finds nobody here may sleep for ever, and says so.
#[test]
fn a_socket_or_a_timer_that_somebody_waits_for_can_end_a_sleep() {
    let (engine, reactor) = Scripted::new();
    let (one, two) = (open(&reactor), open(&reactor));
    assert!(!reactor.is_waited_for(), "sockets are there, and nobody waits");
    wait_for(&reactor, &one, Direction::Read, "reader");
    wait_for(&reactor, &two, Direction::Write, "writer");
    assert_eq!(reactor.stop_waiting(one.key(), Direction::Read), Some("reader"));
    assert!(reactor.is_waited_for(), "the writer still waits");
    engine.will(ms(0), &[engine.event(1, false, true)], Ok(()));
    assert_eq!(select(&reactor, NOW), ["writer"]);
    assert!(!reactor.is_waited_for(), "the writer has been handed back");
    let timer = reactor.wait_until(reactor.now() + ms(1), "sleeper");
    assert!(reactor.is_waited_for(), "the sleeper waits");
    assert_eq!(reactor.cancel(timer), Some("sleeper"));
    assert!(!reactor.is_waited_for(), "its timer is cancelled");
}

/// M7.11: the sleep ends when it is over, and each attempt is for what is left of it.
#[test]
fn a_sleep_that_signals_interrupt_is_neither_shorter_nor_longer() {
    let (engine, reactor) = Scripted::new();
    let start = reactor.now();
    for after in [30, 0, 50] {
        engine.is_interrupted(ms(after));
    }
    assert!(select(&reactor, Some(ms(100))).is_empty());
    assert_eq!(engine.asked.take(), [100, 70, 70, 20].map(|n| Some(ms(n))));
    assert_eq!(reactor.now() - start, ms(100));
}

/// M7.11, for a timer; and for a sleep without end.
#[test]
fn a_signal_neither_makes_a_timer_early_nor_ends_a_wait_without_end() {
    let (engine, reactor) = Scripted::new();
    reactor.wait_until(reactor.now() + ms(50), "timer");
    engine.is_interrupted(ms(20));
    assert_eq!(select(&reactor, None), ["timer"]);
    assert_eq!(engine.asked.take(), [50, 30].map(|n| Some(ms(n))));

    let stream = open(&reactor);
    wait_for(&reactor, &stream, Direction::Read, "r");
    engine.is_interrupted(ms(20));
    engine.will(ms(20), &[engine.event(0, true, false)], Ok(()));
    assert_eq!(select(&reactor, None), ["r"]);
    assert_eq!(engine.asked.take(), [None, None]);
}

/// A signal can take longer than the sleep: then there is nothing left of it, and no less.
#[test]
fn a_signal_that_is_handled_beyond_the_deadline_leaves_no_time() {
    let (engine, reactor) = Scripted::new();
    reactor.wait_until(reactor.now() + ms(10), "timer");
    engine.is_interrupted(ms(15));
    assert_eq!(select(&reactor, Some(ms(30))), ["timer"]);
    assert_eq!(engine.asked.take(), [Some(ms(10)), NOW]);
}

/// What an engine tells before it fails, or before a signal comes, has happened.
#[test]
fn an_error_loses_neither_events_nor_timers_and_what_was_there_stays() {
    let (engine, reactor) = Scripted::new();
    let (one, two) = (open(&reactor), open(&reactor));
    wait_for(&reactor, &one, Direction::Read, "one");
    wait_for(&reactor, &two, Direction::Write, "two");
    reactor.wait_until(reactor.now() + ms(10), "timer");
    reactor.wait_until(reactor.now() + ms(11), "later");
    let interrupted = Err(ErrorKind::Interrupted.into());
    engine.will(ms(4), &[engine.event(0, true, false)], interrupted);
    let broken = Err(ErrorKind::Other.into());
    engine.will(ms(6), &[engine.event(1, false, true)], broken);
    let mut ready = vec!["before"];
    let error = reactor.select(None, &mut ready).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Other);
    assert_eq!(ready, ["before", "one", "two", "timer"]);
    // And it is told once.
    assert_eq!(select(&reactor, NOW), [""; 0]);
    assert_eq!(select(&reactor, None), ["later"]);
}

/// How long an engine is to sleep: until the earlier of the timeout and the first timer.
#[test]
fn a_sleep_is_as_long_as_the_first_who_has_a_deadline_says() {
    let (engine, reactor) = Scripted::new();
    let at = |n| reactor.now() + ms(n);
    let (ten, twenty) = (at(10), at(20));
    engine.will(ms(0), &[], Ok(())); // somebody woke it
    assert!(select(&reactor, None).is_empty());
    assert!(select(&reactor, Some(ms(7))).is_empty());
    let never = reactor.wait_until(None, "never");
    reactor.wait_until(twenty, "twenty");
    let first = reactor.wait_until(ten, "ten");
    assert!(select(&reactor, Some(ms(1))).is_empty());
    assert_eq!(select(&reactor, Some(ms(2))), ["ten"]);
    assert_eq!(reactor.cancel(first), None);
    assert!(select(&reactor, NOW).is_empty());
    assert_eq!(select(&reactor, Some(Duration::MAX)), ["twenty"]);
    let past = reactor.wait_until(ten, "past");
    assert_eq!(select(&reactor, Some(ms(5))), ["past"]);
    assert_eq!((reactor.cancel(past), reactor.cancel(never)), (None, Some("never")));
    let asked = [None, Some(7), Some(1), Some(2), Some(0), Some(10), Some(0)];
    assert_eq!(engine.asked.take(), asked.map(|n| n.map(ms)));
}

/// Reading and writing are two things: one attempt does not use up the other's chance.
#[test]
fn both_sides_may_become_ready_at_once_and_each_is_used_up_by_its_own_attempt() {
    let (engine, reactor) = Scripted::new();
    let stream = open(&reactor);
    wait_for(&reactor, &stream, Direction::Read, "r");
    wait_for(&reactor, &stream, Direction::Write, "w");
    engine.will(ms(0), &[engine.event(0, true, true)], Ok(()));
    assert_eq!(select(&reactor, None), ["r", "w"]);
    for (used_up, attempt) in [(Direction::Read, true), (Direction::Write, false)] {
        // One is tried and would block; the other is still as ready as it was.
        let tried = if attempt { stream.read(&mut [0]) } else { stream.write(b"x") };
        assert_eq!(tried.unwrap_err().kind(), ErrorKind::WouldBlock);
        let (other, name) = match used_up {
            Direction::Read => (Direction::Write, "w"),
            Direction::Write => (Direction::Read, "r"),
        };
        wait_for(&reactor, &stream, used_up, "used up");
        wait_for(&reactor, &stream, other, name);
        assert_eq!(select(&reactor, Some(ms(9))), [name]);
        assert_eq!(reactor.stop_waiting(stream.key(), used_up), Some("used up"));
        engine.will(ms(0), &[engine.event(0, true, true)], Ok(()));
        assert!(select(&reactor, None).is_empty(), "nobody waits, and it is remembered");
    }
}

/// An attempt that succeeds, or fails for good, uses nothing up.
#[test]
fn a_side_is_ready_until_an_attempt_would_block() {
    let (engine, reactor) = Scripted::new();
    let stream = open(&reactor);
    engine.will(ms(0), &[engine.event(0, true, false)], Ok(()));
    assert!(select(&reactor, None).is_empty());
    for answer in [Ok(1), Ok(0), Err(ErrorKind::ConnectionReset.into())] {
        engine.answers(answer);
        let _ = stream.read(&mut [0]);
        wait_for(&reactor, &stream, Direction::Read, "r");
        assert_eq!(select(&reactor, Some(ms(9))), ["r"]);
    }
    stream.read(&mut [0]).unwrap_err();
    wait_for(&reactor, &stream, Direction::Read, "r");
    assert!(select(&reactor, Some(ms(9))).is_empty());
}

/// Who parks where something is ready does not sleep, whatever comes next; nor does the
/// engine begin an operation for that one.
#[test]
fn who_waits_at_a_ready_side_comes_back_at_once_and_arms_nothing() {
    let (engine, reactor) = Scripted::new();
    let (ready, not) = (open(&reactor), open(&reactor));
    let tokens = engine.tokens.borrow().clone();
    engine.will(ms(0), &[engine.event(0, true, false)], Ok(()));
    assert!(select(&reactor, None).is_empty());
    reactor.wait_until(reactor.now() + ms(1000), "late");
    wait_for(&reactor, &not, Direction::Write, "w");
    wait_for(&reactor, &ready, Direction::Read, "r");
    engine.asked.take();
    engine.is_interrupted(ms(0));
    engine.will(ms(0), &[engine.event(1, false, true)], Ok(()));
    assert_eq!(select(&reactor, None), ["r", "w"]);
    assert_eq!(engine.asked.take(), [NOW, NOW]);
    assert_eq!(engine.armed.take(), [(tokens[1], Direction::Write)]);
    assert_eq!(select(&reactor, Some(ms(5))), [""; 0]);
    assert_eq!(engine.asked.take(), [Some(ms(5))], "and then it sleeps again");
}

/// Events that are for nothing: of a socket that is closed, of the next one in its place, of
/// nobody that there ever was, and of neither direction.
#[test]
fn an_event_that_concerns_nobody_wakes_nobody() {
    let (engine, reactor) = Scripted::new();
    let old = open(&reactor);
    drop(old);
    let new = open(&reactor);
    wait_for(&reactor, &new, Direction::Read, "r");
    wait_for(&reactor, &new, Direction::Write, "w");
    let stale = engine.event(0, true, true);
    assert_ne!(stale.token, engine.event(1, true, true).token);
    let unknown = [u64::MAX, u64::MAX >> 1, 77, 0].map(|token| Event { token, ..stale });
    let neither = engine.event(1, false, false);
    engine.will(ms(0), &[stale, neither], Ok(()));
    engine.will(ms(0), &unknown, Ok(()));
    assert_eq!(select(&reactor, None), [""; 0]);
    assert_eq!(select(&reactor, None), [""; 0]);
    assert_eq!(reactor.waiters(), 2);
    // Twice the same in one batch is once.
    let twice = [engine.event(1, true, false); 2];
    engine.will(ms(0), &twice, Ok(()));
    assert_eq!(select(&reactor, None), ["r"]);
    assert_eq!(reactor.stop_waiting(new.key(), Direction::Write), Some("w"));
}

/// Whatever becomes of a socket gives its place up, once, and whoever waited there with it.
#[test]
fn no_place_is_left_behind_by_a_socket_or_by_one_that_did_not_come_to_be() {
    let (engine, reactor) = Scripted::new();
    let listener = reactor.listen(ANYWHERE.into()).unwrap();
    for _ in 0..100 {
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    assert_eq!(reactor.sockets(), 1);
    engine.answers(Ok(1));
    let stream = listener.accept().unwrap();
    wait_for(&reactor, &stream, Direction::Read, "r");
    wait_for(&reactor, &stream, Direction::Write, "w");
    assert_eq!((reactor.sockets(), reactor.waiters()), (2, 2));
    drop(stream);
    assert_eq!((reactor.sockets(), reactor.waiters()), (1, 0));
    drop(listener);
    let reactor = Reactor::<()>::with_backend(backend::Clockwork::new());
    assert!(reactor.connect(ANYWHERE.into()).is_err());
    assert!(reactor.listen(ANYWHERE.into()).is_err());
    assert_eq!(reactor.sockets(), 0);
}

/// Many sockets, closed from the middle and opened again: each gets its own and nobody else's.
#[test]
fn of_many_who_wait_exactly_those_are_handed_back_whom_an_event_names() {
    let (engine, reactor) = Scripted::new();
    let mut open_now = Vec::new();
    for n in 0..12 {
        let stream = open(&reactor);
        let name = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"][n];
        wait_for(&reactor, &stream, Direction::Read, name);
        open_now.push((n, stream));
    }
    open_now.retain(|(n, _)| !matches!(n, 2 | 5 | 6));
    let late = open(&reactor);
    wait_for(&reactor, &late, Direction::Read, "late");
    assert_eq!((reactor.sockets(), reactor.waiters()), (10, 10));
    let told = [11, 6, 12, 3, 2, 0].map(|n| engine.event(n, true, false));
    engine.will(ms(0), &told, Ok(()));
    assert_eq!(select(&reactor, None), ["l", "late", "d", "a"]);
    let key = open_now[3].1.key();
    assert_eq!(reactor.stop_waiting(key, Direction::Read), Some("e"));
    let rest: Vec<_> = reactor.take_all();
    assert_eq!(rest, ["b", "h", "i", "j", "k"]);
    assert_eq!((reactor.sockets(), reactor.waiters()), (10, 0));
}

/// A key of one reactor is nothing to another, although their sockets look alike.
#[test]
fn a_key_of_another_reactor_takes_nobody_back() {
    let (engine, reactor) = Scripted::new();
    let (_, other) = Scripted::new();
    let (ours, theirs) = (open(&reactor), open(&other));
    wait_for(&reactor, &ours, Direction::Read, "r");
    assert_eq!(reactor.stop_waiting(theirs.key(), Direction::Read), None);
    drop(theirs);
    engine.will(ms(0), &[engine.event(0, true, false)], Ok(()));
    assert_eq!(select(&reactor, None), ["r"]);
}

/// 128 attempts in a turn, and each direction has its own.
#[test]
fn a_side_is_tried_so_often_in_a_turn_and_then_counts_as_ready() {
    let (engine, reactor) = Scripted::new();
    let stream = open(&reactor);
    for turn in 0..3 {
        for _ in 0..128 {
            engine.answers(Ok(1));
            assert_eq!(stream.read(&mut [0]).unwrap(), 1);
        }
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        engine.answers(Ok(1));
        assert_eq!(stream.write(b"x").unwrap(), 1, "turn {turn}");
        wait_for(&reactor, &stream, Direction::Read, "r");
        assert_eq!(select(&reactor, Some(ms(9))), ["r"]);
    }
    assert!(engine.armed.take().is_empty(), "it never really waited");
}

/// What a kind of stream cannot do is an error that says so.
#[test]
fn a_stream_does_not_pretend_to_do_what_its_engine_did_not_write() {
    #[derive(Debug)]
    struct Bare;
    impl Stream for Bare {}
    let attempts = [
        Bare.read(&mut [0]).map(drop),
        Bare.write(b"x").map(drop),
        Bare.connected(),
        Bare.shutdown(Shutdown::Both),
        Bare.local_addr().map(drop),
        Bare.peer_addr().map(drop),
    ];
    for attempt in attempts {
        assert_eq!(attempt.unwrap_err().kind(), ErrorKind::Unsupported);
    }
    #[cfg(unix)]
    {
        let (_, reactor) = Scripted::new();
        let (end, _) = io::pipe().unwrap();
        let adopted = reactor.adopt(end.into(), Direction::Read);
        assert_eq!(adopted.unwrap_err().kind(), ErrorKind::Unsupported);
        assert_eq!(reactor.sockets(), 0);
    }
}

/// A scope ends where its body does, even by a panic, and then the outer one is back.
#[test]
fn a_scope_chooses_the_engine_until_its_end() {
    let far = Duration::from_hours(1);
    let (outer, _) = Scripted::new();
    let (inner, _) = Scripted::new();
    let start = Instant::now();
    outer.now.set(start + far);
    inner.now.set(start + 2 * far);
    let now = || Reactor::<()>::new().unwrap().now();
    backend::scope(outer, || {
        assert_eq!(now(), start + far);
        assert_eq!(backend::scope(Rc::clone(&inner) as _, now), start + 2 * far);
        assert_eq!(now(), start + far);
        let panics = || backend::scope(inner, || panic!("as planned"));
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
        assert_eq!(now(), start + far);
    });
    assert!(now() < start + far, "the platform's");
}
