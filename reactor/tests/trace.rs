//! The story that a recorder tells, point by point, without any stage: whoever takes part says
//! so by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::any::type_name_of_val;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

mod bounds;

use bounds::Turns;
use reactor::backend::{Backend, Clockwork, Event as Ready, Listener, Stream, Token};
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use reactor::trace::{self, Id, Kind, Place, Recording, Thing, What};
use reactor::{Direction, Reactor, TcpStream};

const SERVER: ([u8; 4], u16) = ([10, 0, 0, 1], 80);

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// What happened, in order.
fn whats(recording: &Recording) -> Vec<What> {
    recording.events.iter().map(|event| event.what).collect()
}

/// What happens in `body`, which has a reactor on a virtual clock.
fn story(body: impl FnOnce(&Reactor<&'static str>)) -> Recording {
    let ((), recording) =
        trace::record(|| body(&Reactor::with_backend(Clockwork::new())));
    recording
}

fn select<T>(reactor: &Reactor<T>) -> Vec<T> {
    let mut ready = Vec::new();
    reactor.select(Some(Duration::from_hours(1)), &mut ready).unwrap();
    ready
}

#[track_caller]
fn task() -> Id {
    trace::created(Kind::Task, "app::count::{{closure}}")
}

#[test]
fn nothing_is_told_of_what_nobody_records() {
    assert!(!trace::is_on());
    let id = task();
    assert_eq!(id, Id::default());
    let count = Rc::new(Cell::new(0));
    let counts = Rc::clone(&count);
    trace::ready(move || counts.set(counts.get() + 1))();
    assert_eq!(count.get(), 1);
    trace::left_behind(&()).call().finished();
    drop(trace::queued(&()));

    let ((), recording) = trace::record(|| {
        assert!(trace::is_on());
        // Who was there before is nobody here.
        trace::woken(id);
        trace::woken_here(id);
        trace::waits_for(id);
        trace::resumed(id).suspended();
        trace::resumed(id).finished();
        trace::resumed(id).cancelled();
        drop(trace::resumed(id));
    });
    assert!(!trace::is_on());
    assert!(recording.events.is_empty() && recording.subjects.is_empty());
}

#[test]
fn a_recording_that_panics_is_over_and_the_next_is_a_new_one() {
    let body = || {
        trace::record(|| {
            task();
            panic!("as planned")
        })
    };
    assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
    assert!(!trace::is_on());
    let ((), recording) = trace::record(|| assert_ne!(task(), Id::default()));
    assert_eq!(recording.subjects.len(), 1);
    assert_eq!(recording.subjects[0].id.number(), 1);
}

#[test]
#[should_panic(expected = "a recording is under way on this thread already")]
fn two_recordings_at_once_are_a_mistake() {
    trace::record(|| trace::record(|| ()));
}

#[test]
fn a_subject_has_a_kind_a_name_a_parent_and_the_line_that_made_it() {
    let mut line = 0;
    let recording = story(|_| {
        let parent = trace::created(Kind::Generator, type_name_of_val(&|| ()));
        let running = trace::resumed(parent);
        line = line!() + 1;
        let child = trace::created(Kind::Greenlet, "alloc::boxed::Box<dyn Fn()>");
        running.finished();
        assert_eq!((parent.number(), child.number()), (1, 2));
    });
    let [parent, child] = &recording.subjects[..] else { panic!("they are two") };
    assert_eq!((parent.kind, child.kind), (Kind::Generator, Kind::Greenlet));
    let here = "a_subject_has_a_kind_a_name_a_parent_and_the_line_that_made_it";
    assert_eq!((parent.name.as_deref(), child.name.as_deref()), (Some(here), None));
    assert_eq!((parent.parent, child.parent), (Id::default(), parent.id));
    let place = child.place.unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line));
    let (one, two) = (parent.id, child.id);
    assert_eq!(
        whats(&recording),
        [
            What::Created(one, Thing::Loop),
            What::Resumed(one),
            What::Created(two, Thing::Subject(one)),
            What::Finished(one),
        ]
    );
    assert_eq!(recording.events[2].place, Some(place));
}

#[test]
fn turns_are_counted_and_end_where_they_are_dropped() {
    let recording = story(|_| {
        let first = trace::turn();
        let id = task();
        drop(first);
        let _second = trace::turn();
        trace::woken(id);
    });
    let id = recording.subjects[0].id;
    assert_eq!(
        whats(&recording),
        [
            What::TurnBegan(1),
            What::Created(id, Thing::Loop),
            What::TurnEnded(0),
            What::TurnBegan(2),
            What::Woken(id, Thing::Loop),
            What::TurnEnded(1),
        ]
    );
}

/// What becomes of somebody whose turn ends like that, and who it was.
fn end_of(end: impl FnOnce(trace::Running)) -> (What, Id) {
    let recording = story(|_| end(trace::resumed(task())));
    let [created, resumed, what] = whats(&recording)[..] else { panic!("{recording:?}") };
    let id = recording.subjects[0].id;
    assert_eq!([created, resumed], [What::Created(id, Thing::Loop), What::Resumed(id)]);
    (what, id)
}

#[test]
fn whoever_goes_on_waits_or_ends_and_is_told_as_it_ended() {
    let (what, id) = end_of(trace::Running::suspended);
    let (waits, finished) = (What::Suspended(id, None, 0), What::Finished(id));
    assert_eq!(what, waits);
    assert_eq!(end_of(|it| it.stopped(false)).0, waits);
    assert_eq!(end_of(|it| it.stopped(true)).0, finished);
    assert_eq!(end_of(trace::Running::finished).0, finished);
    assert_eq!(end_of(trace::Running::cancelled).0, What::Cancelled(id));
}

/// A stage need not say it at the end: it was said before, or it goes without saying.
#[test]
fn an_end_that_was_announced_or_that_nobody_told_is_told_as_what_it_was() {
    let (what, id) = end_of(drop);
    assert_eq!(what, What::Finished(id));
    let unwinds = |it: trace::Running| {
        let unwind = move || {
            let _it = it;
            panic!("as planned")
        };
        catch_unwind(AssertUnwindSafe(unwind)).unwrap_err();
    };
    assert_eq!(end_of(unwinds).0, What::Panicked(id));
    let caught = |it: trace::Running| {
        trace::panicked();
        it.finished();
    };
    assert_eq!(end_of(caught).0, What::Panicked(id));
    let cancelled = |it: trace::Running| {
        trace::cancelled();
        it.finished();
    };
    assert_eq!(end_of(cancelled).0, What::Cancelled(id));
    let waits_all_the_same = |it: trace::Running| {
        trace::cancelled();
        it.suspended();
    };
    assert_eq!(end_of(waits_all_the_same).0, What::Suspended(id, None, 0));
}

/// A destructor runs somebody while a panic of another is under way.
#[test]
fn who_finishes_while_another_panics_has_finished() {
    struct Cleans(Id);
    impl Drop for Cleans {
        fn drop(&mut self) {
            trace::resumed(self.0).finished();
        }
    }
    let recording = story(|_| {
        let cleans = Cleans(task());
        let panics = AssertUnwindSafe(move || {
            let _cleans = cleans;
            panic!("as planned")
        });
        catch_unwind(panics).unwrap_err();
    });
    let id = recording.subjects[0].id;
    assert_eq!(whats(&recording)[1..], [What::Resumed(id), What::Finished(id)]);
}

/// A callback drives a generator: the inner one runs, and the outer one goes on afterwards.
#[test]
fn whoever_is_driven_runs_inside_and_what_happens_there_is_by_that_one() {
    let recording = story(|_| {
        let (outer, inner, other) = (task(), task(), task());
        let outside = trace::resumed(outer);
        let inside = trace::resumed(inner);
        trace::woken(other);
        trace::panicked();
        inside.finished();
        trace::woken(inner);
        outside.suspended();
    });
    let [outer, inner, other] = [0, 1, 2].map(|n| recording.subjects[n].id);
    assert_eq!(
        whats(&recording)[3..],
        [
            What::Resumed(outer),
            What::Resumed(inner),
            What::Woken(other, Thing::Subject(inner)),
            What::Panicked(inner),
            What::Woken(inner, Thing::Subject(outer)),
            What::Suspended(outer, None, 0),
        ]
    );
}

#[test]
fn who_is_awake_is_not_woken_again_until_it_has_run_or_ended() {
    let recording = story(|_| {
        let id = task();
        trace::woken(id);
        trace::woken(id);
        trace::woken_here(id);
        trace::resumed(id).suspended();
        trace::woken(id);
        trace::resumed(id).finished();
        trace::woken(id);
    });
    let id = recording.subjects[0].id;
    let woken = What::Woken(id, Thing::Loop);
    assert_eq!(
        whats(&recording)[1..],
        [
            woken,
            What::Resumed(id),
            What::Suspended(id, None, 0),
            woken,
            What::Resumed(id),
            What::Finished(id),
            woken,
        ]
    );
}

/// The loop resumes nobody unasked; whoever drives somebody, or begins it outside of a turn,
/// needs nobody else.
#[test]
fn who_is_resumed_in_a_turn_and_was_not_woken_was_woken_from_outside() {
    let recording = story(|_| {
        let (one, two) = (task(), task());
        trace::resumed(one).suspended();
        let turn = trace::turn();
        let running = trace::resumed(one);
        trace::resumed(two).suspended();
        running.suspended();
        drop(turn);
        trace::resumed(one).finished();
    });
    let woken: Vec<_> = whats(&recording)
        .into_iter()
        .filter(|it| matches!(it, What::Woken(..)))
        .collect();
    assert_eq!(woken, [What::Woken(recording.subjects[0].id, Thing::Foreign)]);
    let turn = whats(&recording).iter().position(|it| *it == What::TurnBegan(1)).unwrap();
    assert_eq!(whats(&recording)[turn + 1], woken[0]);
}

#[test]
fn a_wait_says_on_what_and_how_many_calls_deep() {
    let recording = story(|_| {
        let (waits, other) = (task(), task());
        let running = trace::resumed(waits);
        let first = trace::deeper();
        let second = trace::deeper();
        trace::waits_for(other);
        drop(second);
        drop(first);
        // At the most: these are two, one after the other.
        let _third = trace::deeper();
        running.suspended();
        // It begins anew.
        let running = trace::resumed(waits);
        let _first = trace::deeper();
        running.suspended();
    });
    let [waits, other] = [0, 1].map(|n| recording.subjects[n].id);
    let told = whats(&recording);
    assert_eq!(told[3], What::Suspended(waits, Some(Thing::Subject(other)), 2));
    assert_eq!(told[5], What::Suspended(waits, None, 1));
}

#[test]
fn a_timer_is_told_with_who_waits_until_when_and_how_that_ended() {
    let recording = story(|reactor| {
        let start = reactor.now();
        reactor.wait_until(start + ms(1), "the loop's");
        let id = task();
        let running = trace::resumed(id);
        reactor.wait_until(start + ms(5), "fires");
        let cancelled = reactor.wait_until(start + ms(9), "cancelled");
        let never = reactor.wait_until(None, "never");
        running.suspended();
        assert_eq!(select(reactor), ["the loop's"]);
        assert_eq!(select(reactor), ["fires"]);
        assert_eq!(reactor.cancel(cancelled), Some("cancelled"));
        assert_eq!(reactor.cancel(cancelled), None);
        assert_eq!(reactor.cancel(never), Some("never"));
    });
    let (id, timer) = (recording.subjects[0].id, Thing::Timer);
    let nobody = Id::default();
    assert_eq!(
        whats(&recording),
        [
            What::TimerSet(nobody, timer(1), Some(ms(1))),
            What::Created(id, Thing::Loop),
            What::Resumed(id),
            What::TimerSet(id, timer(2), Some(ms(5))),
            What::TimerSet(id, timer(3), Some(ms(9))),
            What::TimerSet(id, timer(4), None),
            What::Suspended(id, Some(timer(4)), 0),
            What::TimerFired(nobody, timer(1)),
            What::TimerFired(id, timer(2)),
            What::TimerCancelled(id, timer(3)),
            What::TimerCancelled(id, timer(4)),
        ]
    );
    let at: Vec<_> = recording.events.iter().map(|event| event.at).collect();
    assert_eq!(at[6..], [ms(0), ms(1), ms(5), ms(5), ms(5)]);
}

/// What a reactor hands back makes a callback or a greenlet ready; a task will say so itself,
/// and then it is known thanks to what.
#[test]
fn who_is_handed_back_is_woken_by_what_it_waited_for() {
    let recording = story(|reactor| {
        let subjects = [Kind::Greenlet, Kind::Task, Kind::Generator]
            .map(|kind| trace::created(kind, "app::count::{{closure}}"));
        for (n, id) in (1..).zip(subjects) {
            let running = trace::resumed(id);
            reactor.wait_until(reactor.now() + ms(n), "timer");
            running.suspended();
        }
        reactor.wait_until(reactor.now() + ms(3), "the loop's");
        let mut turns = Turns::default();
        while reactor.timers() > 0 {
            turns.one_more();
            select(reactor);
        }
        for id in subjects {
            trace::handed_back();
            trace::woken(id);
        }
        // Whose turn it is outside of the turn is nobody's any more.
        let _turn = trace::turn();
        trace::resumed(subjects[1]).suspended();
        trace::woken(subjects[1]);
        trace::handed_back();
    });
    let [greenlet, task, generator] = [0, 1, 2].map(|n| recording.subjects[n].id);
    let woken: Vec<_> = whats(&recording)
        .into_iter()
        .filter(|it| matches!(it, What::Woken(..)))
        .collect();
    assert_eq!(
        woken,
        [
            What::Woken(greenlet, Thing::Timer(1)), // when it fired, and not once more
            What::Woken(task, Thing::Timer(2)),
            What::Woken(generator, Thing::Timer(3)),
            What::Woken(task, Thing::Loop),
        ]
    );
}

struct Greets;

impl Peer for Greets {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        if event == Event::Connected {
            link.after(ms(50), 0);
        } else if event == Event::Timer(0) {
            link.send(b"hello");
        }
    }
}

/// A stream to the one who greets, and what that tells of sockets and waits.
fn story_of_sockets(
    body: impl FnOnce(&Reactor<&'static str>, &TcpStream<&'static str>),
) -> (Vec<What>, Vec<Id>) {
    let ((), recording) = trace::record(|| {
        let sim = Sim::new(1, Weather::calm());
        sim.serve(SERVER.into(), || Box::new(Greets));
        let reactor = Reactor::with_backend(sim);
        let stream = reactor.connect(SocketAddr::from(SERVER)).unwrap();
        body(&reactor, &stream);
    });
    let is_of_sockets = |what: &What| {
        let of_timers = matches!(what, What::TimerSet(..) | What::TimerCancelled(..));
        !of_timers && !matches!(what, What::Created(..) | What::Resumed(_))
    };
    let told = whats(&recording).into_iter().filter(is_of_sockets).collect();
    (told, recording.subjects.iter().map(|it| it.id).collect())
}

const READ: Thing = Thing::Socket(1, Direction::Read);
const WRITE: Thing = Thing::Socket(1, Direction::Write);

#[test]
fn a_socket_is_told_with_who_waits_if_anybody_does() {
    let (told, ids) = story_of_sockets(|reactor, stream| {
        let running = trace::resumed(task());
        stream.connected().unwrap_err();
        let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
        running.suspended();
        assert_eq!(select(reactor), ["w"]);
        assert_eq!(stream.read(&mut [0; 3]).unwrap_err().kind(), ErrorKind::WouldBlock);
        assert_eq!(select(reactor), [""; 0]);
        // It is still ready, and the loop waits for it.
        assert_eq!(stream.read(&mut [0; 3]).unwrap(), 3);
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        assert_eq!(select(reactor), ["r"]);
    });
    assert_eq!(
        told,
        [
            What::SocketParked(ids[0], WRITE),
            What::Suspended(ids[0], Some(WRITE), 0),
            What::SocketReady(Some(ids[0]), WRITE),
            What::SocketReady(None, READ),
            What::SocketParked(Id::default(), READ),
            What::SocketReady(Some(Id::default()), READ),
        ]
    );
}

/// A timer beside a socket is there for a timeout: it is the socket that one waits for, and the
/// last of the sockets.
#[test]
fn who_waits_for_a_socket_and_for_the_clock_waits_for_the_socket() {
    let (told, ids) = story_of_sockets(|reactor, stream| {
        let late = reactor.now() + ms(500);
        stream.connected().unwrap_err();
        stream.read(&mut [0]).unwrap_err();
        let before = trace::resumed(task());
        let timer = reactor.wait_until(late, "timer");
        let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
        before.suspended();
        reactor.cancel(timer);

        let after = trace::resumed(task());
        let _ = reactor.wait_for(stream.key(), Direction::Write, "w");
        let _ = reactor.wait_for(stream.key(), Direction::Read, "r");
        let timer = reactor.wait_until(late, "timer");
        after.suspended();
        reactor.cancel(timer);
    });
    assert_eq!(
        told,
        [
            What::SocketParked(ids[0], WRITE),
            What::Suspended(ids[0], Some(WRITE), 0),
            What::SocketParked(ids[1], WRITE),
            What::SocketParked(ids[1], READ),
            What::Suspended(ids[1], Some(READ), 0),
        ]
    );
}

/// Whoever gave up is not told as waiting; and a key of another reactor takes nobody away.
#[test]
fn a_socket_is_ready_for_who_waits_there_last_and_still_does() {
    let ((), recording) = trace::record(|| {
        let sim = Sim::new(1, Weather::calm());
        let reactor = Reactor::with_backend(Rc::clone(&sim) as Rc<dyn Backend>);
        let other = Reactor::<()>::with_backend(Sim::new(1, Weather::calm()));
        let listener = reactor.listen(SERVER.into()).unwrap();
        let alike = other.listen(SERVER.into()).unwrap();
        let wait = |name| {
            let running = trace::resumed(task());
            listener.accept().unwrap_err();
            assert_eq!(reactor.wait_for(listener.key(), Direction::Read, name), None);
            running.suspended();
        };
        wait("gives up");
        let given_up = reactor.stop_waiting(listener.key(), Direction::Read);
        assert_eq!(given_up, Some("gives up"));
        wait("stays");
        assert_eq!(other.stop_waiting(listener.key(), Direction::Read), None);
        assert_eq!(reactor.stop_waiting(alike.key(), Direction::Read), None);
        sim.connect_peer(ms(1), SERVER.into(), Box::new(Greets));
        assert_eq!(select(&reactor), ["stays"]);
        drop(listener.accept().unwrap());
        wait("to the end");
    });
    let read = Thing::Socket(1, Direction::Read);
    let ready: Vec<_> = whats(&recording)
        .into_iter()
        .filter(|it| matches!(it, What::SocketReady(_, thing) if *thing == read))
        .collect();
    assert_eq!(ready, [What::SocketReady(Some(recording.subjects[1].id), read)]);
}

#[test]
fn a_callback_waits_is_woken_runs_and_ends_or_is_never_called() {
    let ((), recording) = trace::record(|| {
        let reactor = Reactor::with_backend(Clockwork::new());
        let leave = || trace::left_behind(&task);
        reactor.wait_until(reactor.now() + ms(1), leave());
        let dropped = reactor.wait_until(reactor.now() + ms(2), leave());
        for uncalled in select(&reactor) {
            let running = uncalled.call();
            assert_ne!(task(), Id::default());
            running.finished();
        }
        drop(reactor.cancel(dropped));
    });
    let ids: Vec<_> = recording.subjects.iter().map(|it| it.id).collect();
    let [first, second, made] = ids[..] else { panic!("{ids:?}") };
    let timer = Thing::Timer;
    assert_eq!(
        whats(&recording),
        [
            What::Created(first, Thing::Loop),
            What::TimerSet(first, timer(1), Some(ms(1))),
            What::Created(second, Thing::Loop),
            What::TimerSet(second, timer(2), Some(ms(2))),
            What::TimerFired(first, timer(1)),
            What::Woken(first, timer(1)),
            What::Resumed(first),
            What::Created(made, Thing::Subject(first)),
            What::Finished(first),
            What::TimerCancelled(second, timer(2)),
            What::Cancelled(second),
        ]
    );
    assert_eq!(recording.subjects[0].kind, Kind::Callback);
}

/// It is woken by whoever makes it; a timer that is set next is not its.
#[test]
fn a_callback_that_is_ready_waits_for_nothing() {
    let recording = story(|reactor| {
        let ready = trace::ready(|| ());
        reactor.wait_until(reactor.now(), "the loop's");
        ready();
        drop(trace::ready(|| ()));
    });
    let [one, two] = [0, 1].map(|n| recording.subjects[n].id);
    assert_eq!(
        whats(&recording),
        [
            What::Created(one, Thing::Loop),
            What::Woken(one, Thing::Loop),
            What::TimerSet(Id::default(), Thing::Timer(1), Some(ms(0))),
            What::Resumed(one),
            What::Finished(one),
            What::Created(two, Thing::Loop),
            What::Woken(two, Thing::Loop),
            What::Cancelled(two),
        ]
    );
}

#[track_caller]
fn operation() -> Place {
    Place::here()
}

/// The outermost place that was entered is where things happen; otherwise it is the caller's.
#[test]
fn what_happens_is_told_at_the_line_of_whoever_entered_first() {
    assert_eq!(operation().line(), line!());
    let not_recorded = operation().enter();
    let mut lines = Vec::new();
    let recording = story(|reactor| {
        let id = task();
        lines.push(line!() - 1);
        let (outer, inner) = (operation(), operation());
        let entered = outer.enter();
        let nested = inner.enter();
        assert_eq!(operation(), outer);
        trace::woken_here(id);
        lines.push(outer.line());
        drop(nested);
        let running = trace::resumed(id);
        lines.push(outer.line());
        reactor.wait_until(reactor.now(), "timer");
        lines.push(outer.line());
        drop(entered);
        assert_eq!(operation().line(), line!());
        running.suspended();
        lines.push(outer.line());
        trace::woken_here(id);
        lines.push(line!() - 1);
    });
    drop(not_recorded);
    let told: Vec<_> =
        recording.events.iter().map(|event| event.place.unwrap().line()).collect();
    assert_eq!(told, lines);
}

/// A wait may say its line itself; and a wake through the one door is told at the caller's.
#[test]
fn a_wait_says_its_line_and_a_wake_its_callers() {
    struct Wakes(Id);
    impl std::task::Wake for Wakes {
        fn wake(self: std::sync::Arc<Self>) {
            trace::woken(self.0);
        }
    }
    let mut lines = (0, 0);
    let recording = story(|_| {
        let id = task();
        let running = trace::resumed(id);
        let place = operation();
        trace::waits_at(place);
        running.suspended();
        reactor::wake(std::sync::Arc::new(Wakes(id)).into());
        lines = (place.line(), line!() - 1);
        trace::resumed(id).suspended();
    });
    let of = |n: usize| recording.events[n].place.map(Place::line);
    assert_eq!((of(2), of(3), of(4)), (Some(lines.0), Some(lines.1), None));
    assert_eq!(of(5), None, "it has not said where it waits this time");
}

/// The clock is that of the first reactor of the recording, and begins with it.
#[test]
fn the_time_is_that_of_the_first_reactor() {
    let clock = Clockwork::new();
    clock.wait(Some(ms(7)), &mut Vec::new()).unwrap();
    let ((), recording) = trace::record(|| {
        task();
        let first = Reactor::<()>::with_backend(Rc::clone(&clock) as Rc<dyn Backend>);
        let second = Reactor::<()>::with_backend(Clockwork::new());
        second.wait_until(second.now() + ms(100), ());
        select(&second);
        task();
        first.select(Some(ms(3)), &mut Vec::new()).unwrap();
        task();
    });
    let made: Vec<_> = recording
        .events
        .iter()
        .filter(|event| matches!(event.what, What::Created(..)))
        .map(|event| event.at)
        .collect();
    assert_eq!(made, [ms(0), ms(0), ms(3)]);
}

/// A clock that tells, whenever it is asked, that somebody was made.
#[derive(Debug)]
struct Talks(Rc<Clockwork>);

impl Backend for Talks {
    fn now(&self) -> Instant {
        let _nobody = task();
        self.0.now()
    }

    fn listen(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        self.0.listen(token, address)
    }

    fn connect(&self, token: Token, address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        self.0.connect(token, address)
    }

    fn arm(&self, token: Token, direction: Direction) {
        self.0.arm(token, direction);
    }

    fn wait(&self, timeout: Option<Duration>, events: &mut Vec<Ready>) -> io::Result<()> {
        self.0.wait(timeout, events)
    }

    fn waker(&self) -> Waker {
        self.0.waker()
    }
}

/// The recorder asks it, and so what it tells then is nothing that happened.
#[test]
fn a_clock_may_tell_something_itself_and_is_not_recorded_when_the_recorder_asks() {
    let ((), recording) = trace::record(|| {
        let talks = Rc::new(Talks(Clockwork::new()));
        let reactor = Reactor::<()>::with_backend(Rc::clone(&talks) as Rc<dyn Backend>);
        trace::note("before", 1);
        trace::resumed(task()).finished();
        let _told = talks.now();
        drop(reactor);
        trace::said("after".to_owned());
    });
    let created = |what: &What| matches!(what, What::Created(..));
    assert_eq!(whats(&recording).iter().filter(|it| created(it)).count(), 2);
    assert_eq!(recording.events.len(), 6, "{:?}", recording.events);
}

/// The innermost of those who run; the loop, if nobody does, which keeps its own name.
#[test]
fn what_the_program_says_is_told_of_whoever_runs() {
    let line = Cell::new(0);
    let ((), recording) = trace::record(|| {
        trace::name("nobody");
        trace::note("started", true);
        let outer = trace::resumed(task());
        let inner = trace::resumed(task());
        trace::name("rocket b");
        line.set(line!() + 1);
        trace::note("left", 2);
        inner.suspended();
        assert_eq!(trace::said("b 2".to_owned()), "b 2");
        outer.finished();
    });
    let told = recording.events.iter().filter_map(|event| match event.what {
        What::Noted(id, name, text) => Some((id.number(), name, recording.text(text))),
        What::Said(id, text) => Some((id.number(), "said", recording.text(text))),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told, [(0, "started", "true"), (2, "left", "2"), (1, "said", "b 2")]);
    let names: Vec<_> =
        recording.subjects.iter().map(|it| it.called.as_deref()).collect();
    assert_eq!(names, [None, Some("rocket b")]);
    let noted = recording.events.iter().filter(|it| matches!(it.what, What::Noted(..)));
    let place = noted.filter_map(|it| it.place).next_back().unwrap();
    assert_eq!((place.file(), place.line()), (file!(), line.get()));
}

/// Not even what is said is looked at.
#[test]
fn what_the_program_says_is_not_written_out_while_nobody_records() {
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("somebody looks")
        }
    }
    trace::name(Loud);
    trace::note("left", Loud);
    assert_eq!(trace::said("a 2".to_owned()), "a 2");
}

/// When it is written out, and when it is dropped. What it tells then comes first.
#[test]
fn a_value_that_is_told_may_tell_something_itself() {
    struct Wordy;
    impl std::fmt::Display for Wordy {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            trace::note("asked", "how it looks");
            f.write_str("wordy")
        }
    }
    impl Drop for Wordy {
        fn drop(&mut self) {
            trace::said("gone".to_owned());
        }
    }
    let ((), recording) = trace::record(|| {
        let running = trace::resumed(task());
        trace::name(Wordy);
        trace::note("value", Wordy);
        running.finished();
    });
    assert_eq!(recording.subjects[0].called.as_deref(), Some("wordy"));
    let told = recording.events.iter().filter_map(|event| match event.what {
        What::Noted(_, name, text) => Some((name, recording.text(text))),
        What::Said(_, text) => Some(("said", recording.text(text))),
        _ => None,
    });
    let of_one = [("asked", "how it looks"), ("said", "gone")];
    let told: Vec<_> = told.collect();
    assert_eq!(told, [&of_one[..], &of_one, &[("value", "wordy")]].concat());
}

#[test]
fn every_socket_has_a_number_of_its_own() {
    let ((), recording) = trace::record(|| {
        let reactor = Reactor::with_backend(Sim::new(1, Weather::calm()));
        let listeners = [80, 81]
            .map(|port| reactor.listen(SocketAddr::from((SERVER.0, port))).unwrap());
        for listener in &listeners {
            assert_eq!(reactor.wait_for(listener.key(), Direction::Read, "r"), None);
        }
    });
    let parked = |n| What::SocketParked(Id::default(), Thing::Socket(n, Direction::Read));
    assert_eq!(whats(&recording), [parked(1), parked(2)]);
}

/// Whether one gives the waker away or keeps it.
#[test]
fn whoever_comes_through_the_door_wakes() {
    struct Counts(AtomicUsize);

    impl Wake for Counts {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    let counts = Arc::new(Counts(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&counts));
    reactor::wake_by_ref(&waker);
    reactor::wake(waker);
    assert_eq!(counts.0.load(Ordering::Relaxed), 2);
}
