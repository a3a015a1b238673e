//! Who owns what the kernel is busy with: what is closed, what is promised, what is held back.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::io::{ErrorKind, Read, Write};
use std::net::{self, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::{Direction, Reactor, TcpListener, TcpStream};
use stage6_uvloop::uring::{Settings, Uring};

const HOME: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const SOON: Option<Duration> = Some(Duration::from_secs(5));
const NOW: Option<Duration> = Some(Duration::ZERO);
const TURNS: u32 = 100_000;

/// A ring, and a reactor over it.
struct World {
    ring: Uring,
    reactor: Reactor<&'static str>,
}

impl World {
    /// `None`, and a line that says so, where there are no rings.
    fn new() -> Option<Self> {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Option<Self> {
        match Uring::with(settings) {
            Ok(ring) => {
                let reactor = Reactor::with_backend(Rc::new(ring.clone()));
                Some(Self { ring, reactor })
            }
            Err(error) => {
                eprintln!("SKIPPED: there is no ring here: {error}");
                None
            }
        }
    }

    fn turn(&self, timeout: Option<Duration>) -> Vec<&'static str> {
        let mut ready = Vec::new();
        self.reactor.select(timeout, &mut ready).unwrap();
        ready
    }

    fn listen(&self) -> (TcpListener<&'static str>, SocketAddr) {
        let listener = self.reactor.listen(HOME.into()).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    /// A stream of the ring, and its peer in plain std.
    fn pair(&self) -> (TcpStream<&'static str>, net::TcpStream) {
        let (listener, address) = self.listen();
        let peer = net::TcpStream::connect(address).unwrap();
        peer.set_read_timeout(SOON).unwrap();
        let _ = self.reactor.wait_for(listener.key(), Direction::Read, "accept");
        assert_eq!(self.turn(SOON), ["accept"]);
        (listener.accept().unwrap(), peer)
    }

    fn waits(&self, stream: &TcpStream<&'static str>) {
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
        let _ = self.reactor.wait_for(stream.key(), Direction::Read, "read");
        assert_eq!(self.turn(NOW), [""; 0]);
    }
}

/// M7.20: the receive is called off, and nothing of it is left: the peer learns of the end.
#[test]
fn who_closes_a_stream_calls_off_what_it_waits_for() {
    let Some(world) = World::new() else { return };
    let (stream, mut peer) = world.pair();
    world.waits(&stream);
    let busy = world.ring.in_flight();
    assert!(busy >= 1, "the kernel is to receive: {:?}", world.ring);
    drop(stream);
    assert_eq!(world.ring.in_flight(), busy - 1, "{:?}", world.ring);
    assert_eq!(peer.read(&mut [0]).unwrap(), 0);
}

/// M7.20, for a listener and for a connection that nobody answers.
#[test]
fn who_closes_a_listener_or_gives_up_a_connection_leaves_nothing_in_flight() {
    let Some(world) = World::new() else { return };
    let (listener, address) = world.listen();
    let _ = world.reactor.wait_for(listener.key(), Direction::Read, "accept");
    assert_eq!(world.turn(NOW), [""; 0]);
    assert_eq!(world.ring.in_flight(), 1);
    drop(listener);
    assert_eq!(world.ring.in_flight(), 0);
    assert!(net::TcpStream::connect(address).is_err(), "it is closed");

    // An address for documentation: whatever is said of it, it is not said at once.
    let connecting = world.reactor.connect(([192, 0, 2, 1], 9).into()).unwrap();
    assert!(connecting.connected().is_err());
    drop(connecting);
    assert_eq!(world.ring.in_flight(), 0);
}

/// M7.20, the other way about: whoever wrote was told that it is written. It is sent, though the
/// peer does not read yet, and the stream is closed, and the reactor is gone.
#[test]
fn what_was_promised_is_sent_though_the_stream_is_closed() {
    let Some(world) = World::new() else { return };
    let (stream, mut peer) = world.pair();
    let bytes: Vec<u8> = (0..1_u32 << 16).map(|n| n.to_le_bytes()[1]).collect();
    let (mut written, mut turns) = (0, 0);
    while let Ok(n) = stream.write(&bytes[written % bytes.len()..]) {
        written += n;
        turns += 1;
        assert!(turns < TURNS, "somebody reads it");
    }
    drop(stream);
    assert_eq!(world.ring.in_flight(), 1, "it is on its way: {:?}", world.ring);
    let reads = std::thread::spawn(move || {
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).unwrap();
        heard
    });
    drop(world);
    let heard = reads.join().unwrap();
    assert_eq!(heard.len(), written);
    assert!(heard.chunks(bytes.len()).all(|chunk| bytes.starts_with(chunk)));
}

/// What is to be told to the peer, that nothing more will come, goes behind what was written.
#[test]
fn a_shutdown_comes_after_what_was_written() {
    let Some(world) = World::new() else { return };
    let (stream, mut peer) = world.pair();
    let (mut written, mut turns) = (0, 0);
    while let Ok(n) = stream.write(&vec![7; 1 << 16]) {
        written += n;
        turns += 1;
        assert!(turns < TURNS, "somebody reads it");
    }
    stream.shutdown(net::Shutdown::Write).unwrap();
    assert_eq!(stream.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    let reads = std::thread::spawn(move || {
        let mut heard = Vec::new();
        peer.read_to_end(&mut heard).unwrap();
        heard.len()
    });
    let mut turns = 0;
    while !reads.is_finished() {
        world.turn(Some(Duration::from_millis(1)));
        turns += 1;
        assert!(turns < TURNS, "it never ends");
    }
    assert_eq!(reads.join().unwrap(), written);
}

/// As with any socket: bytes that were taken from the kernel, and that nobody has read.
#[test]
fn a_peer_whose_bytes_nobody_reads_is_reset() {
    let Some(world) = World::new() else { return };
    let (stream, mut peer) = world.pair();
    world.waits(&stream);
    peer.write_all(b"unread").unwrap();
    assert_eq!(world.turn(SOON), ["read"]);
    drop(stream);
    let told = peer.read(&mut [0]).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset);
}

/// The kernel goes on receiving though nobody reads; but not for ever. And nothing is lost.
#[test]
fn a_peer_that_floods_who_does_not_read_has_to_wait() {
    let older = Settings { many: false, deferred: false };
    for settings in [Settings::default(), older] {
        let Some(world) = World::with(settings) else { return };
        let (stream, peer) = world.pair();
        world.waits(&stream);
        peer.set_nonblocking(true).unwrap();
        let bytes: Vec<u8> = (0..1_u32 << 16).map(|n| n.to_le_bytes()[1]).collect();
        let (mut sent, mut pauses) = (0, 0);
        while pauses < 20 {
            match (&peer).write(&bytes[sent % bytes.len()..]) {
                Ok(n) => (sent, pauses) = (sent + n, 0),
                Err(_) => pauses += 1,
            }
            world.turn(Some(Duration::from_millis(1)));
            assert!(sent < 100 << 20, "nobody reads it, and where is it?");
        }
        peer.shutdown(net::Shutdown::Write).unwrap();
        let (mut heard, mut buffer, mut turns) = (0, vec![0; 10_000], 0);
        loop {
            turns += 1;
            assert!(turns < TURNS, "it never ends");
            match stream.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => {
                    let is_next = |(at, byte): (usize, &u8)| {
                        *byte == bytes[(heard + at) % bytes.len()]
                    };
                    assert!(buffer[..n].iter().enumerate().all(is_next), "in order");
                    heard += n;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    let _ = world.reactor.wait_for(stream.key(), Direction::Read, "r");
                    world.turn(SOON);
                }
            }
        }
        assert_eq!(heard, sent);
    }
}

/// There are 512 buffers in the group. A thousand connections that get bytes in one turn all get
/// them: who finds none left is given one of its own.
#[test]
fn more_connections_than_buffers_lose_nothing() {
    const MANY: usize = 700;
    let Some(world) = World::new() else { return };
    let mut pairs: Vec<_> = (0..MANY / 2).map(|_| world.pair()).collect();
    for (stream, _) in &pairs {
        world.waits(stream);
    }
    for (n, (_, peer)) in pairs.iter_mut().enumerate() {
        // Two pages, so that each needs two buffers.
        peer.write_all(&[n.to_le_bytes()[0]; 8192]).unwrap();
    }
    let (mut heard, mut turns) = (vec![0; pairs.len()], 0);
    while heard.iter().any(|it| *it < 8192) {
        turns += 1;
        assert!(turns < TURNS, "some never get theirs: {heard:?}");
        world.turn(Some(Duration::from_millis(10)));
        for (n, (stream, _)) in pairs.iter().enumerate() {
            let mut buffer = [0; 8192];
            // Read only when all have been told, so that the group runs dry.
            match stream.read(&mut buffer) {
                Ok(got) => {
                    assert!(buffer[..got].iter().all(|it| *it == n.to_le_bytes()[0]));
                    heard[n] += got;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    let _ = world.reactor.wait_for(stream.key(), Direction::Read, "r");
                }
            }
        }
    }
    assert_eq!(heard, vec![8192; pairs.len()]);
}

/// What the loop does while it is busy costs no call at all: the queues are memory.
#[test]
fn a_select_that_finds_nothing_to_hand_over_makes_no_call() {
    let Some(world) = World::new() else { return };
    let (stream, _peer) = world.pair();
    world.waits(&stream);
    let before = world.ring.calls();
    for _ in 0..1000 {
        world.turn(NOW);
    }
    assert_eq!(world.ring.calls(), before);
}

/// Sixty-four peers are answered with a handful of calls, where epoll takes three for each: one
/// to hear of it, one to receive, one to send. (The kernel gives twenty completions at a time.)
#[test]
fn answers_are_handed_over_together() {
    let Some(world) = World::new() else { return };
    let mut pairs: Vec<_> = (0..64).map(|_| world.pair()).collect();
    for (stream, _) in &pairs {
        world.waits(stream);
    }
    let before = world.ring.calls();
    for _ in 0..10 {
        for (_, peer) in &mut pairs {
            peer.write_all(b"ping").unwrap();
        }
        let mut told = 0;
        while told < pairs.len() {
            told += world.turn(SOON).len();
        }
        for (stream, _) in &pairs {
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 4);
            assert_eq!(stream.write(b"pong").unwrap(), 4);
            let _ = world.reactor.wait_for(stream.key(), Direction::Read, "read");
        }
        assert_eq!(world.turn(NOW), [""; 0]);
        for (_, peer) in &mut pairs {
            peer.read_exact(&mut [0; 4]).unwrap();
        }
    }
    let made = world.ring.calls() - before;
    assert!(made <= 80, "640 answers took {made} calls");
}

/// Reads a file as one reads a pipe.
fn read_all(
    world: &World,
    file: &reactor::Pipe<&'static str>,
) -> std::io::Result<Vec<u8>> {
    let (mut read, mut chunk) = (Vec::new(), [0; 5_000]);
    loop {
        match file.read(&mut chunk) {
            Ok(0) => return Ok(read),
            Ok(n) => read.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = world.reactor.wait_for(file.key(), Direction::Read, "file");
                assert_eq!(world.turn(SOON), ["file"]);
            }
            Err(error) => return Err(error),
        }
    }
}

/// M7.18: it cannot be polled, and need not be. The end is told as often as somebody asks; and a
/// hundred of them are opened, read and closed with a few calls of the kernel.
#[test]
fn a_file_is_read_by_the_kernel_while_nobody_waits() {
    let Some(world) = World::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it");
    let bytes: Vec<_> = (0..100_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    std::fs::write(&path, &bytes).unwrap();
    let file = world.reactor.open(&path).unwrap();
    assert!(read_all(&world, &file).unwrap() == bytes);
    assert_eq!(file.read(&mut [0]).unwrap(), 0);
    let none = world.reactor.open(&folder.path().join("none")).unwrap();
    assert_eq!(read_all(&world, &none).unwrap_err().kind(), ErrorKind::NotFound);
    drop((file, none));

    std::fs::write(&path, b"small").unwrap();
    let before = world.ring.calls();
    let files: Vec<_> = (0..100).map(|_| world.reactor.open(&path).unwrap()).collect();
    for file in &files {
        let _ = world.reactor.wait_for(file.key(), Direction::Read, "file");
    }
    let mut told = 0;
    while told < 100 {
        told += world.turn(SOON).len();
    }
    for file in &files {
        let mut buffer = [0; 10];
        assert_eq!(file.read(&mut buffer).unwrap(), 5);
    }
    drop(files);
    while world.ring.in_flight() > 0 {
        assert_eq!(world.turn(NOW), [""; 0]);
    }
    let calls = world.ring.calls() - before;
    assert!(calls < 100, "{calls} calls for 400 operations");
}

/// M7.20, of a file: whatever was in flight keeps what it needs.
#[test]
fn a_file_may_be_closed_at_any_time() {
    let Some(world) = World::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("it");
    std::fs::write(&path, vec![b'.'; 40_000]).unwrap();
    for turns in 0..20 {
        let file = world.reactor.open(&path).unwrap();
        for _ in 0..turns {
            let _ = file.read(&mut [0; 9_000]);
            let _ = world.turn(NOW);
        }
        drop(file);
        for _ in 0..TURNS {
            if world.ring.in_flight() == 0 {
                break;
            }
            let _ = world.turn(NOW);
        }
        assert_eq!(world.ring.in_flight(), 0, "after {turns} turns");
    }
}
