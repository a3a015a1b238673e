//! What is not TCP: datagrams, sockets in the file system, descriptors from outside. Real ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use reactor::backend::{Backend, Clockwork};
use reactor::sim::{Sim, Weather};
use reactor::{Direction, Key, Reactor, UdpSocket};

mod bounds;

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);
const SOON: Option<Duration> = Some(Duration::from_secs(5));
const NOW: Option<Duration> = Some(Duration::ZERO);

fn selected<T>(reactor: &Reactor<T>, timeout: Option<Duration>) -> Vec<T> {
    let mut ready = Vec::new();
    reactor.select(timeout, &mut ready).unwrap();
    ready
}

fn would_block<V: std::fmt::Debug>(attempt: io::Result<V>) {
    assert_eq!(attempt.unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn unsupported<V: std::fmt::Debug>(attempt: io::Result<V>) {
    assert_eq!(attempt.unwrap_err().kind(), ErrorKind::Unsupported);
}

/// Waits until `direction` is worth trying.
fn wait(reactor: &Reactor<&'static str>, key: Key, direction: Direction) {
    assert_eq!(reactor.wait_for(key, direction, "ready"), None);
    let mut turns = bounds::Turns::default();
    while selected(reactor, SOON) != ["ready"] {
        turns.one_more();
    }
}

fn udp<T>(reactor: &Reactor<T>) -> (UdpSocket<T>, SocketAddr) {
    let socket = reactor.bind(ANYWHERE.into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A datagram is a message: two that are sent are two that arrive, each with its sender.
#[test]
fn datagrams_keep_their_bounds_and_their_senders() {
    let reactor = Reactor::new().unwrap();
    let ((one, here), (other, there)) = (udp(&reactor), udp(&reactor));
    let mut buffer = [0; 16];
    would_block(one.recv_from(&mut buffer));
    assert_eq!(other.send_to(b"first", &here).unwrap(), 5);
    assert_eq!(other.send_to(b"", &here).unwrap(), 0);
    assert_eq!(other.send_to(b"second", &here).unwrap(), 6);
    wait(&reactor, one.key(), Direction::Read);
    assert_eq!(one.recv_from(&mut buffer).unwrap(), (5, there));
    assert_eq!(&buffer[..5], b"first");
    assert_eq!(one.recv_from(&mut buffer).unwrap(), (0, there));
    // What does not fit is lost, and the next one is whole.
    assert_eq!(one.recv_from(&mut buffer[..3]).unwrap(), (3, there));
    assert_eq!(&buffer[..3], b"sec");
    would_block(one.recv_from(&mut buffer));
    assert!(format!("{one:?}").starts_with("DatagramSocket("));
}

/// M7.01, for datagrams: who leaves one behind is handed back again.
#[test]
fn a_datagram_that_is_left_behind_is_told_of_again() {
    let reactor = Reactor::new().unwrap();
    let ((one, here), (other, _)) = (udp(&reactor), udp(&reactor));
    for _ in 0..3 {
        other.send_to(b"x", &here).unwrap();
    }
    for _ in 0..3 {
        wait(&reactor, one.key(), Direction::Read);
        one.recv_from(&mut [0; 8]).unwrap();
    }
    would_block(one.recv_from(&mut [0; 8]));
    assert_eq!(reactor.wait_for(one.key(), Direction::Read, "again"), None);
    assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
}

/// A socket that is connected hears its other end alone, and needs no address to answer.
#[test]
fn a_connected_socket_hears_nobody_else() {
    let reactor = Reactor::new().unwrap();
    let ((one, here), (other, there), (stranger, _)) =
        (udp(&reactor), udp(&reactor), udp(&reactor));
    one.connect(&there).unwrap();
    stranger.send_to(b"spam", &here).unwrap();
    other.send_to(b"ping", &here).unwrap();
    wait(&reactor, one.key(), Direction::Read);
    assert_eq!(one.recv_from(&mut [0; 8]).unwrap(), (4, there));
    assert_eq!(one.send(b"pong").unwrap(), 4);
    wait(&reactor, other.key(), Direction::Read);
    assert_eq!(other.recv_from(&mut [0; 8]).unwrap(), (4, here));
}

/// Nobody is there: the next receive says so, and whoever waits for one is woken.
#[cfg(target_os = "linux")]
#[test]
fn a_datagram_that_finds_nobody_is_an_error_of_the_next_receive() {
    let reactor = Reactor::new().unwrap();
    let ((one, _), (gone, there)) = (udp(&reactor), udp(&reactor));
    drop(gone);
    one.connect(&there).unwrap();
    would_block(one.recv_from(&mut [0; 8]));
    one.send(b"hello?").unwrap();
    wait(&reactor, one.key(), Direction::Read);
    let error = one.recv_from(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

/// A clone in std sees it on the same socket.
#[test]
fn a_stream_can_be_told_to_send_at_once() {
    let reactor = Reactor::<()>::new().unwrap();
    let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let clone = stream.try_clone().unwrap();
    let stream = reactor.adopt_stream(stream).unwrap();
    assert!(!clone.nodelay().unwrap());
    stream.set_nodelay(true).unwrap();
    assert!(clone.nodelay().unwrap());
}

/// Sockets that std has opened go on here, and block no more.
#[test]
fn sockets_from_outside_can_be_adopted() {
    let reactor = Reactor::new().unwrap();
    let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
    let listener = reactor.adopt_listener(listener).unwrap();
    would_block(listener.accept());
    let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let client = reactor.adopt_stream(stream).unwrap();
    client.connected().unwrap();
    wait(&reactor, listener.key(), Direction::Read);
    let server = listener.accept().unwrap();
    would_block(client.read(&mut [0; 8]));
    server.write(b"ping").unwrap();
    wait(&reactor, client.key(), Direction::Read);
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 4);
    assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());

    let socket = std::net::UdpSocket::bind(SocketAddr::from(ANYWHERE)).unwrap();
    let socket = reactor.adopt_datagram(socket).unwrap();
    would_block(socket.recv_from(&mut [0; 8]));
    socket.send_to(b"to me", &socket.local_addr().unwrap()).unwrap();
    wait(&reactor, socket.key(), Direction::Read);
    assert_eq!(socket.recv_from(&mut [0; 8]).unwrap().0, 5);
}

/// What is invented knows TCP alone, and says so.
#[test]
fn a_network_that_is_invented_knows_no_datagrams_and_no_files() {
    let backends: [std::rc::Rc<dyn Backend>; 2] =
        [Clockwork::new(), Sim::new(7, Weather::calm())];
    for backend in backends {
        let reactor = Reactor::<()>::with_backend(backend);
        unsupported(reactor.bind(ANYWHERE.into()));
        let listener = std::net::TcpListener::bind(SocketAddr::from(ANYWHERE)).unwrap();
        let address = listener.local_addr().unwrap();
        let stream = std::net::TcpStream::connect(address).unwrap();
        unsupported(reactor.adopt_listener(listener));
        unsupported(reactor.adopt_stream(stream));
        let socket = std::net::UdpSocket::bind(SocketAddr::from(ANYWHERE)).unwrap();
        unsupported(reactor.adopt_datagram(socket));
        #[cfg(unix)]
        {
            let (end, _other) = io::pipe().unwrap();
            unsupported(reactor.listen_unix("/nowhere/at/all"));
            unsupported(reactor.connect_unix("/nowhere/at/all"));
            unsupported(reactor.bind_unix(None));
            let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
            unsupported(reactor.adopt_unix(one));
            unsupported(reactor.adopt(end.try_clone().unwrap().into(), Direction::Read));
            unsupported(reactor.watch(end.into()));
        }
        assert_eq!(reactor.sockets(), 0);
    }
}

#[cfg(unix)]
mod unix {
    use std::io::{Read, Write};
    use std::net::Shutdown;
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::net;
    use std::thread;

    use super::*;

    /// Bytes there and back, then the end, through a file. The file stays when the listener is
    /// gone, and stands in the way of the next one, as in Python.
    #[test]
    fn a_conversation_goes_through_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let reactor = Reactor::new().unwrap();
        let listener = reactor.listen_unix(&path).unwrap();
        would_block(listener.accept());
        let client = reactor.connect_unix(&path).unwrap();
        client.connected().unwrap();
        wait(&reactor, listener.key(), Direction::Read);
        let server = listener.accept().unwrap();
        let mut buffer = [0; 8];
        would_block(server.read(&mut buffer));
        assert_eq!(client.write(b"ping").unwrap(), 4);
        wait(&reactor, server.key(), Direction::Read);
        assert_eq!(server.read(&mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"ping");
        client.shutdown(Shutdown::Write).unwrap();
        wait(&reactor, server.key(), Direction::Read);
        assert_eq!(server.read(&mut buffer).unwrap(), 0);
        assert_eq!(server.write(b"pong").unwrap(), 4);
        drop(server);
        wait(&reactor, client.key(), Direction::Read);
        assert_eq!(client.read(&mut buffer).unwrap(), 4);
        wait(&reactor, client.key(), Direction::Read);
        assert_eq!(client.read(&mut buffer).unwrap(), 0);

        drop(listener);
        let refused = reactor.connect_unix(&path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = reactor.listen_unix(&path).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        let absent = reactor.connect_unix(folder.path().join("nobody")).unwrap_err();
        assert_eq!(absent.kind(), ErrorKind::NotFound);
    }

    /// A peer that does not read makes the writer wait; once it reads, the writer is told.
    #[test]
    fn a_stream_that_is_full_waits_for_its_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = net::UnixListener::bind(&path).unwrap();
        let reactor = Reactor::new().unwrap();
        let client = reactor.connect_unix(&path).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        let (mut turns, mut written) = (bounds::Turns::default(), 0);
        while let Ok(n) = client.write(&[0; 4096]) {
            turns.one_more();
            written += n;
        }
        assert_eq!(reactor.wait_for(client.key(), Direction::Write, "room"), None);
        assert_eq!(selected(&reactor, NOW), [""; 0]);
        // An engine of completions holds some of it itself, and needs its turns to hand it over.
        peer.set_nonblocking(true).unwrap();
        let (mut told, mut taken) = (Vec::new(), 0);
        while told.is_empty() || taken < written {
            turns.one_more();
            taken += peer.read(&mut [0; 4096]).unwrap_or(0);
            reactor.select(NOW, &mut told).unwrap();
        }
        assert_eq!((told, taken), (vec!["room"], written));
        assert_eq!(client.write(b"more").unwrap(), 4);
    }

    /// As over TCP: a read that did not fill its buffer has taken all there was.
    #[test]
    fn after_a_short_read_one_can_only_wait() {
        let reactor = Reactor::new().unwrap();
        let (one, mut other) = net::UnixStream::pair().unwrap();
        let one = reactor.adopt_unix(one).unwrap();
        would_block(one.read(&mut [0; 8]));
        other.write_all(b"ping").unwrap();
        wait(&reactor, one.key(), Direction::Read);
        assert_eq!(one.read(&mut [0; 8]).unwrap(), 4);
        assert!(reactor.can_only_wait(one.key(), Direction::Read));
    }

    /// A peer that left without having read is told of, to whoever asks first.
    #[test]
    fn a_stream_that_broke_off_says_so_when_it_is_asked_whether_it_is_connected() {
        let reactor = Reactor::<()>::new().unwrap();
        let (one, other) = net::UnixStream::pair().unwrap();
        let one = reactor.adopt_unix(one).unwrap();
        one.connected().unwrap();
        assert_eq!(one.write(b"never read").unwrap(), 10);
        // An engine of completions hands it over when it has its turn.
        assert!(selected(&reactor, NOW).is_empty());
        drop(other);
        let error = one.connected().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }

    /// The two ends of a pair.
    #[test]
    fn a_pair_of_streams_can_be_adopted() {
        let reactor = Reactor::new().unwrap();
        let (one, other) = net::UnixStream::pair().unwrap();
        let [one, other] = [one, other].map(|it| reactor.adopt_unix(it).unwrap());
        would_block(one.read(&mut [0; 8]));
        assert_eq!(other.write(b"ping").unwrap(), 4);
        wait(&reactor, one.key(), Direction::Read);
        assert_eq!(one.read(&mut [0; 8]).unwrap(), 4);
        drop(other);
        wait(&reactor, one.key(), Direction::Read);
        assert_eq!(one.read(&mut [0; 8]).unwrap(), 0);
    }

    /// Datagrams in the file system: an answer needs a name to go to.
    #[test]
    fn datagrams_go_from_file_to_file() {
        let folder = tempfile::tempdir().unwrap();
        let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
        let reactor = Reactor::new().unwrap();
        let one = reactor.bind_unix(Some(&here)).unwrap();
        let other = reactor.bind_unix(Some(&there)).unwrap();
        let nameless = reactor.bind_unix(None).unwrap();
        let mut buffer = [0; 8];
        would_block(one.recv_from(&mut buffer));
        assert_eq!(other.send_to(b"ping", &one.local_addr().unwrap()).unwrap(), 4);
        wait(&reactor, one.key(), Direction::Read);
        let (n, sender) = one.recv_from(&mut buffer).unwrap();
        assert_eq!((n, sender.as_pathname()), (4, Some(&*there)));
        one.send_to(b"pong", &sender).unwrap();
        wait(&reactor, other.key(), Direction::Read);
        assert_eq!(other.recv_from(&mut buffer).unwrap().0, 4);

        nameless.connect(&one.local_addr().unwrap()).unwrap();
        assert_eq!(nameless.send(b"guess").unwrap(), 5);
        wait(&reactor, one.key(), Direction::Read);
        let (n, sender) = one.recv_from(&mut buffer).unwrap();
        assert_eq!((n, sender.is_unnamed()), (5, true));
        let error = one.send_to(b"who?", &sender).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }

    /// Somebody else reads, and says nothing of it: whoever waits is told for as long as there
    /// is something, and no longer. `add_reader` of asyncio is level-triggered like this.
    #[test]
    fn a_descriptor_is_told_of_as_long_as_it_is_ready() {
        let reactor = Reactor::new().unwrap();
        let (mut ours, mut theirs) = net::UnixStream::pair().unwrap();
        let watched = reactor.watch(ours.try_clone().unwrap().into()).unwrap();
        theirs.write_all(b"abc").unwrap();
        for _ in 0..3 {
            wait(&reactor, watched.key(), Direction::Read);
            ours.read_exact(&mut [0]).unwrap();
        }
        assert_eq!(reactor.wait_for(watched.key(), Direction::Read, "no"), None);
        assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
        theirs.write_all(b"d").unwrap();
        assert_eq!(selected(&reactor, SOON), ["no"]);
        ours.read_exact(&mut [0]).unwrap();
        assert_ne!(watched.as_fd().as_raw_fd(), ours.as_raw_fd());
        assert!(format!("{watched:?}").starts_with("Descriptor("));
    }

    /// Both directions of a descriptor, each for itself.
    #[test]
    fn a_reader_and_a_writer_wait_for_one_descriptor() {
        let reactor = Reactor::new().unwrap();
        let (mut ours, mut theirs) = net::UnixStream::pair().unwrap();
        let watched = reactor.watch(ours.try_clone().unwrap().into()).unwrap();
        assert_eq!(reactor.wait_for(watched.key(), Direction::Read, "r"), None);
        assert_eq!(selected(&reactor, NOW), [""; 0]);
        for _ in 0..2 {
            assert_eq!(reactor.wait_for(watched.key(), Direction::Write, "w"), None);
            assert_eq!(selected(&reactor, SOON), ["w"]);
        }
        ours.set_nonblocking(true).unwrap();
        let mut written = 0;
        while let Ok(n) = ours.write(&[0; 4096]) {
            written += n;
        }
        assert_eq!(reactor.wait_for(watched.key(), Direction::Write, "w"), None);
        assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
        theirs.write_all(b"x").unwrap();
        assert_eq!(selected(&reactor, SOON), ["r"]);
        theirs.read_exact(&mut vec![0; written]).unwrap();
        assert_eq!(selected(&reactor, SOON), ["w"]);
        assert_eq!(reactor.waiters(), 0);
    }

    /// A writer that was told wakes nobody any more who waits to read.
    #[test]
    fn a_descriptor_is_asked_only_for_what_somebody_waits_for() {
        let reactor = Reactor::new().unwrap();
        let (ours, mut theirs) = net::UnixStream::pair().unwrap();
        let watched = reactor.watch(ours.into()).unwrap();
        wait(&reactor, watched.key(), Direction::Write);
        assert_eq!(reactor.wait_for(watched.key(), Direction::Read, "r"), None);
        let waker = reactor.waker();
        let later = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            theirs.write_all(b"x").unwrap();
            waker.wake(); // so that nobody sleeps for ever
            theirs
        });
        // There is room all the time, and nobody has asked whether.
        assert_eq!(selected(&reactor, SOON), ["r"]);
        drop(later.join().unwrap());
    }

    /// Whoever stops waiting is not handed back, and the next one is.
    #[test]
    fn a_descriptor_forgets_who_gave_up() {
        let reactor = Reactor::new().unwrap();
        let (ours, mut theirs) = net::UnixStream::pair().unwrap();
        let watched = reactor.watch(ours.into()).unwrap();
        assert_eq!(reactor.wait_for(watched.key(), Direction::Read, "first"), None);
        assert_eq!(reactor.stop_waiting(watched.key(), Direction::Read), Some("first"));
        theirs.write_all(b"x").unwrap();
        assert_eq!(selected(&reactor, NOW), [""; 0]);
        wait(&reactor, watched.key(), Direction::Read);
        let key = watched.key();
        drop(watched);
        assert_eq!(reactor.stop_waiting(key, Direction::Read), None);
        assert_eq!(reactor.sockets(), 0);
        // Nobody holds it any more: the other end learns that it is closed.
        assert_eq!(
            theirs.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }

    /// M7.18, for descriptors.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_regular_file_is_not_watched() {
        let reactor = Reactor::<()>::new().unwrap();
        let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
        let error = reactor.watch(file.into()).unwrap_err();
        assert_eq!((error.kind(), reactor.sockets()), (ErrorKind::PermissionDenied, 0));
    }

    /// The end of a process is an event like any other, and stays one until it is reaped.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_readable_when_it_has_ended() {
        use std::process::{Command, Stdio};

        let reactor = Reactor::new().unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let process = reactor.watch_child(&child).unwrap();
        assert_eq!(reactor.wait_for(process.key(), Direction::Read, "ended"), None);
        assert_eq!(selected(&reactor, Some(Duration::from_millis(20))), [""; 0]);
        assert!(child.try_wait().unwrap().is_none());
        drop(child.stdin.take());
        assert_eq!(selected(&reactor, SOON), ["ended"]);
        // Who comes later is told as well.
        wait(&reactor, process.key(), Direction::Read);
        assert!(child.try_wait().unwrap().unwrap().success());
    }
}
