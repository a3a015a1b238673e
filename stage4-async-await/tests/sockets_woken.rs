//! Sockets, polled by a task that only counts its wakes (tokio-test's): when it is woken, and
//! when not. And what is made of streams, over a stream that follows a script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

#[path = "../steps/anywhere.rs"]
#[allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]
mod anywhere;

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use common::MS;
use futures_io::AsyncRead;
use futures_util::{Sink, SinkExt};
use stage4_async_await::extras::datagram::UdpSocket;
use stage4_async_await::extras::lines::{LineSink, Lines};
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::run;
use stage4_async_await::time::{sleep, timeout};
use tokio::io::AsyncReadExt;
use tokio_test::io::Builder;
use tokio_test::task::{self, Spawn};
use tokio_test::{
    assert_pending, assert_ready, assert_ready_eq, assert_ready_err, assert_ready_ok,
};
use tokio_util::compat::TokioAsyncReadCompatExt;

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A stream of the loop, and its peer in plain std.
async fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind(ANYWHERE.into()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap(), peer)
}

/// Lets the loop look at its sockets until `task` is woken.
async fn woken<T>(task: &Spawn<T>) {
    let looks = async {
        while !task.is_woken() {
            sleep(MS).await;
        }
    };
    timeout(Duration::from_secs(5), looks).await.expect("nobody wakes it");
}

/// Lets the loop look at its sockets, and sees that `task` is none of their business.
async fn not_woken<T>(task: &Spawn<T>) {
    sleep(10 * MS).await;
    assert!(!task.is_woken());
}

#[test]
fn a_read_is_woken_by_bytes_and_by_the_end() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut buffer = [0; 8];
        let mut read = task::spawn(stream.read(&mut buffer));
        assert_pending!(read.poll());
        not_woken(&read).await;
        peer.write_all(b"hello").unwrap();
        woken(&read).await;
        assert_eq!(assert_ready_ok!(read.poll()), 5);
        drop(read);
        let mut read = task::spawn(stream.read(&mut buffer));
        assert_pending!(read.poll());
        drop(peer);
        woken(&read).await;
        assert_eq!(assert_ready_ok!(read.poll()), 0);
    })
    .unwrap();
}

/// An exact read is woken for each part, and is not done before the last.
#[test]
fn an_exact_read_is_woken_for_each_part() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut buffer = [0; 4];
        let mut read = task::spawn(stream.read_exact(&mut buffer));
        for bytes in [&b"a"[..], b"bc"] {
            assert_pending!(read.poll());
            peer.write_all(bytes).unwrap();
            woken(&read).await;
        }
        assert_pending!(read.poll());
        peer.write_all(b"d").unwrap();
        woken(&read).await;
        assert_ready_ok!(read.poll());
        drop(read);
        assert_eq!(&buffer, b"abcd");
    })
    .unwrap();
}

/// A write that finds no room is woken when there is some, and a reader is not.
#[test]
fn a_write_is_woken_by_room_and_a_read_is_not() {
    run(async {
        let (stream, mut peer) = pair().await;
        let bytes = vec![7; 1 << 20];
        let mut written = 0;
        let mut write = loop {
            let mut write = task::spawn(stream.write(&bytes));
            match write.poll() {
                Poll::Ready(n) => written += n.unwrap(),
                Poll::Pending => break write,
            }
        };
        let mut buffer = [0; 8];
        let mut read = task::spawn(stream.read(&mut buffer));
        assert_pending!(read.poll());
        not_woken(&write).await;
        let reader = std::thread::spawn(move || {
            peer.read_exact(&mut vec![0; written]).unwrap();
            peer
        });
        woken(&write).await;
        assert!(assert_ready_ok!(write.poll()) > 0);
        assert!(!read.is_woken());
        drop(reader.join().unwrap());
    })
    .unwrap();
}

/// Whoever polled last is woken, and alone.
#[test]
fn a_read_wakes_whoever_polled_it_last() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut buffer = [0; 8];
        let mut read = Box::pin(stream.read(&mut buffer));
        let mut first = task::spawn(());
        assert_pending!(first.enter(|context, _| read.as_mut().poll(context)));
        let mut last = task::spawn(read);
        assert_pending!(last.poll());
        peer.write_all(b"x").unwrap();
        woken(&last).await;
        assert!(!first.is_woken());
        assert_eq!(assert_ready_ok!(last.poll()), 1);
    })
    .unwrap();
}

/// A second one is told at once that the side is busy, and the first is still woken.
#[test]
fn a_second_read_is_refused_and_the_first_is_woken() {
    run(async {
        let (stream, mut peer) = pair().await;
        let (mut one, mut other) = ([0; 8], [0; 8]);
        let mut first = task::spawn(stream.read(&mut one));
        assert_pending!(first.poll());
        let mut second = task::spawn(stream.read(&mut other));
        let error = assert_ready_err!(second.poll());
        assert_eq!(error.kind(), ErrorKind::ResourceBusy);
        drop(second);
        peer.write_all(b"x").unwrap();
        woken(&first).await;
        assert_eq!(assert_ready_ok!(first.poll()), 1);
    })
    .unwrap();
}

/// Whoever leaves is woken by nothing that comes later, and takes nothing along.
#[test]
fn a_read_that_is_dropped_wakes_nobody() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut buffer = [0; 8];
        let mut left = task::spawn(());
        let mut read = Box::pin(stream.read(&mut buffer));
        assert_pending!(left.enter(|context, _| read.as_mut().poll(context)));
        // The waker is at the socket, and nowhere when the read is gone.
        assert_eq!(left.waker_ref_count(), 2);
        drop(read);
        assert_eq!(left.waker_ref_count(), 1);
        peer.write_all(b"x").unwrap();
        not_woken(&left).await;
        assert_eq!(stream.read(&mut buffer).await.unwrap(), 1);
    })
    .unwrap();
}

#[test]
fn an_accept_is_woken_by_a_connection() {
    run(async {
        let mut listener = TcpListener::bind(ANYWHERE.into()).unwrap();
        let address = listener.local_addr().unwrap();
        let mut accept = task::spawn(listener.accept());
        assert_pending!(accept.poll());
        let _peer = std::net::TcpStream::connect(address).unwrap();
        woken(&accept).await;
        assert_ready_ok!(accept.poll());
        drop(accept);
        // And as a stream, from one connection to the next.
        let mut incoming = task::spawn(listener.incoming());
        for _ in 0..2 {
            assert_pending!(incoming.poll_next());
            let _peer = std::net::TcpStream::connect(address).unwrap();
            woken(&incoming).await;
            assert!(assert_ready!(incoming.poll_next()).unwrap().is_ok());
        }
    })
    .unwrap();
}

/// Between two ends of one machine that may be at once.
#[test]
fn a_connect_is_done_or_woken_when_it_is_decided() {
    async fn decided(address: SocketAddr) -> io::Result<TcpStream> {
        let mut connect = task::spawn(TcpStream::connect(address));
        match connect.poll() {
            Poll::Ready(end) => end,
            Poll::Pending => {
                woken(&connect).await;
                assert_ready!(connect.poll())
            }
        }
    }
    run(async {
        let listener = TcpListener::bind(ANYWHERE.into()).unwrap();
        let address = listener.local_addr().unwrap();
        assert!(decided(address).await.is_ok());
        drop(listener);
        let error = decided(address).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    })
    .unwrap();
}

#[test]
fn a_receive_is_woken_by_a_datagram() {
    run(async {
        let socket = UdpSocket::bind(ANYWHERE.into()).unwrap();
        let mut buffer = [0; 8];
        let mut receive = task::spawn(socket.recv_from(&mut buffer));
        assert_pending!(receive.poll());
        not_woken(&receive).await;
        let sender = UdpSocket::bind(ANYWHERE.into()).unwrap();
        sender.send_to(b"hello", &socket.local_addr().unwrap()).await.unwrap();
        woken(&receive).await;
        let here = sender.local_addr().unwrap();
        assert_eq!(assert_ready_ok!(receive.poll()), (5, here));
    })
    .unwrap();
}

/// The futures crate's traits: one attempt a poll, and the same wakes.
#[test]
fn a_polled_stream_wakes_whoever_polled_it() {
    run(async {
        let (mut stream, mut peer) = pair().await;
        let mut buffer = [0; 8];
        let [mut first, mut last] = [task::spawn(()), task::spawn(())];
        let mut poll = |task: &mut Spawn<()>| {
            task.enter(|context, _| Pin::new(&mut stream).poll_read(context, &mut buffer))
        };
        assert_pending!(poll(&mut first));
        assert_pending!(poll(&mut last));
        // Nothing is kept of whoever polls no more.
        assert_eq!(first.waker_ref_count(), 1);
        peer.write_all(b"hello").unwrap();
        woken(&last).await;
        assert!(!first.is_woken());
        assert_eq!(assert_ready_ok!(poll(&mut last)), 5);
    })
    .unwrap();
}

/// Lines, out of a stream that gives them in pieces and then breaks off.
#[test]
fn lines_over_a_stream_that_follows_a_script() {
    let script = Builder::new()
        .read(b"he")
        .read(b"llo\r")
        .read(b"\nworld\nand ")
        .read_error(ErrorKind::ConnectionReset.into())
        .build();
    let mut lines = task::spawn(Lines::new(script.compat()));
    for expected in ["hello", "world"] {
        assert_eq!(assert_ready!(lines.poll_next()).unwrap().unwrap(), expected);
    }
    let error = assert_ready!(lines.poll_next()).unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // What comes behind an error might be the middle of something.
    assert!(assert_ready!(lines.poll_next()).is_none());
}

/// A line that cannot go on waits, and what comes is not lost in between.
#[test]
fn lines_wait_for_the_rest() {
    let (reader, mut script) = Builder::new().build_with_handle();
    let mut lines = task::spawn(Lines::new(reader.compat()));
    assert_pending!(lines.poll_next());
    script.read(b"half");
    assert!(lines.is_woken());
    assert_pending!(lines.poll_next());
    script.read(b" and half\n");
    assert!(lines.is_woken());
    assert_eq!(assert_ready!(lines.poll_next()).unwrap().unwrap(), "half and half");
    drop(script);
    assert!(assert_ready!(lines.poll_next()).is_none());
}

/// A sink writes nothing before it is flushed, unless there is too much of it.
#[test]
fn a_sink_over_a_stream_that_follows_a_script() {
    let writer = Builder::new().write(b"hello\nworld\n").build();
    let mut sink = task::spawn(LineSink::new(writer.compat()));
    for line in ["hello", "world"] {
        let ready = sink.enter(|context, sink| Sink::<&str>::poll_ready(sink, context));
        assert_ready_ok!(ready);
        sink.enter(|_, sink| sink.start_send(line)).unwrap();
    }
    let flushed = sink.enter(|context, sink| Sink::<&str>::poll_flush(sink, context));
    assert_ready_ok!(flushed);
}

/// With more than 64 KiB left, whoever wants to hand over more has to wait.
#[test]
fn a_sink_is_ready_as_long_as_there_is_room() {
    let (writer, mut peer) = tokio::io::duplex(4);
    let mut sink = task::spawn(LineSink::new(writer.compat()));
    let line = "x".repeat(64 * 1024 - 1);
    sink.enter(|_, sink| sink.start_send(&line)).unwrap();
    assert_ready_ok!(sink.enter(|context, sink| Sink::<&str>::poll_ready(sink, context)));
    sink.enter(|_, sink| sink.start_send("more")).unwrap();
    assert_pending!(sink.enter(|context, sink| Sink::<&str>::poll_ready(sink, context)));
    let mut buffer = [0; 4];
    assert_ready_ok!(task::spawn(peer.read_exact(&mut buffer)).poll());
    assert!(sink.is_woken());
    assert_ready_ok!(sink.enter(|context, sink| Sink::<&str>::poll_ready(sink, context)));
}

/// A writer that takes nothing for ever would be asked for ever.
#[test]
fn a_sink_whose_writer_takes_nothing_fails() {
    let mut room = [0; 3];
    let mut sink = LineSink::new(futures_util::io::Cursor::new(&mut room[..]));
    let mut send = task::spawn(sink.send("hello"));
    assert_eq!(assert_ready_err!(send.poll()).kind(), ErrorKind::WriteZero);
}

/// A program that is written against traits needs no socket in its tests.
#[test]
fn a_client_and_a_server_follow_a_script() {
    let client = Builder::new()
        .write(b"GET /about HTTP/1.0\r\n\r\n")
        .read(b"HTTP/1.0 200 OK\r\n")
        .read(b"\r\nthis is it")
        .build();
    let mut fetch = task::spawn(anywhere::fetch(client.compat(), "/about"));
    assert_ready_eq!(fetch.poll().map(Result::unwrap), "this is it");
    let server = Builder::new()
        .read(b"GET /ab")
        .read(b"out HTTP/1.0\r\nhost: here\r\n")
        .read(b"\r\n")
        .write(b"HTTP/1.0 200 OK\r\n\r\nthis is /about")
        .build();
    assert_ready_ok!(task::spawn(anywhere::answer(server.compat())).poll());
    let hangs_up = Builder::new().build();
    let error =
        assert_ready_err!(task::spawn(anywhere::answer(hangs_up.compat())).poll());
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}
