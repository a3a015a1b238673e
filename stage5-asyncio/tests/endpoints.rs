//! Names and attempts, servers and their ends, datagrams, pipes, a transport over a transport.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::cell::{Cell, OnceCell, RefCell};
use std::fs;
use std::io::{self, Read, Write, pipe};
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use common::{Log, MS, panic_of, reports, story, turns};
use stage5_asyncio::base_events::{Address, ConnectOptions, ServerOptions};
use stage5_asyncio::protocols::{DatagramProtocol, Protocol};
use stage5_asyncio::staggered::staggered_race;
use stage5_asyncio::streams::{
    StreamReader, StreamWriter, open_connection, open_unix_connection, start_server,
    start_unix_server,
};
use stage5_asyncio::time::sleep;
use stage5_asyncio::transports::{DatagramTransport, Transport};
use stage5_asyncio::{
    catch_cancel, create_task, get_running_loop, new_event_loop, run, testing, timeout,
};

fn home() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Runs `story`, which takes no minute.
fn on_a_loop<T: 'static>(story: impl Future<Output = T> + 'static) -> T {
    let in_time = async { timeout(Duration::from_mins(1), story).await };
    run(in_time).unwrap().expect("it takes no minute")
}

/// How many descriptors this process has; where that can be seen.
fn descriptors() -> Option<usize> {
    Some(fs::read_dir("/proc/self/fd").ok()?.count())
}

/// Writes down what it is told.
#[derive(Clone, Debug, Default)]
struct Said(Log, Rc<OnceCell<Rc<dyn Transport>>>);

impl Protocol for Said {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.0.say("made");
        assert!(self.1.set(transport).is_ok());
    }

    fn data_received(&self, data: &[u8]) {
        self.0.say(String::from_utf8_lossy(data));
    }

    fn eof_received(&self) -> bool {
        self.0.say("eof");
        false
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.0
            .say(reason.map_or("lost".to_owned(), |it| format!("lost: {:?}", it.kind())));
    }
}

impl Said {
    /// Waits until it is lost.
    async fn lost(&self) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            all.extend(self.0.take());
            if all.last().is_some_and(|it| it.starts_with("lost")) {
                return all;
            }
            sleep(MS).await;
        }
    }
}

/// An attempt that takes that long.
async fn attempt(
    log: Log,
    name: &'static str,
    ms: u32,
    is_good: bool,
) -> io::Result<&'static str> {
    struct Gone(Log, &'static str, Cell<bool>);
    impl Drop for Gone {
        fn drop(&mut self) {
            if !self.2.get() {
                self.0.say(format_args!("{} is cancelled", self.1));
            }
        }
    }
    let gone = Gone(log, name, Cell::new(false));
    gone.0.say(format_args!("{name} begins"));
    sleep(ms * MS).await;
    gone.2.set(true);
    if is_good { Ok(name) } else { Err(io::Error::other(name)) }
}

/// RFC 8305: the next one begins after the delay, or as soon as the last one has failed; the
/// first that is through wins, and the others are given up.
#[test]
fn attempts_are_staggered_and_the_first_that_is_through_wins() {
    let race = |attempts: &'static [(&'static str, u32, bool)], delay: Option<u32>| {
        story(async move {
            let log = Log::default();
            let attempts = attempts.iter().map(|&(name, ms, is_good)| {
                let log = log.clone();
                move || attempt(log, name, ms, is_good)
            });
            let won = staggered_race(attempts, delay.map(|it| it * MS)).await;
            turns(3).await;
            let won = won.map_err(|it| it.iter().map(ToString::to_string).collect());
            (won, log.take())
        })
    };
    let (both, took) = race(&[("a", 1000, true), ("b", 100, true)], Some(250));
    let log = ["a begins", "b begins", "a is cancelled"].map(String::from).to_vec();
    assert_eq!(both, (Ok("b"), log));
    assert_eq!(took, 350 * MS, "b began after a quarter of a second");

    let (both, took) = race(&[("a", 10, false), ("b", 100, true)], Some(250));
    assert_eq!((both.0, took), (Ok("b"), 110 * MS), "b began when a had failed");

    let (both, took) =
        race(&[("a", 600, false), ("b", 10, false), ("c", 10, false)], Some(250));
    let errors: Vec<_> = ["a", "b", "c"].map(String::from).to_vec();
    assert_eq!((both.0, took), (Err(errors), 600 * MS), "in the order of the attempts");

    let (both, took) = race(&[("a", 600, false), ("b", 10, true)], None);
    assert_eq!((both.0, took), (Ok("b"), 610 * MS), "one after the other");
}

#[test]
fn whoever_gives_a_race_up_cancels_all_of_it() {
    let (log, _) = story(async {
        let log = Log::default();
        let said = log.clone();
        let attempts = ["a", "b"].map(|name| {
            let log = log.clone();
            move || attempt(log, name, 1000, true)
        });
        let race = staggered_race(attempts, Some(10 * MS));
        assert!(timeout(50 * MS, race).await.is_err());
        turns(3).await;
        said.take()
    });
    assert_eq!(log[2..], ["a is cancelled", "b is cancelled"]);
}

#[test]
fn names_are_resolved_on_a_thread_and_addresses_are_not() {
    on_a_loop(async {
        let event_loop = get_running_loop();
        let found = event_loop.getaddrinfo(("localhost", 7)).await.unwrap();
        assert!(found.iter().all(|it| it.ip().is_loopback() && it.port() == 7));
        assert!(event_loop.getaddrinfo("no port").await.is_err());
        let literal: Address = ("::1", 80).into();
        assert_eq!(literal, Address::Socket(([0, 0, 0, 0, 0, 0, 0, 1], 80).into()));
        assert_eq!(Address::from("1.2.3.4:5"), ([1, 2, 3, 4], 5).into());

        let server = start_server(async |_, _| Ok(()), ("localhost", 0)).await.unwrap();
        let port = server.sockets()[0].port();
        let options = ConnectOptions {
            happy_eyeballs_delay: Some(250 * MS),
            ..ConnectOptions::default()
        };
        let factory = Said::default;
        let address = ("localhost", port);
        let connecting = event_loop.create_connection_with(options, factory, address);
        let (transport, protocol) = connecting.await.unwrap();
        assert!(transport.peername().is_some() && transport.sockname().is_some());
        assert_eq!(protocol.lost().await, ["made", "eof", "lost"]);
    });
}

/// M7.06
#[test]
fn a_connection_that_fails_leaves_nothing_behind() {
    on_a_loop(async {
        let listener = TcpListener::bind(home()).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (event_loop, made) = (get_running_loop(), Rc::new(Cell::new(0)));
        let count = Rc::clone(&made);
        let factory = move || count.set(count.get() + 1);
        let factory = move || {
            factory();
            Said::default()
        };
        let error = event_loop.create_connection(factory, address).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!((made.get(), event_loop.reactor().sockets()), (0, 0));
    });
}

#[test]
fn a_server_that_was_not_told_to_serve_accepts_when_it_is() {
    on_a_loop(async {
        let options = ServerOptions { start_serving: false, ..ServerOptions::default() };
        let factory = Said::default();
        let said = factory.clone();
        let server = get_running_loop()
            .create_server_with(options, move || factory.clone(), home())
            .await
            .unwrap();
        let (_reader, writer) = open_connection(server.sockets()[0]).await.unwrap();
        sleep(20 * MS).await;
        assert!(!server.is_serving() && said.0.take().is_empty());
        server.start_serving();
        server.start_serving();
        writer.close();
        assert_eq!(said.lost().await, ["made", "eof", "lost"]);
        server.close();
        assert_eq!(panic_of(|| server.start_serving()), "the server is closed");
    });
}

/// `test_server.py`: a cancel ends it, and its connections with it; so does `close`.
#[test]
fn serve_forever_ends_by_a_cancel_or_by_close_and_takes_the_connections_along() {
    on_a_loop(async {
        for by_close in [false, true] {
            let echo = async |mut reader: StreamReader, writer: StreamWriter| {
                while let Some(line) = reader.next().await? {
                    writer.write(&line);
                }
                Ok(())
            };
            let server = start_server(echo, home()).await.unwrap();
            let address = server.sockets()[0];
            let its = server.clone();
            let serving = create_task(async move { its.serve_forever().await });
            let (mut reader, writer) = open_connection(address).await.unwrap();
            writer.write(b"line\n");
            assert_eq!(reader.readline().await.unwrap(), b"line\n");
            if by_close {
                server.close();
            } else {
                serving.cancel();
            }
            assert!(catch_cancel(serving).await.is_err());
            assert!(!server.is_serving());
            assert_eq!(reader.read(1).await.unwrap(), b"", "it was closed");
            drop(writer);
            turns(3).await;
            assert_eq!(get_running_loop().reactor().sockets(), 0);
        }
    });
}

#[test]
fn a_protocol_that_panics_is_reported_and_its_connection_is_lost() {
    struct Bad(&'static str, Log);
    impl Protocol for Bad {
        fn connection_made(&self, _: Rc<dyn Transport>) {
            assert_ne!(self.0, "made", "made!");
        }
        fn data_received(&self, _: &[u8]) {
            assert_ne!(self.0, "data", "data!");
        }
        fn connection_lost(&self, reason: Option<io::Error>) {
            self.1.say(reason.map_or("no reason".to_owned(), |it| it.to_string()));
            assert_ne!(self.0, "lost", "lost!");
        }
    }
    on_a_loop(async {
        let log = reports();
        for (where_, reason) in
            [("made", "made!"), ("data", "data!"), ("lost", "no reason")]
        {
            let said = Log::default();
            let its = said.clone();
            let factory = move || Bad(where_, its.clone());
            let server = get_running_loop().create_server(factory, home()).await.unwrap();
            let (mut reader, writer) =
                open_connection(server.sockets()[0]).await.unwrap();
            writer.write(b"x");
            writer.write_eof();
            let _ = reader.read(1).await;
            server.close();
            server.wait_closed().await;
            let why = said.take().join(" ");
            assert!(why.contains(reason), "{why}");
            let told = log.take().join(" ");
            assert!(told.contains("protocol.") && told.contains("failed"), "{told}");
        }
        turns(3).await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// What a loop closes at its end has its descriptors closed, and nobody told; debug mode says
/// what was not closed before.
#[test]
fn what_is_open_at_the_end_of_the_loop_is_closed_with_it() {
    let before = descriptors();
    let said = Said::default();
    let its = said.clone();
    let ((), warnings) = testing::warnings(|| {
        let event_loop = new_event_loop().unwrap();
        event_loop
            .run_until_complete(async move {
                let factory = move || its.clone();
                let server =
                    get_running_loop().create_server(factory, home()).await.unwrap();
                let (_reader, writer) =
                    open_connection(server.sockets()[0]).await.unwrap();
                writer.transport().pause_reading();
                sleep(20 * MS).await;
            })
            .unwrap();
        event_loop.close();
    });
    assert_eq!(said.0.take(), ["made"]);
    drop(said);
    if before.is_some() {
        // Other tests run beside this one, and have some too: so it is tried until it is so.
        let is_so = || descriptors() <= before;
        assert!((0..5000).any(|_| is_so() || {
            std::thread::yield_now();
            false
        }));
    }
    let unclosed =
        warnings.iter().filter(|it| it.contains("A transport was never closed"));
    assert_eq!(unclosed.count(), 1, "{warnings:?}");
}

/// What stands in between. It is told, as a protocol, and it tells.
struct Shout {
    lower: OnceCell<Rc<dyn Transport>>,
    upper: Rc<dyn Protocol>,
}
struct Upper(Rc<Shout>);
impl std::fmt::Debug for Upper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Upper")
    }
}
impl Protocol for Shout {
    fn connection_made(&self, lower: Rc<dyn Transport>) {
        let _ = self.lower.set(lower);
    }
    fn data_received(&self, data: &[u8]) {
        self.upper.data_received(&data.to_ascii_lowercase());
    }
    fn connection_lost(&self, reason: Option<io::Error>) {
        self.upper.connection_lost(reason);
    }
}
impl Upper {
    fn lower(&self) -> &Rc<dyn Transport> {
        self.0.lower.get().unwrap()
    }
}
impl Transport for Upper {
    fn write(&self, data: &[u8]) {
        self.lower().write(&data.to_ascii_uppercase());
    }
    fn write_eof(&self) {
        unreachable!("as with TLS");
    }
    fn can_write_eof(&self) -> bool {
        false
    }
    fn close(&self) {
        self.lower().close();
    }
    fn abort(&self) {
        self.lower().abort();
    }
    fn is_closing(&self) -> bool {
        self.lower().is_closing()
    }
    fn pause_reading(&self) {
        self.lower().pause_reading();
    }
    fn resume_reading(&self) {
        self.lower().resume_reading();
    }
    fn is_reading(&self) -> bool {
        self.lower().is_reading()
    }
    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>) {
        self.lower().set_write_buffer_limits(high, low);
    }
    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.lower().get_write_buffer_limits()
    }
    fn get_write_buffer_size(&self) -> usize {
        self.lower().get_write_buffer_size()
    }
    fn set_protocol(&self, _: Rc<dyn Protocol>) {
        unreachable!("not here");
    }
    fn get_protocol(&self) -> Option<Rc<dyn Protocol>> {
        Some(Rc::clone(&self.0.upper))
    }
}

/// A transport over a transport: the upper one's protocol speaks in capitals only.
#[test]
fn a_protocol_may_be_a_transport_for_another_one() {
    on_a_loop(async {
        let heard = Rc::<RefCell<Vec<u8>>>::default();
        let keep = Rc::clone(&heard);
        let serve = move |mut reader: StreamReader, writer: StreamWriter| {
            let keep = Rc::clone(&keep);
            async move {
                let line = reader.readline().await?;
                writer.write(&line);
                keep.replace(line);
                Ok(())
            }
        };
        let server = start_server(serve, home()).await.unwrap();
        let said = Said::default();
        let event_loop = get_running_loop();
        let connecting = event_loop.create_connection(Said::default, server.sockets()[0]);
        let (lower, first) = connecting.await.unwrap();
        // The upgrade, as start_tls does it.
        let shout =
            Rc::new(Shout { lower: OnceCell::new(), upper: Rc::new(said.clone()) });
        lower.set_protocol(Rc::clone(&shout) as _);
        shout.connection_made(lower);
        let upper: Rc<dyn Transport> = Rc::new(Upper(shout));
        said.connection_made(Rc::clone(&upper));
        upper.write(b"Hello\n");
        assert_eq!(said.lost().await, ["made", "hello\n", "lost"]);
        assert_eq!(*heard.borrow(), b"HELLO\n");
        assert_eq!(first.0.take(), ["made"], "the first protocol heard no more");
        assert!(upper.is_closing());
    });
}

/// Answers in capitals, and writes down what goes wrong.
#[derive(Clone, Default)]
struct Shouts(Log, Rc<OnceCell<Rc<dyn DatagramTransport>>>);

impl DatagramProtocol for Shouts {
    fn connection_made(&self, transport: Rc<dyn DatagramTransport>) {
        let _ = self.1.set(transport);
    }

    fn datagram_received(&self, data: &[u8], sender: SocketAddr) {
        self.0.say(String::from_utf8_lossy(data));
        let answer = data.to_ascii_uppercase();
        if answer != data {
            self.1.get().unwrap().sendto(&answer, Some(sender));
        }
    }

    fn error_received(&self, error: io::Error) {
        self.0.say(format_args!("error: {:?}", error.kind()));
    }

    fn connection_lost(&self, _: Option<io::Error>) {
        self.0.say("lost");
    }
}

#[test]
fn datagrams_come_and_go_by_a_protocol() {
    on_a_loop(async {
        let event_loop = get_running_loop();
        let endpoint = |local, remote: Option<SocketAddr>| {
            event_loop.create_datagram_endpoint(Shouts::default, local, remote)
        };
        let (server, heard) = endpoint(Some(home()), None).await.unwrap();
        let address = server.sockname().unwrap();
        let (client, answered) = endpoint(None, Some(address)).await.unwrap();
        assert_eq!(client.peername(), Some(address));
        client.sendto(b"hello", None);
        client.sendto(b"world", Some(address));
        let mut answers = Vec::new();
        while answers.len() < 2 {
            answers.extend(answered.0.take());
            sleep(MS).await;
        }
        assert_eq!(answers, ["HELLO", "WORLD"]);
        assert_eq!(heard.0.take(), ["hello", "world"]);
        let other = home();
        let wrong = panic_of(|| client.sendto(b"x", Some(other)));
        assert!(wrong.contains("connected to another address"), "{wrong}");
        let wrong = panic_of(|| server.sendto(b"x", None));
        assert!(wrong.contains("say whom to send to"), "{wrong}");

        server.abort();
        server.close();
        turns(2).await;
        assert_eq!(heard.0.take(), ["lost"]);
        // Nobody is there any more: that is an error, and not the end.
        client.sendto(b"?", None);
        while answered.0.take() != ["error: ConnectionRefused"] {
            sleep(MS).await;
        }
        client.close();
        assert!(client.is_closing());
        turns(2).await;
        assert_eq!(answered.0.take(), ["lost"]);
        assert_eq!(event_loop.reactor().sockets(), 0);
    });
}

#[test]
fn sockets_in_the_file_system_carry_streams_and_their_file_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("echo");
    on_a_loop(async move {
        let echo = async |mut reader: StreamReader, writer: StreamWriter| {
            writer.write(&reader.readline().await?);
            Ok(())
        };
        let server = start_unix_server(echo, &path).await.unwrap();
        assert!(server.sockets().is_empty());
        let (mut reader, writer) = open_unix_connection(&path).await.unwrap();
        assert_eq!((writer.peername(), writer.sockname()), (None, None));
        writer.write(b"line\n");
        assert_eq!(reader.read_to_end().await.unwrap(), b"line\n");
        drop(writer);
        server.close();
        server.wait_closed().await;
        assert!(!path.exists());
        let error = open_unix_connection(&path).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);

        // One that is left over from a server that is gone is replaced.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let server = start_unix_server(echo, &path).await.unwrap();
        open_unix_connection(&path).await.unwrap();
        // And a file that took its place is left alone.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another").unwrap();
        server.close();
        assert!(path.exists());
    });
}

#[test]
fn a_pipe_is_read_by_a_protocol_until_its_writer_is_gone() {
    on_a_loop(async {
        let (ours, mut theirs) = pipe().unwrap();
        let event_loop = get_running_loop();
        let (transport, said) =
            event_loop.connect_read_pipe(Said::default, ours).await.unwrap();
        theirs.write_all(b"hello").unwrap();
        sleep(5 * MS).await;
        let wrong = panic_of(|| transport.write(b"x"));
        assert_eq!(wrong, "this end of a pipe is for reading");
        drop(theirs);
        assert_eq!(said.lost().await, ["made", "hello", "eof", "lost"]);
        assert_eq!(event_loop.reactor().sockets(), 0);
    });
}

/// M7.17
#[test]
fn a_pipe_is_written_as_it_is_read_and_is_lost_when_its_reader_is_gone() {
    on_a_loop(async {
        let event_loop = get_running_loop();
        let (mut theirs, ours) = pipe().unwrap();
        let (transport, said) =
            event_loop.connect_write_pipe(Said::default, ours).await.unwrap();
        let all = vec![b'x'; 1_000_000];
        transport.write(&all);
        assert!(transport.get_write_buffer_size() > 0 && transport.can_write_eof());
        transport.write_eof();
        let reading = std::thread::spawn(move || {
            let mut read = Vec::new();
            theirs.read_to_end(&mut read).unwrap();
            read
        });
        assert_eq!(said.lost().await, ["made", "lost"]);
        assert_eq!(reading.join().unwrap(), all);

        for unsent in [false, true] {
            let (theirs, ours) = pipe().unwrap();
            let (transport, said) =
                event_loop.connect_write_pipe(Said::default, ours).await.unwrap();
            if unsent {
                transport.write(&all);
            }
            drop(theirs);
            let reason = if unsent { "lost: BrokenPipe" } else { "lost" };
            assert_eq!(said.lost().await, ["made", reason]);
        }
        assert_eq!(event_loop.reactor().sockets(), 0);
    });
}

#[test]
fn a_socket_from_outside_gets_a_protocol() {
    on_a_loop(async {
        let listener = TcpListener::bind(home()).unwrap();
        let theirs =
            std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (ours, _) = listener.accept().unwrap();
        let event_loop = get_running_loop();
        let (transport, said) =
            event_loop.connect_accepted_socket(Said::default, ours).await.unwrap();
        transport.writelines(&[b"one ", b"two"]);
        let mut buffer = [0; 7];
        (&theirs).read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"one two");
        drop(theirs);
        assert_eq!(said.lost().await, ["made", "eof", "lost"]);
    });
}
