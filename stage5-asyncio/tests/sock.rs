//! Calls on sockets that stay the caller's, on real ones.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;
use std::thread;

use common::{MS, panic_of, turns};
use reactor::backend::{self, Clockwork};
use socket2::{Domain, Socket, Type};
use stage5_asyncio::{create_task, get_running_loop, run, timeout};

/// Two ends that do not block.
fn pair() -> (UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (ours, theirs)
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// One that is not connected.
fn socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn watched() -> usize {
    get_running_loop().reactor().sockets()
}

/// M7.14: five million bytes through a socket that was connected, and one that was accepted.
#[test]
fn five_million_bytes_go_through_sockets_that_stay_the_callers() {
    const ALL: usize = 5_000_000;
    run(async {
        let ((listener, address), event_loop) = (listener(), get_running_loop());
        let client = create_task(async move {
            let (socket, event_loop) = (socket(), get_running_loop());
            event_loop.sock_connect(&socket, address).await.unwrap();
            let sent: Vec<u8> = (0..ALL).map(|n| n.to_le_bytes()[0]).collect();
            event_loop.sock_sendall(&socket, &sent).await.unwrap();
            socket.shutdown(std::net::Shutdown::Write).unwrap();
            let answer = event_loop.sock_recv(&socket, 100).await.unwrap();
            (socket, answer)
        });
        let (stream, peer): (TcpStream, _) =
            event_loop.sock_accept(&listener).await.unwrap();
        let (mut count, mut is_right) = (0, true);
        loop {
            let bytes = event_loop.sock_recv(&stream, 65_536).await.unwrap();
            if bytes.is_empty() {
                break;
            }
            let as_sent = (count..).map(|n: usize| n.to_le_bytes()[0]);
            is_right &=
                bytes.iter().copied().zip(as_sent).all(|(one, other)| one == other);
            count += bytes.len();
        }
        assert!(is_right);
        assert_eq!(count, ALL);
        event_loop.sock_sendall(&stream, b"thanks").await.unwrap();
        let (socket, answer) = client.await;
        assert_eq!(answer, b"thanks");
        assert_eq!(peer, socket.local_addr().unwrap().as_socket());
        assert_eq!(watched(), 0, "nothing is watched any more");
    })
    .unwrap();
}

/// M7.14: into a buffer of the caller's, and from a listener whose peers have no address.
#[test]
fn a_unix_socket_is_accepted_and_read_into_a_buffer() {
    let folder = std::env::temp_dir().join(format!("sock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let client = thread::spawn(move || {
        let mut stream = UnixStream::connect(&path).unwrap();
        stream.write_all(b"hello").unwrap();
        stream.read(&mut [0]).unwrap()
    });
    run(async move {
        let event_loop = get_running_loop();
        let (stream, peer): (UnixStream, _) =
            event_loop.sock_accept(&listener).await.unwrap();
        assert_eq!(peer, None);
        let (mut buffer, mut filled) = ([0; 8], 0);
        while filled < 5 {
            let free = &mut buffer[filled..];
            filled += event_loop.sock_recv_into(&stream, free).await.unwrap();
        }
        assert_eq!(&buffer, b"hello\0\0\0");
    })
    .unwrap();
    assert_eq!(client.join().unwrap(), 0);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn whoever_is_refused_hears_of_it() {
    run(async {
        let (gone, address) = listener();
        drop(gone);
        let socket = socket();
        let refused = get_running_loop().sock_connect(&socket, address).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert_eq!(watched(), 0);
    })
    .unwrap();
}

#[test]
fn a_peer_that_breaks_off_is_an_error_and_one_that_is_done_is_none() {
    run(async {
        let event_loop = get_running_loop();
        let (ours, theirs) = pair();
        drop(theirs);
        assert_eq!(event_loop.sock_recv(&ours, 10).await.unwrap(), b"");
        let broken = event_loop.sock_sendall(&ours, b"hello").await.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
    })
    .unwrap();
}

/// As `test_cancel_sock_recv` and `test_huge_content` of uvloop's have it: nothing is lost.
#[test]
fn a_receive_that_is_cancelled_leaves_the_bytes_and_watches_nothing() {
    run(async {
        let (event_loop, (ours, mut theirs)) = (get_running_loop(), pair());
        let ours = Rc::new(ours);
        let reads = Rc::clone(&ours);
        let reading = create_task(async move {
            get_running_loop().sock_recv(&*reads, 10).await.unwrap()
        });
        turns(2).await;
        assert_eq!(watched(), 1);
        reading.cancel();
        theirs.write_all(b"kept").unwrap();
        turns(2).await;
        assert!(reading.cancelled());
        assert_eq!(watched(), 0);
        assert_eq!(event_loop.sock_recv(&*ours, 10).await.unwrap(), b"kept");
        let late = timeout(MS, event_loop.sock_recv(&*ours, 10)).await;
        assert!(late.is_err());
        assert_eq!(watched(), 0);
    })
    .unwrap();
}

/// asyncio's call takes the place of the reader; here both are told.
#[test]
fn a_receive_and_a_reader_of_one_socket_get_along() {
    run(async {
        let (event_loop, (ours, mut theirs)) = (get_running_loop(), pair());
        let called = event_loop.create_future();
        let tell = called.clone();
        let read = move || _ = tell.set_result(());
        event_loop.add_reader(&ours, read).unwrap();
        let sender = create_task(async move {
            turns(3).await;
            theirs.write_all(b"both").unwrap();
            theirs
        });
        called.await;
        assert_eq!(event_loop.sock_recv(&ours, 10).await.unwrap(), b"both");
        assert!(event_loop.remove_reader(&ours));
        drop(sender.await);
    })
    .unwrap();
}

#[test]
fn a_socket_that_blocks_is_refused_with_a_reason() {
    run(async {
        let event_loop = get_running_loop();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let said = panic_of(|| drop(event_loop.sock_recv(&ours, 1)));
        assert!(said.contains("must be non-blocking"), "{said}");
    })
    .unwrap();
}

#[test]
fn an_invented_backend_cannot_wait_for_a_real_socket() {
    let clock = Clockwork::new();
    let kind = backend::scope(clock, || {
        run(async {
            let (ours, _theirs) = pair();
            let waited = get_running_loop().sock_recv(&ours, 1).await;
            waited.unwrap_err().kind()
        })
    });
    assert_eq!(kind.unwrap(), ErrorKind::Unsupported);
}
