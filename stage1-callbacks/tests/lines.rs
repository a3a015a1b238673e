//! Lines out of bytes that arrive as they please. Each answer is Twisted's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend;
use reactor::sim::{Event, Link, Peer, Sim, Weather};
use stage1_callbacks::extras::line_receiver::{LineReceiver, Lines, Receiver};
use stage1_callbacks::extras::listening::listen_tcp;
use stage1_callbacks::extras::protocol::Protocol;
use stage1_callbacks::extras::transport::Producer;
use stage1_callbacks::failure::{Failure, on_report};
use stage1_callbacks::{call_later, run, stop};

type Log = Rc<RefCell<Vec<String>>>;

/// Sends a piece every ten milliseconds, and closes.
struct Sender(Vec<Vec<u8>>);

impl Peer for Sender {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        match event {
            Event::Connected | Event::Timer(_) if self.0.is_empty() => link.finish(),
            Event::Connected | Event::Timer(_) => {
                link.send(&self.0.remove(0));
                link.after(Duration::from_millis(10), 0);
            }
            _ => {}
        }
    }
}

/// Writes down what it receives, and does something about some of it.
struct Told<F> {
    log: Log,
    act: F,
}

impl<F: FnMut(&Receiver, &[u8]) + 'static> Lines for Told<F> {
    fn line_received(&mut self, receiver: &Receiver, line: &[u8]) {
        self.say("", line);
        (self.act)(receiver, line);
        self.log.borrow_mut().push(".".to_owned());
    }

    fn raw_data_received(&mut self, receiver: &Receiver, data: &[u8]) {
        self.say("raw ", data);
        (self.act)(receiver, data);
    }

    fn line_length_exceeded(&mut self, receiver: &Receiver, rest: &[u8]) {
        self.say("too long ", rest);
        receiver.transport().lose_connection();
    }

    fn connection_lost(&mut self, _: Failure) {
        stop();
    }
}

impl<F> Told<F> {
    fn say(&self, what: &str, bytes: &[u8]) {
        self.log.borrow_mut().push(format!("{what}{}", String::from_utf8_lossy(bytes)));
    }
}

/// What is heard of those pieces, at 8 bytes a line.
fn hear<F: FnMut(&Receiver, &[u8]) + 'static>(pieces: &[&[u8]], act: F) -> Vec<String> {
    let log = Log::default();
    let lines = Told { log: Rc::clone(&log), act };
    receive(pieces, LineReceiver::new(lines).max_length(8));
    log.take().into_iter().filter(|it| it != ".").collect()
}

/// What goes wrong in a call is reported, and ends the connection: no test wants that.
fn receive(pieces: &[&[u8]], receiver: impl Protocol) {
    let reports = Log::default();
    let hook = Rc::clone(&reports);
    on_report(move |what| hook.borrow_mut().push(what.to_owned()));
    let address = SocketAddr::from(([10, 0, 0, 1], 7));
    let sim = Sim::new(1, Weather::calm());
    let pieces = pieces.iter().map(|it| it.to_vec()).collect();
    sim.connect_peer(Duration::from_millis(1), address, Box::new(Sender(pieces)));
    backend::scope(Rc::clone(&sim) as _, || {
        run(|| {
            let mut receiver = Some(Box::new(receiver) as Box<dyn Protocol>);
            listen_tcp(address, move |_| receiver.take())?;
            call_later(Duration::from_hours(1), stop);
            Ok(())
        })
        .unwrap();
    });
    assert!(sim.elapsed() < Duration::from_hours(1));
    assert_eq!(*reports.borrow(), [""; 0]);
}

/// M1.75
#[test]
fn lines_are_the_same_wherever_the_bytes_are_cut() {
    let text = b"one\r\n\r\ntwo\r\r\nthree\n\r\nrest";
    for cut in 0..=text.len() {
        let (one, two) = text.split_at(cut);
        let heard = hear(&[one, two], |_, _| ());
        assert_eq!(heard, ["one", "", "two\r", "three\n"], "cut at {cut}");
    }
    let bytes: Vec<_> = text.chunks(1).collect();
    assert_eq!(hear(&bytes, |_, _| ()), ["one", "", "two\r", "three\n"]);
}

/// M1.76: with its delimiter or without; eight bytes are not too long.
#[test]
fn a_line_that_is_too_long_closes_the_connection() {
    let heard = hear(&[b"12345678\r\n123456789\r\nand more\r\n"], |_, _| ());
    assert_eq!(heard, ["12345678", "too long 123456789\r\nand more\r\n"]);
    assert_eq!(hear(&[b"123456789", b"0", b"more"], |_, _| ()), ["too long 1234567890"]);
}

/// M1.77
#[test]
fn raw_mode_takes_all_there_is_and_line_mode_what_it_left() {
    let pieces: [&[u8]; 3] = [b"raw 6\r\nabc", b"defline\r\n", b"last\r\n"];
    let mut left = 6;
    let heard = hear(&pieces, move |receiver, data| match data {
        b"raw 6" => receiver.set_raw_mode(),
        data if left > 0 => {
            let (_, rest) = data.split_at(left.min(data.len()));
            left -= data.len() - rest.len();
            if left == 0 {
                receiver.set_line_mode(rest);
            }
        }
        _ => {}
    });
    assert_eq!(heard, ["raw 6", "raw abc", "raw defline\r\n", "line", "last"]);
}

/// M1.78: behind what is there, and never one inside the other.
#[test]
fn what_is_received_inside_a_line_comes_after_it() {
    let log = Log::default();
    let act = |receiver: &Receiver, line: &[u8]| {
        if line == b"a" {
            receiver.data_received(b"c\r\n");
        }
    };
    receive(&[b"a\r\nb\r\n"], LineReceiver::new(Told { log: Rc::clone(&log), act }));
    assert_eq!(*log.borrow(), ["a", ".", "b", ".", "c", "."]);
}

/// M1.79: those that have arrived wait as well.
#[test]
fn a_receiver_that_is_paused_hands_on_no_lines() {
    let log = Log::default();
    let heard = Rc::clone(&log);
    let act = move |receiver: &Receiver, line: &[u8]| {
        if line == b"a" {
            receiver.pause_producing();
            let (receiver, heard) = (receiver.clone(), Rc::clone(&heard));
            call_later(Duration::from_secs(1), move || {
                heard.borrow_mut().push("go on".to_owned());
                receiver.resume_producing();
            });
        }
    };
    let lines = Told { log: Rc::clone(&log), act };
    // Nothing comes for three seconds: what is there has to do.
    let mut pieces: Vec<&[u8]> = vec![b""; 300];
    pieces[0] = b"a\r\nb\r\n";
    receive(&pieces, LineReceiver::new(lines));
    assert_eq!(*log.borrow(), ["a", ".", "go on", "b", "."]);
}

#[test]
fn after_lose_connection_no_line_is_handed_on() {
    let heard = hear(&[b"bye\r\nmore\r\n", b"and more\r\n"], |receiver, _| {
        receiver.send_line(b"bye");
        receiver.transport().lose_connection();
    });
    assert_eq!(heard, ["bye"]);
}

/// As a producer it is its transport: nobody takes any more, and so nothing is to come.
#[test]
fn a_receiver_that_is_told_to_stop_closes_its_connection() {
    let heard = hear(&[b"bye\r\nmore\r\n", b"and more\r\n"], |receiver, _| {
        assert_eq!(format!("{receiver:?}"), "Receiver { left: 6, .. }");
        receiver.stop_producing();
        assert!(receiver.transport().disconnecting());
    });
    assert_eq!(heard, ["bye"]);
}

/// M1.80: a hundred thousand lines in a few reads, on a small stack.
#[test]
fn many_lines_at_once_are_handed_on_flat() {
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let deep = small.spawn(|| {
        let log = Log::default();
        let lines = Told { log: Rc::clone(&log), act: |_: &Receiver, _: &[u8]| () };
        receive(&[&b"\n".repeat(100_000)], LineReceiver::new(lines).delimiter("\n"));
        assert_eq!(log.borrow().len(), 200_000);
    });
    deep.unwrap().join().unwrap();
}

/// Says something, writes down what it hears, and at which millisecond the other end closes.
struct Guest(&'static [u8], Log);

impl Peer for Guest {
    fn on(&mut self, event: Event, link: &mut Link<'_>) {
        let say = |what: String| self.1.borrow_mut().push(what);
        match event {
            Event::Connected => link.send(self.0),
            Event::Readable => {
                say(String::from_utf8_lossy(&link.read(1000)).into_owned());
            }
            Event::Ended => {
                say("closed".to_owned());
                link.close();
            }
            _ => {}
        }
    }
}

/// Answers each line in capitals; all else is as it is by default.
struct Shout;

impl Lines for Shout {
    fn line_received(&mut self, receiver: &Receiver, line: &[u8]) {
        receiver.send_line(&line.to_ascii_uppercase());
    }
}

/// What a guest who says that hears of `Shout`, at 8 bytes a line, and within a second.
fn shouts(says: &'static [u8]) -> String {
    let (log, address) = (Log::default(), SocketAddr::from(([10, 0, 0, 1], 7)));
    let sim = Sim::new(1, Weather::calm());
    let guest = Guest(says, Rc::clone(&log));
    sim.connect_peer(Duration::from_millis(1), address, Box::new(guest));
    backend::scope(sim, || {
        run(|| {
            listen_tcp(address, |_| {
                Some(Box::new(LineReceiver::new(Shout).max_length(8)) as _)
            })?;
            call_later(Duration::from_secs(1), stop);
            Ok(())
        })
        .unwrap();
    });
    log.take().concat()
}

#[test]
fn a_line_is_sent_with_its_delimiter() {
    assert_eq!(shouts(b"one\r\ntwo\r\n"), "ONE\r\nTWO\r\n");
    let receiver = LineReceiver::new(Shout);
    assert_eq!(format!("{receiver:?}"), "LineReceiver { .. }");
}

/// M1.76
#[test]
fn unless_somebody_does_otherwise_a_line_that_is_too_long_closes_the_connection() {
    assert_eq!(shouts(b"one\r\n123456789\r\nmore\r\n"), "ONE\r\nclosed");
}
