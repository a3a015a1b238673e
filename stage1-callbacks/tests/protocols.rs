//! Protocols and their transports, over real sockets and over invented ones. Each answer is
//! Twisted's, but for those that say otherwise.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use stage1_callbacks::extras::connector::{Connector, State, UserError, connect_tcp};
use stage1_callbacks::extras::listening::{ListeningPort, listen_tcp};
use stage1_callbacks::extras::protocol::{
    ClientFactory, ConnectionAborted, ConnectionDone, ConnectionLost, Factory, Protocol,
};
use stage1_callbacks::extras::transport::{Producer, Transport};
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::time::Elapsed;
use stage1_callbacks::{call_later, call_soon, run, stop};

const LONG: Duration = Duration::from_secs(30);

type Log = Rc<RefCell<Vec<String>>>;

/// Runs over sockets of either kind, and not for ever; `true`: invented ones. What goes wrong
/// in a call is reported, and ends the connection: nearly no test wants that.
fn world(invented: bool, main: impl FnOnce(SocketAddr)) {
    assert_eq!(reports_of(invented, main), [""; 0]);
}

/// The same; gives what was reported.
fn reports_of(invented: bool, main: impl FnOnce(SocketAddr)) -> Vec<String> {
    let reported = Log::default();
    let hook = Rc::clone(&reported);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let limited = |address: SocketAddr| {
        run(|| {
            call_later(2 * LONG, stop); // in vain, which shows
            main(address);
            Ok(())
        })
        .unwrap();
    };
    if invented {
        let sim = Sim::new(3, Weather::calm());
        backend::scope(Rc::clone(&sim) as _, || limited(([10, 0, 0, 1], 7).into()));
        assert_eq!(sim.open_sockets(), 0);
    } else {
        limited(([127, 0, 0, 1], 0).into());
    }
    reported.take()
}

type Made = Box<dyn FnMut(&Transport)>;
type Received = Box<dyn FnMut(&Transport, &[u8])>;

/// Writes down what it is told, and does what it was made for.
struct Told {
    name: &'static str,
    log: Log,
    transport: Option<Transport>,
    made: Made,
    received: Received,
    read_lost: fn(&Transport),
    is_half_closeable: bool,
}

impl Told {
    fn new(name: &'static str, log: &Log) -> Self {
        Self {
            name,
            log: Rc::clone(log),
            transport: None,
            made: Box::new(|_| ()),
            received: Box::new(|_, _| ()),
            read_lost: |transport| {
                transport.write("farewell");
                transport.lose_connection();
            },
            is_half_closeable: false,
        }
    }

    fn made(mut self, made: impl FnMut(&Transport) + 'static) -> Self {
        self.made = Box::new(made);
        self
    }

    fn received(mut self, received: impl FnMut(&Transport, &[u8]) + 'static) -> Self {
        self.received = Box::new(received);
        self
    }

    fn half_closeable(mut self) -> Self {
        self.is_half_closeable = true;
        self
    }

    fn say(&self, what: &str) {
        self.log.borrow_mut().push(format!("{} {what}", self.name));
    }
}

impl Protocol for Told {
    fn connection_made(&mut self, transport: &Transport) {
        self.say("made");
        self.transport = Some(transport.clone());
        (self.made)(transport);
    }

    fn data_received(&mut self, data: &[u8]) {
        (self.received)(self.transport.as_ref().unwrap(), data);
    }

    fn connection_lost(&mut self, reason: Failure) {
        assert!(!self.transport.as_ref().unwrap().connected());
        self.say(&format!("lost: {}", kind(&reason)));
    }

    fn is_half_closeable(&self) -> bool {
        self.is_half_closeable
    }

    fn read_connection_lost(&mut self) {
        self.say("read lost");
        (self.read_lost)(self.transport.as_ref().unwrap());
    }

    fn write_connection_lost(&mut self) {
        self.say("write lost");
    }
}

fn kind(reason: &Failure) -> String {
    if reason.is::<ConnectionDone>() {
        "done".to_owned()
    } else if reason.is::<ConnectionAborted>() {
        "aborted".to_owned()
    } else if let Some(ConnectionLost(error)) = reason.get() {
        format!("broken ({:?})", error.as_ref().map(io::Error::kind))
    } else {
        reason.to_string()
    }
}

/// Makes that protocol, once.
fn once(protocol: Told) -> impl FnMut(SocketAddr) -> Option<Box<dyn Protocol>> {
    let mut protocol = Some(Box::new(protocol) as Box<dyn Protocol>);
    move |_| protocol.take()
}

/// Two who talk, until both have lost their connection and the port is closed.
fn talk(invented: bool, log: &Log, server: Told, client: Told) {
    world(invented, talking(log, server, client));
}

fn talking(log: &Log, server: Told, client: Told) -> impl FnOnce(SocketAddr) + use<> {
    let log = Rc::clone(log);
    move |address| {
        let port = listen_tcp(address, once(server)).unwrap();
        drop(connect_tcp(port.get_host(), once(client), LONG));
        end_when(move || {
            log.borrow().iter().filter(|it| it.contains(" lost: ")).count() == 2
        });
    }
}

/// Looks at it every so often.
fn end_when(is_over: impl Fn() -> bool + 'static) {
    call_later(Duration::from_millis(1), move || {
        if is_over() { stop() } else { end_when(is_over) }
    });
}

fn sorted(log: &Log) -> Vec<String> {
    let mut said = log.take();
    said.sort();
    said
}

/// M1.60: over real sockets, too.
#[test]
fn a_protocol_is_told_of_its_connection_and_once_of_the_end() {
    for invented in [true, false] {
        let (log, heard) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
        let all = Rc::clone(&heard);
        let server = Told::new("server", &log).received(|transport, data| {
            transport.write_sequence([data, b", and ", data]);
            transport.lose_connection();
            transport.lose_connection(); // which is one too many
        });
        let client = Told::new("client", &log)
            .made(|transport| transport.write("hello"))
            .received(move |_, data| all.borrow_mut().extend_from_slice(data));
        talk(invented, &log, server, client);
        assert_eq!(heard.take(), b"hello, and hello");
        let said =
            ["client lost: done", "client made", "server lost: done", "server made"];
        assert_eq!(sorted(&log), said);
    }
}

/// M1.61: two megabytes, which no socket takes at once.
#[test]
fn lose_connection_sends_what_is_written_first() {
    for invented in [true, false] {
        let (log, count) = (Log::default(), Rc::new(Cell::new(0)));
        let counted = Rc::clone(&count);
        let server = Told::new("server", &log).made(|transport| {
            (0..200).for_each(|_| transport.write(vec![b'x'; 10_000]));
            transport.lose_connection();
            assert!(transport.disconnecting() && transport.connected());
            transport.write("y"); // still in time
        });
        let client = Told::new("client", &log)
            .received(move |_, data| counted.set(counted.get() + data.len()));
        talk(invented, &log, server, client);
        assert_eq!(count.get(), 2_000_001);
    }
}

/// What is queued behind a write is sent by the next one, if that is not too much for one.
#[test]
fn many_small_writes_are_joined_and_large_ones_are_not() {
    let reads_of = |pieces: &'static [usize]| {
        let (log, reads) = (Log::default(), Rc::<RefCell<Vec<usize>>>::default());
        let heard = Rc::clone(&reads);
        let server = Told::new("server", &log).made(move |transport| {
            pieces.iter().for_each(|size| transport.write(vec![b'x'; *size]));
            transport.lose_connection();
        });
        let client = Told::new("client", &log)
            .received(move |_, data| heard.borrow_mut().push(data.len()));
        talk(true, &log, server, client);
        reads.take()
    };
    assert_eq!(reads_of(&[1, 300, 1000, 1000]), [1, 2300]);
}

/// M1.62
#[test]
fn abort_connection_sends_nothing_more_and_says_so() {
    let (log, count) = (Log::default(), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&count);
    let server = Told::new("server", &log).made(|transport| {
        transport.write(vec![b'x'; 2_000_000]);
        transport.abort_connection();
        transport.write("too late");
        assert_eq!(transport.unsent(), 0);
    });
    let client = Told::new("client", &log)
        .received(move |_, data| counted.set(counted.get() + data.len()));
    talk(true, &log, server, client);
    assert!(log.borrow().contains(&"server lost: aborted".to_owned()));
    assert_eq!(count.get(), 0);
}

#[test]
fn whoever_has_a_connection_is_shown_with_both_ends() {
    world(true, |address| {
        let port =
            listen_tcp(address, once(Told::new("server", &Log::default()))).unwrap();
        assert_eq!(format!("{port:?}"), "ListeningPort(10.0.0.1:7)");
        let client = Told::new("client", &Log::default()).made(|transport| {
            let shown = "Transport { peer: 10.0.0.1:7, connected: true }";
            assert_eq!(format!("{transport:?}"), shown);
            assert_eq!(transport.get_peer(), SocketAddr::from(([10, 0, 0, 1], 7)));
            let host = transport.get_host().unwrap();
            assert_ne!(host, transport.get_peer());
            stop();
        });
        let connector = connect_tcp(address, once(client), LONG);
        let shown = "Connector { destination: 10.0.0.1:7, state: Connecting }";
        assert_eq!(format!("{connector:?}"), shown);
    });
}

#[test]
fn each_way_to_lose_a_connection_has_its_words() {
    let reset = io::Error::from(ErrorKind::ConnectionReset);
    let words = format!("the connection broke: {reset}");
    for (reason, said) in [
        (Failure::from(ConnectionDone), "the connection was closed cleanly"),
        (ConnectionAborted.into(), "the connection was broken off"),
        (ConnectionLost(None).into(), "the loop of the connection has ended"),
        (ConnectionLost(Some(reset)).into(), &*words),
        (UserError.into(), "somebody stopped connecting"),
    ] {
        assert_eq!(reason.to_string(), said);
        assert_eq!(reason.source().is_some(), said == words);
    }
}

/// Who is at the other end of an invented connection: after a while it does one thing.
struct Other(fn(&mut Link<'_>));

impl Peer for Other {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match event {
            Event::Connected => link.after(Duration::from_millis(5), 0),
            Event::Timer(_) => (self.0)(link),
            _ => {}
        }
    }
}

/// What a protocol hears that connects to such a one.
fn connect_to(other: fn(&mut Link<'_>), log: &Log, client: Told) {
    let address = SocketAddr::from(([10, 0, 0, 2], 7));
    let sim = Sim::new(5, Weather::calm());
    sim.serve(address, move || Box::new(Other(other)));
    let log = Rc::clone(log);
    backend::scope(Rc::clone(&sim) as _, || {
        run(move || {
            call_later(2 * LONG, stop); // in vain, which shows
            drop(connect_tcp(address, once(client), LONG));
            end_when(move || log.borrow().iter().any(|it| it.contains(" lost: ")));
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(sim.open_sockets(), 0);
}

/// M1.63
#[test]
fn a_connection_that_breaks_is_lost_with_the_error() {
    let log = Log::default();
    connect_to(
        |link| {
            link.reset();
        },
        &log,
        Told::new("client", &log),
    );
    assert_eq!(
        *log.borrow(),
        ["client made", "client lost: broken (Some(ConnectionReset))"]
    );
}

/// M1.64: the one that is half-closeable hears of each half, and closes by itself.
#[test]
fn half_of_a_connection_can_be_closed() {
    for invented in [true, false] {
        let (log, heard) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
        let all = Rc::clone(&heard);
        let server = Told::new("server", &log).half_closeable();
        let client = Told::new("client", &log)
            .half_closeable()
            .made(|transport| {
                transport.write("that is all");
                transport.lose_write_connection();
            })
            .received(move |transport, data| {
                transport.write("ignored");
                all.borrow_mut().extend_from_slice(data);
            });
        talk(invented, &log, server, client);
        assert_eq!(heard.take(), b"farewell");
        let said = [
            "client lost: done",
            "client made",
            "client write lost",
            "server lost: done",
            "server made",
            "server read lost",
        ];
        assert_eq!(sorted(&log), said);
    }
}

/// M1.64: nothing is written before. The one that is not half-closeable hears nothing of it,
/// and the other's second half is the end.
#[test]
fn both_halves_of_a_connection_can_be_closed_one_after_the_other() {
    for invented in [true, false] {
        let log = Log::default();
        let mut server = Told::new("server", &log).half_closeable();
        server.read_lost = Transport::lose_write_connection;
        let client = Told::new("client", &log).made(Transport::lose_write_connection);
        talk(invented, &log, server, client);
        let said = [
            "client lost: done",
            "client made",
            "server lost: done",
            "server made",
            "server read lost",
        ];
        assert_eq!(sorted(&log), said);
    }
}

/// M1.65
#[test]
fn a_factory_that_gives_no_protocol_refuses() {
    let log = Log::default();
    let client = Told::new("client", &log);
    let heard = Rc::clone(&log);
    world(true, move |address| {
        listen_tcp(address, |_| None).unwrap();
        connect_tcp(address, once(client), LONG);
        end_when(move || heard.borrow().len() == 2);
    });
    assert_eq!(*log.borrow(), ["client made", "client lost: done"]);
}

#[test]
fn a_call_that_panics_is_reported_and_ends_the_connection() {
    let log = Log::default();
    let server = Told::new("server", &log).received(|_, _| panic!("no such command"));
    let client = Told::new("client", &log).made(|transport| transport.write("x"));
    let reported = reports_of(true, talking(&log, server, client));
    assert_eq!(reported, ["Unhandled error in a protocol: panicked: no such command"]);
    assert!(log.borrow().contains(&"server lost: panicked: no such command".to_owned()));
}

/// M1.66: Twisted's reactor says so, too, when it stops.
#[test]
fn a_loop_that_ends_takes_its_connections_with_it() {
    let log = Log::default();
    let server = Told::new("server", &log);
    let client = Told::new("client", &log).made(|_| stop());
    let heard = Rc::clone(&log);
    world(true, move |address| {
        listen_tcp(address, once(server)).unwrap();
        connect_tcp(address, once(client), LONG);
        drop(heard);
    });
    let lost = log.borrow().iter().filter(|it| it.contains("lost")).count();
    let made = log.borrow().iter().filter(|it| it.contains("made")).count();
    assert_eq!((lost, made > 0), (made, true), "{log:?}");
    assert!(log.borrow().contains(&"client lost: broken (None)".to_owned()));
}

/// Sends so many pieces, and notes each time that it is told something.
struct Source {
    transport: Transport,
    log: Log,
    left: Cell<u32>,
    is_pulled: bool,
    is_paused: Cell<bool>,
    peak: Rc<Cell<usize>>,
}

impl Source {
    fn piece(&self) -> bool {
        let Some(left) = self.left.get().checked_sub(1) else { return false };
        self.left.set(left);
        self.transport.write(vec![b'x'; 1000]);
        self.peak.set(self.peak.get().max(self.transport.unsent()));
        if left == 0 {
            self.transport.unregister_producer();
        }
        left > 0
    }
}

impl Producer for Source {
    fn resume_producing(&self) {
        self.log.borrow_mut().push("source resume".to_owned());
        self.is_paused.set(false);
        while self.piece() && !self.is_pulled && !self.is_paused.get() {}
    }

    fn pause_producing(&self) {
        self.log.borrow_mut().push("source pause".to_owned());
        self.is_paused.set(true);
    }

    fn stop_producing(&self) {
        self.log.borrow_mut().push("source stop".to_owned());
    }
}

/// A server with a source, and what both were told; gives the peak of what was unsent.
fn produce(pieces: u32, is_pulled: bool, water: (usize, usize)) -> (Vec<String>, usize) {
    let (log, count, peak) = (Log::default(), Rc::new(Cell::new(0)), Rc::default());
    let (counted, heard, most) = (Rc::clone(&count), Rc::clone(&log), Rc::clone(&peak));
    let server = Told::new("server", &log).made(move |transport| {
        transport.set_water(water.0, water.1);
        let source = Rc::new(Source {
            transport: transport.clone(),
            log: Rc::clone(&heard),
            left: Cell::new(pieces),
            is_pulled,
            is_paused: Cell::new(false),
            peak: Rc::clone(&most),
        });
        if is_pulled {
            transport.register_pull_producer(source);
        } else {
            transport.register_producer(Rc::clone(&source) as _);
            while source.piece() && !source.is_paused.get() {}
        }
        transport.lose_connection(); // once the source has no more
    });
    let client = Told::new("client", &log)
        .received(move |_, data| counted.set(counted.get() + data.len()));
    talk(true, &log, server, client);
    assert_eq!(count.get(), pieces as usize * 1000, "all of it arrives");
    let told = log.take().into_iter().filter(|it| it.starts_with("source"));
    (told.collect(), peak.get())
}

/// M1.67
#[test]
fn a_producer_that_streams_is_paused_at_the_high_water_and_resumed_at_the_low() {
    let (told, peak) = produce(1000, false, (10_000, 2_000));
    assert_eq!(peak, 11_000, "more than ten thousand");
    let turns = told.len();
    assert!(turns > 100, "{turns}");
    let expected = ["source pause", "source resume"].into_iter().cycle();
    assert!(told.iter().zip(expected).all(|(it, expected)| it == expected), "{told:?}");
}

/// Measures, whenever it is resumed, how much is left that was not sent.
struct Meter {
    transport: Transport,
    left: Cell<u32>,
    is_paused: Cell<bool>,
    unsent: Rc<RefCell<Vec<usize>>>,
}

impl Producer for Meter {
    fn resume_producing(&self) {
        self.unsent.borrow_mut().push(self.transport.unsent());
        self.is_paused.set(false);
        while !self.is_paused.get() && self.left.get() > 0 {
            self.left.set(self.left.get() - 1);
            self.transport.write([b'x'; 1000]);
        }
        if self.left.get() == 0 {
            self.transport.unregister_producer();
        }
    }

    fn pause_producing(&self) {
        self.is_paused.set(true);
    }

    fn stop_producing(&self) {}
}

/// M1.67: with more than one write takes, which is 128 KiB at the most: what is left of it is
/// at each call between nothing and the low water, and the second time is not nothing.
#[test]
fn a_producer_is_resumed_as_soon_as_no_more_than_the_low_water_is_left() {
    let (log, unsent) = (Log::default(), Rc::<RefCell<Vec<usize>>>::default());
    let measured = Rc::clone(&unsent);
    let server = Told::new("server", &log).made(move |transport| {
        transport.set_water(300_000, 150_000);
        let meter = Rc::new(Meter {
            transport: transport.clone(),
            left: Cell::new(1000),
            is_paused: Cell::new(false),
            unsent: Rc::clone(&measured),
        });
        transport.register_producer(Rc::clone(&meter) as _);
        meter.resume_producing();
        transport.lose_connection();
    });
    talk(true, &log, server, Told::new("client", &log));
    let unsent = &unsent.borrow()[1..];
    assert!(unsent.iter().all(|left| (1..=150_000).contains(left)), "{unsent:?}");
    assert!(unsent.len() > 3, "{unsent:?}");
}

/// M1.68: three pieces, each when the one before is sent.
#[test]
fn a_producer_that_is_pulled_is_asked_for_each_piece() {
    let (told, peak) = produce(3, true, (10_000, 0));
    assert_eq!((told, peak), (vec!["source resume".to_owned(); 3], 1000));
}

/// M1.69: and one that comes too late is told at once.
#[test]
fn a_producer_is_told_when_nobody_takes_any_more() {
    let log = Log::default();
    let heard = Rc::clone(&log);
    let late = Rc::new(RefCell::new(None::<Transport>));
    let kept = Rc::clone(&late);
    let register = move |transport: &Transport| {
        transport.register_producer(Rc::new(Source {
            transport: transport.clone(),
            log: Rc::clone(&heard),
            left: Cell::new(1),
            is_pulled: false,
            is_paused: Cell::new(false),
            peak: Rc::default(),
        }));
    };
    let again = register.clone();
    let client = Told::new("client", &log).made(move |transport| {
        register(transport);
        kept.replace(Some(transport.clone()));
    });
    connect_to(
        |link| {
            link.close();
        },
        &log,
        client,
    );
    assert_eq!(*log.borrow(), ["client made", "source stop", "client lost: done"]);
    let late = late.take().unwrap();
    again(&late);
    late.write("into the void");
    assert_eq!(log.borrow().last().unwrap(), "source stop");
    assert_eq!((late.unsent(), late.connected()), (0, false));
}

/// A transport is a producer for another one: whoever sends here is closed when nobody takes it
/// there any more.
#[test]
fn a_connection_that_produces_for_one_that_is_lost_is_closed() {
    let log = Log::default();
    let (heard, over) = (Rc::clone(&log), Rc::clone(&log));
    world(true, move |address| {
        let first = Rc::new(RefCell::new(None::<Transport>));
        let port = listen_tcp(address, move |_| {
            let first = Rc::clone(&first);
            let server = Told::new("server", &heard).made(move |transport| {
                if let Some(taker) = first.replace(Some(transport.clone())) {
                    taker.register_producer(Rc::new(transport.clone()));
                    taker.abort_connection();
                }
            });
            Some(Box::new(server) as _)
        });
        for _ in 0..2 {
            let client = Told::new("client", &Log::default());
            connect_tcp(port.as_ref().unwrap().get_host(), once(client), LONG);
        }
        end_when(move || over.borrow().len() == 4);
    });
    let said =
        ["server made", "server made", "server lost: aborted", "server lost: done"];
    assert_eq!(*log.borrow(), said);
}

/// To resume one that is not paused, or reads no more, changes nothing.
#[test]
fn a_transport_that_is_resumed_once_too_often_reads_as_before() {
    let (log, heard) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
    let all = Rc::clone(&heard);
    let server = Told::new("server", &log)
        .made(|transport| (0..3).for_each(|_| transport.resume_producing()))
        .received(move |transport, data| {
            all.borrow_mut().extend_from_slice(data);
            transport.write(vec![b'x'; 100_000]);
            transport.lose_connection();
            transport.resume_producing(); // but nothing is to come any more
        });
    let client = Told::new("client", &log)
        .made(|transport| {
            transport.write("one");
            let later = transport.clone();
            call_later(Duration::from_millis(2), move || later.write("two"));
        })
        .received(|transport, _| transport.resume_producing());
    talk(true, &log, server, client);
    assert_eq!(heard.take(), b"one");
}

/// M1.70: what comes meanwhile waits; nothing is lost. Nor does it come if it was waited for
/// when the transport was paused.
#[test]
fn a_transport_that_is_paused_reads_nothing_until_it_is_resumed() {
    for delay in [0, 10].map(Duration::from_millis) {
        let (log, address) = (Log::default(), SocketAddr::from(([10, 0, 0, 1], 7)));
        let heard = Rc::clone(&log);
        let server = Told::new("server", &log).made(move |transport| {
            let (paused, resumed) = (transport.clone(), transport.clone());
            let pause = move || paused.pause_producing();
            if delay.is_zero() {
                pause();
            } else {
                drop(call_later(delay, pause));
            }
            call_later(Duration::from_secs(5), move || resumed.resume_producing());
        });
        let server = server.received(move |transport, data| {
            heard.borrow_mut().push(String::from_utf8_lossy(data).into_owned());
            transport.lose_connection();
        });
        let client = Told::new("client", &log).made(move |transport| {
            let later = transport.clone();
            call_later(2 * delay, move || later.write("patience"));
        });
        let sim = Sim::new(3, Weather::calm());
        let over = Rc::clone(&log);
        backend::scope(Rc::clone(&sim) as _, || {
            run(move || {
                listen_tcp(address, once(server))?;
                connect_tcp(address, once(client), LONG);
                end_when(move || over.borrow().contains(&"patience".to_owned()));
                Ok(())
            })
            .unwrap();
        });
        assert!(sim.elapsed() >= Duration::from_secs(5), "paused after {delay:?}");
    }
}

/// Hears what becomes of each attempt, and tries again so many times.
struct Again {
    log: Log,
    times: u32,
    protocol: Option<Told>,
}

impl Again {
    fn new(log: &Log, times: u32) -> Self {
        let protocol = Some(Told::new("client", log));
        Self { log: Rc::clone(log), times, protocol }
    }

    fn again(&mut self, connector: &Connector, what: String) {
        self.log.borrow_mut().push(what);
        assert_eq!(connector.state(), State::Disconnected);
        match self.times.checked_sub(1) {
            Some(times) => {
                self.times = times;
                connector.connect();
            }
            None => call_soon(stop),
        }
    }
}

impl Factory for Again {
    fn build_protocol(&mut self, _: SocketAddr) -> Option<Box<dyn Protocol>> {
        self.protocol.take().map(|it| Box::new(it) as _)
    }
}

impl ClientFactory for Again {
    fn started_connecting(&mut self, connector: &Connector) {
        assert_eq!(connector.state(), State::Connecting);
        self.log.borrow_mut().push("started".to_owned());
    }

    fn client_connection_failed(&mut self, connector: &Connector, reason: Failure) {
        let what = match reason.get::<io::Error>() {
            Some(error) => format!("failed: {:?}", error.kind()),
            None => format!("failed: {reason}"),
        };
        self.again(connector, what);
    }

    fn client_connection_lost(&mut self, connector: &Connector, reason: Failure) {
        self.again(connector, format!("connection lost: {}", kind(&reason)));
    }
}

/// M1.71: over a real socket; nobody listens there any more.
#[test]
fn a_refused_connection_is_told_and_can_be_tried_again() {
    let log = Log::default();
    let factory = Again::new(&log, 2);
    // A port that was free a moment ago may be somebody's by now; this one is nobody's.
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    world(false, move |_| drop(connect_tcp(nobody, factory, LONG)));
    let refused = format!("failed: {:?}", ErrorKind::ConnectionRefused);
    let each = ["started", &refused];
    assert_eq!(*log.borrow(), each.repeat(3));
}

/// M1.72: and a factory with no protocol closes it. Each loss is told after the protocol has
/// heard of it.
#[test]
fn a_lost_connection_is_told_to_the_protocol_and_then_to_the_factory() {
    let log = Log::default();
    let factory = Again::new(&log, 1);
    let heard = Rc::clone(&log);
    world(true, move |address| {
        listen_tcp(address, move |_| {
            let server = Told::new("server", &heard).made(Transport::lose_connection);
            Some(Box::new(server) as Box<dyn Protocol>)
        })
        .unwrap();
        connect_tcp(address, factory, LONG);
    });
    let client = log.take().into_iter().filter(|it| !it.starts_with("server"));
    let said = [
        "started",
        "client made",
        "client lost: done",
        "connection lost: done",
        "started",
        "connection lost: done",
    ];
    assert_eq!(client.collect::<Vec<_>>(), said);
}

/// M1.73
#[test]
fn an_attempt_ends_when_its_time_is_up_or_somebody_stops_it() {
    let (address, log) = (SocketAddr::from(([10, 0, 0, 9], 7)), Log::default());
    let sim = Sim::new(3, Weather::calm());
    sim.black_hole(address);
    let factory = Again::new(&log, 0);
    backend::scope(Rc::clone(&sim) as _, || {
        run(|| {
            connect_tcp(address, factory, Duration::from_secs(10));
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(log.take(), ["started".to_owned(), format!("failed: {Elapsed}")]);
    assert_eq!((sim.elapsed().as_secs(), sim.open_sockets()), (10, 0));

    let factory = Again::new(&log, 0);
    backend::scope(sim, || {
        run(|| {
            let connector = connect_tcp(address, factory, Duration::from_secs(10));
            call_later(Duration::from_secs(1), move || connector.disconnect());
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(log.take(), ["started".to_owned(), format!("failed: {UserError}")]);
}

fn stop_then(port: ListeningPort, log: Log, mut client: std::net::TcpStream) {
    let stopped = port.stop_listening().add_callback(move |()| {
        let late = std::net::TcpStream::connect(port.get_host());
        assert_eq!(late.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        io::Write::write_all(&mut client, b"still here").unwrap();
        let lost = move || log.borrow().len() == 2;
        when(lost, move || {
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, "still here");
            stop();
        });
    });
    drop(stopped);
}

fn when(is_time: impl Fn() -> bool + 'static, then: impl FnOnce() + 'static) {
    call_later(Duration::from_millis(1), move || {
        if is_time() { then() } else { when(is_time, then) }
    });
}

/// M1.74: those that are there go on.
#[test]
fn a_port_that_stops_listening_refuses_whoever_comes_then() {
    let log = Log::default();
    let heard = Rc::clone(&log);
    run(move || {
        let server = Told::new("server", &heard).received(|transport, data| {
            transport.write(data);
            transport.lose_connection();
        });
        let port = listen_tcp(([127, 0, 0, 1], 0).into(), once(server))?;
        let client = std::net::TcpStream::connect(port.get_host())?;
        client.set_read_timeout(Some(LONG))?;
        let accepted = Rc::clone(&heard);
        when(
            move || !accepted.borrow().is_empty(),
            move || stop_then(port, heard, client),
        );
        Ok(())
    })
    .unwrap();
    assert_eq!(*log.borrow(), ["server made", "server lost: done"]);
}

/// The limit is for the attempt.
#[test]
fn a_connection_may_last_longer_than_it_may_take_to_make() {
    let log = Log::default();
    let client = Told::new("client", &log);
    world(true, |address| {
        listen_tcp(address, once(Told::new("server", &Log::default()))).unwrap();
        let connector = connect_tcp(address, once(client), Duration::from_secs(1));
        call_later(Duration::from_secs(5), move || {
            assert_eq!(connector.state(), State::Connected);
            connector.disconnect();
            end_when(move || connector.state() == State::Disconnected);
        });
    });
    assert_eq!(*log.borrow(), ["client made", "client lost: done"]);
}

/// A hundred connections that break in unkind weather: each is told of its end once, and no
/// socket is left.
#[test]
fn whatever_happens_each_connection_ends_once() {
    for seed in 0..100 {
        let log = Log::default();
        let sim = Sim::new(seed, Weather::stormy());
        backend::scope(Rc::clone(&sim) as _, || {
            let (log, address) = (Rc::clone(&log), SocketAddr::from(([10, 0, 0, 1], 7)));
            run(move || {
                let server = Told::new("server", &log).received(|transport, data| {
                    transport.write(data);
                    transport.lose_connection();
                });
                let client =
                    Told::new("client", &log).made(|it| it.write(vec![b'x'; 100_000]));
                listen_tcp(address, once(server))?;
                connect_tcp(address, once(client), Duration::from_mins(1));
                call_later(Duration::from_hours(1), stop);
                Ok(())
            })
            .unwrap();
        });
        for name in ["server", "client"] {
            let count = |what: &str| {
                let what = format!("{name} {what}");
                log.borrow().iter().filter(|it| it.starts_with(&what)).count()
            };
            assert!(count("made") <= 1, "{log:?}");
            assert_eq!(count("lost: "), count("made"), "seed {seed}: {log:?}");
        }
        assert_eq!(sim.open_sockets(), 0);
    }
}
