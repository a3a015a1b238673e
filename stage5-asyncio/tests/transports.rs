//! Protocols and transports: who is told what, when, and how often. On real sockets, and in an
//! invented network.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, MS, panic_of, reports, turn, turns};
use reactor::sim::{Sim, Weather};
use stage5_asyncio::base_events::Server;
use stage5_asyncio::net::TcpStream;
use stage5_asyncio::protocols::{BufferedProtocol, Protocol};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::transports::Transport;
use stage5_asyncio::{get_running_loop, run, timeout};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Runs `story` on real sockets, and in the invented network in ten kinds of weather. The number
/// is by what a big amount of bytes is to be divided there.
fn everywhere<F: Future<Output = ()> + 'static>(story: impl Fn(usize) -> F) {
    run(in_time(story(1))).unwrap();
    for seed in 0..10 {
        let sim = Sim::new(seed, Weather::rough());
        reactor::backend::scope(sim, || run(in_time(story(100))).unwrap());
    }
}

async fn in_time(story: impl Future<Output = ()>) {
    timeout(Duration::from_mins(1), story).await.expect("it takes no minute");
}

/// Waits until it is so: something that nobody can await.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(MS).await;
    }
}

/// Writes down what it is told. Data in several pieces are one.
#[derive(Default)]
struct Recorder {
    log: Log,
    data: RefCell<Vec<u8>>,
    /// What it answers at the end.
    keeps_open: bool,
    transport: Rc<OnceCell<Rc<dyn Transport>>>,
    lost: Rc<Cell<u32>>,
}

impl Recorder {
    fn say(&self, what: &str) {
        let data = self.data.take();
        if !data.is_empty() {
            self.log.say(format_args!("data {}", String::from_utf8(data).unwrap()));
        }
        self.log.say(what);
    }
}

impl Protocol for Recorder {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.say("made");
        assert!(self.transport.set(transport).is_ok(), "it is told once");
    }

    fn data_received(&self, data: &[u8]) {
        assert!(!data.is_empty());
        self.data.borrow_mut().extend(data);
    }

    fn eof_received(&self) -> bool {
        self.say("eof");
        self.keeps_open
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.lost.set(self.lost.get() + 1);
        self.say(&reason.map_or("lost".to_owned(), |reason| format!("lost: {reason}")));
    }

    fn pause_writing(&self) {
        self.say("pause");
    }

    fn resume_writing(&self) {
        let transport = self.transport.get().unwrap();
        let (low, _) = transport.get_write_buffer_limits();
        let is_early = transport.get_write_buffer_size() > low;
        self.say(if is_early { "resume too early" } else { "resume" });
    }
}

/// A transport that is recorded, and a socket at its other end.
struct Pair {
    transport: Rc<dyn Transport>,
    peer: TcpStream,
    log: Log,
    lost: Rc<Cell<u32>>,
    _server: Server,
}

impl Pair {
    async fn new() -> Self {
        Self::that(false).await
    }

    async fn that(keeps_open: bool) -> Self {
        let (log, transport) = (Log::default(), Rc::new(OnceCell::new()));
        let lost = Rc::<Cell<_>>::default();
        let factory = {
            let (log, transport, lost) =
                (log.clone(), Rc::clone(&transport), Rc::clone(&lost));
            move || Recorder {
                log: log.clone(),
                data: RefCell::default(),
                keeps_open,
                transport: Rc::clone(&transport),
                lost: Rc::clone(&lost),
            }
        };
        let server = get_running_loop().create_server(factory, home()).await.unwrap();
        let peer = TcpStream::connect(server.sockets()[0]).await.unwrap();
        until(|| transport.get().is_some()).await;
        let transport = Rc::clone(transport.get().unwrap());
        Self { transport, peer, log, lost, _server: server }
    }

    /// Waits until the connection is lost.
    async fn lost(&self) -> Vec<String> {
        until(|| self.lost.get() > 0).await;
        turns(5).await;
        assert_eq!(self.lost.get(), 1, "it is told once");
        self.log.take()
    }
}

/// Reads to the end; gives how many bytes.
async fn drain(peer: &TcpStream) -> io::Result<usize> {
    let (mut buffer, mut total) = (vec![0; 1 << 16], 0);
    loop {
        match peer.read(&mut buffer).await? {
            0 => return Ok(total),
            n => total += n,
        }
    }
}

/// M6.30
#[test]
fn a_protocol_is_told_that_it_is_connected_what_comes_the_end_and_once_that_it_is_lost() {
    everywhere(async |_| {
        let pair = Pair::new().await;
        pair.peer.write_all(b"hi").await.unwrap();
        pair.peer.shutdown().unwrap();
        until(|| pair.transport.is_closing()).await;
        pair.transport.close();
        pair.transport.abort();
        assert_eq!(pair.lost().await, ["made", "data hi", "eof", "lost"]);
        assert_eq!(get_running_loop().reactor().sockets(), 2, "listener and peer");
    });
}

/// M6.31
#[test]
fn a_protocol_that_answers_true_at_the_end_can_still_write() {
    everywhere(async |_| {
        let pair = Pair::that(true).await;
        pair.peer.shutdown().unwrap();
        until(|| !pair.transport.is_reading()).await;
        pair.transport.write(b"still");
        let mut buffer = [0; 5];
        let mut read = 0;
        while read < 5 {
            read += pair.peer.read(&mut buffer[read..]).await.unwrap();
        }
        assert_eq!((&buffer, pair.lost.get()), (b"still", 0));
        pair.transport.resume_reading();
        pair.transport.close();
        assert_eq!(pair.lost().await, ["made", "eof", "lost"], "the end is told once");
    });
}

/// M6.32
#[test]
fn writing_pauses_above_the_high_water_resumes_at_the_low_and_close_sends_all_of_it() {
    everywhere(async |divide| {
        let half = 4_000_000 / divide;
        let pair = Pair::new().await;
        let high = half / 4;
        pair.transport.set_write_buffer_limits(Some(high), Some(100));
        assert_eq!(pair.transport.get_write_buffer_limits(), (100, high));
        pair.transport.write(&vec![b'x'; half]);
        pair.transport.write(&vec![b'y'; half]);
        assert!(pair.transport.get_write_buffer_size() > high);
        assert_eq!(pair.log.take(), ["made", "pause"], "inside the write");
        pair.transport.close();
        assert!(pair.transport.is_closing());
        assert_eq!(drain(&pair.peer).await.unwrap(), 2 * half);
        assert_eq!(pair.lost().await, ["resume", "lost"]);
    });
}

/// M6.33
#[test]
fn abort_drops_what_is_not_sent_and_says_so_later() {
    everywhere(async |divide| {
        let pair = Pair::new().await;
        let bytes = 8_000_000 / divide;
        pair.transport.set_write_buffer_limits(Some(0), None);
        pair.transport.write(&vec![b'x'; bytes]);
        assert!(pair.transport.get_write_buffer_size() > 0);
        pair.transport.abort();
        assert_eq!(pair.log.take(), ["made", "pause"], "not inside of abort");
        assert_eq!(pair.transport.get_write_buffer_size(), 0);
        assert_eq!(pair.lost().await, ["lost"]);
        let got = drain(&pair.peer).await.unwrap_or(0);
        assert!(got < bytes, "{got}");
        assert!(pair.transport.is_closing() && pair.transport.get_protocol().is_none());
    });
}

/// M6.34
#[test]
fn pause_reading_stops_the_data_and_resume_gives_what_has_come_meanwhile() {
    everywhere(async |_| {
        let pair = Pair::new().await;
        pair.transport.pause_reading();
        pair.transport.pause_reading();
        assert!(!pair.transport.is_reading());
        pair.peer.write_all(b"q").await.unwrap();
        pair.peer.shutdown().unwrap();
        sleep(20 * MS).await;
        assert_eq!(pair.log.take(), ["made"]);
        pair.transport.resume_reading();
        pair.transport.resume_reading();
        assert!(pair.transport.is_reading());
        assert_eq!(pair.lost().await, ["data q", "eof", "lost"]);
        pair.transport.resume_reading();
        assert!(!pair.transport.is_reading());
    });
}

/// M6.35
#[test]
fn write_eof_comes_after_what_was_written_and_nothing_comes_after_it() {
    everywhere(async |divide| {
        let pair = Pair::that(true).await;
        let bytes = 2_000_000 / divide;
        pair.transport.write(&vec![b'x'; bytes]);
        assert!(pair.transport.can_write_eof());
        pair.transport.write_eof();
        pair.transport.write_eof();
        let panicked = panic_of(|| pair.transport.write(b"d"));
        assert_eq!(panicked, "nothing can be written after write_eof()");
        assert_eq!(drain(&pair.peer).await.unwrap(), bytes);
        // The other direction is still there.
        pair.peer.write_all(b"answer").await.unwrap();
        pair.peer.shutdown().unwrap();
        until(|| !pair.transport.is_reading()).await;
        pair.transport.close();
        let log = pair.lost().await;
        let of_note = |it: &&String| !["pause", "resume"].contains(&&***it);
        let log: Vec<_> = log.iter().filter(of_note).collect();
        assert_eq!(log, ["made", "data answer", "eof", "lost"]);
    });
}

/// Answers what it is told.
#[derive(Default)]
struct Echo(OnceCell<Rc<dyn Transport>>, Rc<Cell<(u32, u32)>>);

impl Protocol for Echo {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        let (made, lost) = self.1.get();
        self.1.set((made + 1, lost));
        self.0.set(transport).unwrap();
    }

    fn data_received(&self, data: &[u8]) {
        self.0.get().unwrap().write(data);
    }

    fn connection_lost(&self, _: Option<io::Error>) {
        let (made, lost) = self.1.get();
        self.1.set((made, lost + 1));
    }
}

/// M7.12
#[test]
fn fifty_clients_are_echoed_with_up_to_98_001_bytes_each_and_each_is_told_once() {
    everywhere(async |divide| {
        let counted = Rc::<Cell<_>>::default();
        let told = Rc::clone(&counted);
        let factory = move || Echo(OnceCell::new(), Rc::clone(&told));
        let server = get_running_loop().create_server(factory, home()).await.unwrap();
        let address = server.sockets()[0];
        let talks = (0..50_usize).map(|n| async move {
            let peer = TcpStream::connect(address).await.unwrap();
            let sent = vec![u8::try_from(n).unwrap(); (n * 2000 + 1) / divide + 1];
            let (mut heard, mut buffer) = (Vec::<u8>::new(), vec![0; 4096]);
            let write = async {
                peer.write_all(&sent).await.unwrap();
            };
            let read = async {
                while heard.len() < sent.len() {
                    let n = peer.read(&mut buffer).await.unwrap();
                    heard.extend(&buffer[..n]);
                }
            };
            futures_util::future::join(write, read).await;
            assert_eq!(heard, sent);
        });
        gather(talks).await;
        server.close();
        server.wait_closed().await;
        assert_eq!(counted.get(), (50, 50));
        turn().await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// M7.13
#[test]
fn a_closed_server_refuses_whoever_is_new_and_keeps_whoever_is_there() {
    everywhere(async |_| {
        let server =
            get_running_loop().create_server(Echo::default, home()).await.unwrap();
        let address = server.sockets()[0];
        let peer = TcpStream::connect(address).await.unwrap();
        peer.write_all(b"?").await.unwrap();
        peer.read(&mut [0]).await.unwrap();
        assert!(server.is_serving());
        server.close();
        server.close();
        assert!(!server.is_serving() && server.sockets().is_empty());
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        peer.write_all(b"h").await.unwrap();
        let mut buffer = [0];
        assert_eq!(peer.read(&mut buffer).await.unwrap(), 1);
        assert!(timeout(MS, server.wait_closed()).await.is_err(), "somebody is there");
        peer.shutdown().unwrap();
        server.wait_closed().await;
        assert_eq!(drain(&peer).await.unwrap(), 0);
    });
}

/// Reads into one buffer, always the same.
#[derive(Clone, Default)]
struct Buffered(Rc<BufferedInside>);

#[derive(Default)]
struct BufferedInside {
    recorder: Recorder,
    /// How long the buffer is to be.
    room: Cell<usize>,
    buffer: Cell<Vec<u8>>,
    /// Where it is. Filled by the first call.
    place: Cell<Option<*const u8>>,
    updates: Cell<usize>,
}

impl Protocol for Buffered {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.0.recorder.connection_made(transport);
    }

    fn data_received(&self, _: &[u8]) {
        unreachable!("it has a buffer");
    }

    fn buffered(&self) -> Option<&dyn BufferedProtocol> {
        Some(self)
    }

    fn eof_received(&self) -> bool {
        self.0.recorder.eof_received()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.0.recorder.connection_lost(reason);
    }
}

impl BufferedProtocol for Buffered {
    fn get_buffer(&self, _: usize) -> Vec<u8> {
        let mut buffer = self.0.buffer.take();
        buffer.resize(self.0.room.get(), 0);
        let place = buffer.as_ptr();
        assert_eq!(*self.0.place.get().get_or_insert(place), place, "it is never copied");
        self.0.place.set(Some(place));
        buffer
    }

    fn buffer_updated(&self, buffer: Vec<u8>, n: usize) {
        if n > 0 {
            self.0.recorder.data_received(&buffer[..n]);
            self.0.updates.set(self.0.updates.get() + 1);
        }
        self.0.buffer.set(buffer);
    }
}

impl Buffered {
    fn with_room(room: usize) -> Self {
        let buffered = Self::default();
        buffered.0.room.set(room);
        buffered
    }

    async fn lost(&self) -> Vec<String> {
        until(|| self.0.recorder.lost.get() > 0).await;
        turns(5).await;
        assert_eq!(self.0.recorder.lost.get(), 1, "it is told once");
        self.0.recorder.log.take()
    }
}

/// M6.67, `test_buffered_proto_create_connection`.
#[test]
fn a_protocol_with_a_buffer_of_its_own_is_read_into_it_and_into_no_other() {
    everywhere(async |divide| {
        for room in [1, 7, 4096] {
            let buffered = Buffered::with_room(room);
            let known = buffered.clone();
            let factory = move || known.clone();
            let server = get_running_loop().create_server(factory, home()).await.unwrap();
            let peer = TcpStream::connect(server.sockets()[0]).await.unwrap();
            let text = "abc".repeat((room * 200 / divide).max(5));
            peer.write_all(text.as_bytes()).await.unwrap();
            peer.shutdown().unwrap();
            let told = buffered.lost().await;
            assert_eq!(told, ["made", &*format!("data {text}"), "eof", "lost"]);
            assert!(buffered.0.updates.get() >= text.len() / room);
        }
    });
}

/// M6.67, `test_read_ready_zero_error`, `test_read_ready_get_buffer_error`: none is no buffer.
#[test]
fn a_buffer_without_room_is_a_mistake_that_is_told() {
    everywhere(async |_| {
        let log = reports();
        let buffered = Buffered::with_room(0);
        let known = buffered.clone();
        let factory = move || known.clone();
        let server = get_running_loop().create_server(factory, home()).await.unwrap();
        let peer = TcpStream::connect(server.sockets()[0]).await.unwrap();
        peer.write_all(b"x").await.unwrap();
        let text = "get_buffer() returned an empty buffer";
        assert_eq!(buffered.lost().await, ["made", &*format!("lost: {text}")]);
        let what = "Fatal error: protocol.get_buffer() call failed";
        assert_eq!(log.take(), [format!("{what}: {text}")]);
        drop(peer);
    });
}

/// M6.67, `test_proto_type_switch`: who is told next says how.
#[test]
fn a_protocol_with_a_buffer_may_follow_one_without() {
    everywhere(async |divide| {
        let pair = Pair::new().await;
        pair.peer.write_all(b"one").await.unwrap();
        // The weather may keep it for a while.
        sleep(20 * MS * u32::try_from(divide).unwrap()).await;
        let buffered = Buffered::with_room(2);
        pair.transport.set_protocol(Rc::new(buffered.clone()));
        pair.peer.write_all(b"two").await.unwrap();
        pair.peer.shutdown().unwrap();
        assert_eq!(buffered.lost().await, ["data two", "eof", "lost"]);
        assert_eq!(pair.log.take(), ["made"]);
    });
}
