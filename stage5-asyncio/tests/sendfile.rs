//! Files over transports and over sockets of the caller's: what arrives, what may be done meanwhile,
//! and what is left when it ends early. By the kernel, and by reading and writing.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, OnceCell};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::{MS, caught, turns};
use futures_util::future::join;
use stage5_asyncio::base_events::Server;
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::streams::{StreamReader, StreamWriter, open_connection};
use stage5_asyncio::time::sleep;
use stage5_asyncio::transports::{SendfileOptions, Transport};
use stage5_asyncio::{create_task, get_running_loop, run, timeout};

/// More than all buffers of a connection hold.
const BIG: usize = 16 << 20;

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// That many bytes; none that is missing, or there twice, goes unnoticed.
fn bytes(n: usize) -> Vec<u8> {
    let piece: Vec<_> = (0..65_521_u32).flat_map(u32::to_be_bytes).collect();
    let mut all = piece.repeat(n / piece.len() + 1);
    all.truncate(n);
    all
}

fn file_of(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

fn on_a_loop<T: 'static>(story: impl Future<Output = T> + 'static) -> T {
    let in_time = async { timeout(Duration::from_mins(1), story).await };
    run(in_time).unwrap().expect("it takes no minute")
}

/// Runs `story` over a transport whose kernel sends files, and over one where nobody but the
/// program does.
fn both_ways<F: Future<Output = ()> + 'static>(story: impl Fn(Over) -> F) {
    on_a_loop(story(|transport| transport));
    on_a_loop(story(|transport| ByHand::over(transport)));
}

type Over = fn(Rc<dyn Transport>) -> Rc<dyn Transport>;

/// A transport past which nothing goes, as one that encrypts. It knows how much was kept at most.
#[derive(Debug)]
struct ByHand(Rc<dyn Transport>, Cell<usize>);

impl ByHand {
    fn over(transport: Rc<dyn Transport>) -> Rc<Self> {
        Rc::new(Self(transport, Cell::default()))
    }
}

impl Transport for ByHand {
    fn write(&self, data: &[u8]) {
        self.0.write(data);
        self.1.set(self.1.get().max(self.get_write_buffer_size()));
    }

    fn write_eof(&self) {
        self.0.write_eof();
    }

    fn can_write_eof(&self) -> bool {
        self.0.can_write_eof()
    }

    fn close(&self) {
        self.0.close();
    }

    fn abort(&self) {
        self.0.abort();
    }

    fn is_closing(&self) -> bool {
        self.0.is_closing()
    }

    fn pause_reading(&self) {
        self.0.pause_reading();
    }

    fn resume_reading(&self) {
        self.0.resume_reading();
    }

    fn is_reading(&self) -> bool {
        self.0.is_reading()
    }

    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>) {
        self.0.set_write_buffer_limits(high, low);
    }

    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.0.get_write_buffer_limits()
    }

    fn get_write_buffer_size(&self) -> usize {
        self.0.get_write_buffer_size()
    }

    fn set_protocol(&self, protocol: Rc<dyn Protocol>) {
        self.0.set_protocol(protocol);
    }

    fn get_protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.0.get_protocol()
    }
}

/// What it is told goes to whoever asks; it does nothing by itself.
#[derive(Default)]
struct Served {
    transport: Rc<OnceCell<Rc<dyn Transport>>>,
    received: Rc<Cell<usize>>,
    lost: Rc<Cell<bool>>,
}

impl Protocol for Served {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        assert!(self.transport.set(transport).is_ok());
    }

    fn data_received(&self, data: &[u8]) {
        self.received.set(self.received.get() + data.len());
    }

    fn eof_received(&self) -> bool {
        true
    }

    fn connection_lost(&self, _: Option<io::Error>) {
        self.lost.set(true);
    }
}

/// A connection: the server's protocol, its transport, and the client's ends.
async fn connection()
-> (Server, Rc<Served>, Rc<dyn Transport>, (StreamReader, StreamWriter)) {
    let protocol = Rc::new(Served::default());
    let given = Rc::clone(&protocol);
    let event_loop = get_running_loop();
    let listening = event_loop.create_server(move || Rc::clone(&given), home());
    let server = listening.await.unwrap();
    let client = open_connection(server.sockets()[0]).await.unwrap();
    while protocol.transport.get().is_none() {
        sleep(MS).await;
    }
    let transport = Rc::clone(protocol.transport.get().unwrap());
    (server, protocol, transport, client)
}

async fn sendfile(transport: &Rc<dyn Transport>, file: &File) -> io::Result<u64> {
    get_running_loop().sendfile(&**transport, file).await
}

/// Reads until the file's position has changed, but no more than a kilobyte at a time.
async fn until_it_moves(reader: &mut StreamReader) -> usize {
    let read = reader.read(1024).await.unwrap();
    read.len()
}

/// M6.68. `test_sendfile_success`, `_pre_and_post_data`, `_offset`, `_count`: what was written before comes
/// before, what is written after comes after, and the position is behind the last byte.
#[test]
fn a_file_is_sent_between_what_was_written_before_and_after() {
    both_ways(|over| async move {
        let (server, _, transport, (mut reader, writer)) = connection().await;
        let (transport, n) = (over(transport), BIG + 1);
        let content = bytes(n);
        let file = file_of(&content);
        let serve = async {
            // It does not fit, and has to be sent before.
            transport.write(&content);
            let sent = sendfile(&transport, &file).await.unwrap();
            assert_eq!(sent, n as u64);
            assert_eq!((&file).stream_position().unwrap(), n as u64);
            assert!(transport.is_reading());
            transport.write(b"that was all");
            transport.write_eof();
        };
        let (received, ()) = join(reader.read_to_end(), serve).await;
        let expected = [&*content, &*content, b"that was all"].concat();
        assert!(received.unwrap() == expected, "what arrives is what was sent");
        drop((writer, server));
    });
}

/// M6.68. Offset and count; a file that is shorter than asked, or empty, is sent as it is.
#[test]
fn part_of_a_file_is_sent_and_a_short_one_as_it_is() {
    both_ways(|over| async move {
        let (server, _, transport, (mut reader, writer)) = connection().await;
        let (transport, file) = (over(transport), file_of(b"0123456789"));
        let part = |offset, count| {
            let options = SendfileOptions { offset, count, ..SendfileOptions::default() };
            let (event_loop, transport, file) =
                (get_running_loop(), Rc::clone(&transport), &file);
            async move {
                let sent = event_loop.sendfile_with(options, &*transport, file).await;
                (sent.unwrap(), { file }.stream_position().unwrap())
            }
        };
        assert_eq!(part(2, Some(3)).await, (3, 5));
        assert_eq!(part(7, Some(100)).await, (3, 10));
        assert_eq!(part(8, None).await, (2, 10));
        assert_eq!(part(4, Some(0)).await, (0, 4));
        assert_eq!(part(10, None).await, (0, 10));
        assert_eq!(part(99, None).await, (0, 99));
        assert_eq!(sendfile(&transport, &file_of(b"")).await.unwrap(), 0);
        transport.close();
        assert_eq!(reader.read_to_end().await.unwrap(), b"23478989");
        drop((writer, server));
    });
}

/// M6.68. `test_sendfile_when_closing`, `test_sendfile_prevents_bare_write`: what may not be done
/// meanwhile is told. What the peer sends meanwhile waits.
#[test]
fn nothing_is_written_and_nothing_received_while_a_file_is_sent() {
    on_a_loop(async {
        let (server, protocol, transport, (mut reader, writer)) = connection().await;
        let file = file_of(&bytes(BIG));
        let (its, copy) = (Rc::clone(&transport), file.try_clone().unwrap());
        let sending = create_task(async move { sendfile(&its, &copy).await });
        writer.write(b"are you there?");
        sleep(20 * MS).await;
        assert!(!sending.done() && !transport.is_reading());
        assert_eq!(protocol.received.get(), 0);
        let written = caught(async { transport.write(b"now") }).await;
        assert!(written.unwrap_err().contains("a file is being sent"));
        let another = caught(sendfile(&transport, &file)).await;
        assert!(another.unwrap_err().contains("a file is being sent"));
        // That another one was refused changes nothing; that it was all may be said now.
        transport.write_eof();
        assert!(reader.read_to_end().await.unwrap() == bytes(BIG));
        assert_eq!(sending.await.unwrap(), BIG as u64);
        while protocol.received.get() < 14 {
            sleep(MS).await;
        }
        let after = caught(sendfile(&transport, &file)).await;
        assert!(after.unwrap_err().contains("after write_eof()"));
        transport.close();
        let refused = sendfile(&transport, &file).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotConnected);
        drop((writer, server));
    });
}

/// M6.68. `test_sendfile_close_peer_in_the_middle_of_receiving`: it fails, and the position says how
/// far it has come. By hand, too.
#[test]
fn a_peer_that_goes_ends_it() {
    both_ways(|over| async move {
        let (server, protocol, transport, (mut reader, writer)) = connection().await;
        let (transport, n) = (over(transport), BIG);
        let file = file_of(&bytes(n));
        let leave = async {
            let read = until_it_moves(&mut reader).await;
            writer.transport().abort();
            read as u64
        };
        let (sent, read) = join(sendfile(&transport, &file), leave).await;
        let kind = sent.map_err(|it| it.kind());
        let is_gone = [
            ErrorKind::BrokenPipe,
            ErrorKind::ConnectionReset,
            ErrorKind::ConnectionAborted,
        ];
        assert!(matches!(kind, Err(it) if is_gone.contains(&it)), "{kind:?}");
        let position = (&file).stream_position().unwrap();
        assert!(read <= position && position < n as u64, "{position} of {n}");
        transport.abort();
        while !protocol.lost.get() {
            sleep(MS).await;
        }
        drop(server);
    });
}

/// M6.68. To close the transport ends it; whoever waits hears of it.
#[test]
fn to_close_the_transport_gives_the_file_up() {
    on_a_loop(async {
        for how in [<dyn Transport>::close, <dyn Transport>::abort] {
            let (server, protocol, transport, (_reader, writer)) = connection().await;
            let file = file_of(&bytes(BIG));
            let close = async {
                sleep(10 * MS).await;
                how(&*transport);
            };
            let (sent, ()) = join(sendfile(&transport, &file), close).await;
            assert_eq!(sent.unwrap_err().kind(), ErrorKind::ConnectionAborted);
            turns(3).await;
            assert!(protocol.lost.get(), "told once the file is given up");
            drop((writer, server));
        }
    });
}

/// M6.68. Cancelled, it sends no more; the connection goes on behind the last byte sent.
#[test]
fn to_cancel_it_leaves_the_connection_and_the_position() {
    both_ways(|over| async move {
        let (server, _, transport, (mut reader, writer)) = connection().await;
        let (transport, n) = (over(transport), BIG);
        let file = file_of(&bytes(n));
        timeout(10 * MS, sendfile(&transport, &file)).await.unwrap_err();
        let position = usize::try_from((&file).stream_position().unwrap()).unwrap();
        assert!(position < n);
        assert!(transport.is_reading());
        transport.write(b"sorry");
        transport.write_eof();
        let received = reader.read_to_end().await.unwrap();
        assert!(received == [&bytes(n)[..position], b"sorry"].concat());
        drop((writer, server));
    });
}

/// M6.68. `test_sendfile_no_fallback_for_fallback_transport`: without fallback, the kernel does it or
/// nobody. The kernel of Linux does.
#[test]
fn without_a_fallback_only_the_kernel_sends() {
    let sent = |over: Over| async move {
        let (server, _, transport, (mut reader, writer)) = connection().await;
        let transport = over(transport);
        let options = SendfileOptions { fallback: false, ..SendfileOptions::default() };
        let file = file_of(b"by the kernel");
        let event_loop = get_running_loop();
        let sent = event_loop.sendfile_with(options, &*transport, &file).await;
        assert!(transport.is_reading());
        transport.close();
        let received = reader.read_to_end().await.unwrap();
        assert_eq!(sent.as_ref().map_or(0, |n| *n), received.len() as u64);
        drop((writer, server));
        sent.map_err(|error| error.kind())
    };
    if cfg!(target_os = "linux") {
        assert_eq!(on_a_loop(sent(|transport| transport)), Ok(13));
    }
    let by_hand = sent(|transport| ByHand::over(transport));
    assert_eq!(on_a_loop(by_hand), Err(ErrorKind::Unsupported));
}

/// M6.68. By hand, no more is read of the file than the peer takes: the high water, and a piece.
#[test]
fn by_hand_the_water_marks_are_kept() {
    let kept = |is_full| async move {
        let (server, _, transport, (mut reader, writer)) = connection().await;
        transport.set_write_buffer_limits(Some(10_000), None);
        let (content, below) = (bytes(BIG), Rc::clone(&transport));
        let file = file_of(&content);
        let serve = async {
            if is_full {
                // Its protocol has been told to pause, and nobody else will be.
                transport.write(&content);
            }
            let transport = ByHand::over(transport);
            let its = Rc::clone(&transport) as Rc<dyn Transport>;
            sendfile(&its, &file).await.unwrap();
            transport.close();
            transport.1.get()
        };
        let read = async {
            while below.get_write_buffer_size() == 0 {
                sleep(MS).await;
            }
            reader.read_to_end().await
        };
        let (received, most) = join(read, serve).await;
        assert!(received.unwrap() == content.repeat(1 + usize::from(is_full)));
        let piece = 256 * 1024;
        assert!((is_full || 0 < most) && most <= 10_000 + piece, "{most}");
        drop((writer, server));
    };
    on_a_loop(kept(false));
    on_a_loop(kept(true));
}

/// M6.68. A file that the kernel makes up cannot be sent by it, or can: it arrives.
#[test]
fn a_file_that_the_kernel_makes_up_arrives() {
    if cfg!(target_os = "linux") {
        on_a_loop(async {
            let (server, _, transport, (mut reader, writer)) = connection().await;
            sendfile(&transport, &File::open("/proc/version").unwrap()).await.unwrap();
            transport.close();
            let received = reader.read_to_end().await.unwrap();
            assert_eq!(received, std::fs::read("/proc/version").unwrap());
            drop((writer, server));
        });
    }
}

/// M6.68. `test_sock_sendfile_success`, `_count`, `_when_closed`: over a socket that stays the caller's.
#[test]
fn a_file_is_sent_over_a_socket_of_the_callers() {
    let listener = TcpListener::bind(home()).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    server.set_nonblocking(true).unwrap();
    let reader = thread::spawn(move || {
        let mut received = Vec::new();
        (&client).read_to_end(&mut received).unwrap();
        received
    });
    on_a_loop(async move {
        let (event_loop, file) = (get_running_loop(), file_of(&bytes(BIG)));
        let sent = event_loop.sock_sendfile(&server, &file).await.unwrap();
        assert_eq!((sent, (&file).stream_position().unwrap()), (BIG as u64, BIG as u64));
        let options = SendfileOptions { offset: 5, count: Some(3), fallback: true };
        assert_eq!(
            event_loop.sock_sendfile_with(options, &server, &file).await.unwrap(),
            3
        );
        assert_eq!((&file).stream_position().unwrap(), 8);
        // It stays the caller's.
        (&server).write_all(b".").unwrap();
        server.shutdown(std::net::Shutdown::Write).unwrap();
        let failed = event_loop.sock_sendfile(&server, &file).await.unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::BrokenPipe);
    });
    let content = bytes(BIG);
    assert!(reader.join().unwrap() == [&*content, &content[5..8], b"."].concat());
}
