//! What streams can do beyond the core, and what is not TCP: real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{ErrorKind, Read, Write};

use common::{MS, turn};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::io::Cursor;
use futures_util::{AsyncReadExt, AsyncWriteExt, SinkExt, StreamExt, TryStreamExt};
use stage4_async_await::extras::datagram::UdpSocket;
use stage4_async_await::extras::lines::{LineSink, Lines};
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::time::{Elapsed, sleep, timeout};
use stage4_async_await::{run, spawn};

/// A stream of the loop, and its peer in plain std.
async fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap(), peer)
}

/// The lines of `bytes`, and the kinds of errors among them.
async fn lines_of(bytes: impl AsRef<[u8]> + Unpin) -> Vec<Result<String, ErrorKind>> {
    let lines = Lines::new(Cursor::new(bytes));
    lines.map(|line| line.map_err(|error| error.kind())).collect().await
}

/// `write` gives what fitted, and waits only while nothing fits.
#[test]
fn a_write_may_be_partial_and_then_waits_for_room() {
    run(async {
        let (stream, mut peer) = pair().await;
        let bytes = vec![7; 10_000_000];
        let first = stream.write(&bytes).await.unwrap();
        assert!(0 < first && first < bytes.len(), "{first}");
        let mut written = first;
        while let Ok(n) = timeout(20 * MS, stream.write(&bytes)).await {
            written += n.unwrap();
        }
        let reader = spawn(async move {
            peer.read_exact(&mut vec![0; written]).unwrap();
            peer
        });
        assert!(stream.write(b"more").await.unwrap() > 0);
        drop(reader.await);
    })
    .unwrap();
}

/// asyncio's `readexactly`.
#[test]
fn an_exact_read_waits_for_all_of_it_and_an_early_end_is_an_error() {
    run(async {
        let (stream, mut peer) = pair().await;
        drop(spawn(async move {
            for bytes in [b"ab", b"cd", b"ef"] {
                peer.write_all(bytes).unwrap();
                sleep(5 * MS).await;
            }
        }));
        let mut buffer = [0; 4];
        stream.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"abcd");
        let error = stream.read_exact(&mut buffer).await.unwrap_err();
        assert_eq!((error.kind(), &buffer), (ErrorKind::UnexpectedEof, b"efcd"));
        stream.read_exact(&mut []).await.unwrap();
    })
    .unwrap();
}

/// One half waits to read while the other writes; dropped, the writing one says that it was
/// all, and the reading one goes on.
#[test]
fn halves_go_to_two_tasks_and_the_writing_one_ends_what_is_said() {
    run(async {
        let (stream, peer) = pair().await;
        let (reader, writer) = stream.split();
        let heard = spawn(async move {
            let mut buffer = [0; 8];
            reader.read_exact(&mut buffer[..4]).await.unwrap();
            assert_eq!(reader.read(&mut buffer).await.unwrap(), 0);
            buffer
        });
        turn().await;
        writer.write_all(b"over").await.unwrap();
        assert_eq!(writer.write(b"!").await.unwrap(), 1);
        drop(writer);
        let mut said = Vec::new();
        (&peer).read_to_end(&mut said).unwrap();
        assert_eq!(said, b"over!");
        (&peer).write_all(b"here").unwrap();
        drop(peer);
        assert_eq!(&heard.await[..4], b"here");
    })
    .unwrap();
}

/// `\n` and `\r\n` end a line, nothing need end the last; an empty one is one.
#[test]
fn lines_are_taken_apart_wherever_they_are_cut() {
    run(async {
        let lines = lines_of("one\r\n\ntwo\rthree\nfour").await;
        assert_eq!(lines, ["one", "", "two\rthree", "four"].map(|it| Ok(it.to_owned())));
        assert_eq!(lines_of("").await, []);
        assert_eq!(lines_of("\n").await, [Ok(String::new())]);
        let (stream, mut peer) = pair().await;
        drop(spawn(async move {
            for bytes in ["h", "el", "lo\r", "\nwor", "ld\nend"] {
                peer.write_all(bytes.as_bytes()).unwrap();
                sleep(MS).await;
            }
        }));
        let lines: Vec<_> = stream.split().0.lines().try_collect().await.unwrap();
        assert_eq!(lines, ["hello", "world", "end"]);
    })
    .unwrap();
}

/// Whoever sends no end of a line does not fill the memory: 64 KiB, asyncio's limit.
#[test]
fn a_line_has_a_limit_and_an_error_that_says_so() {
    run(async {
        let of = |length| "x".repeat(length);
        let longest = of(64 * 1024 - 1);
        assert_eq!(
            lines_of(format!("{longest}\nnext")).await,
            [Ok(longest), Ok("next".to_owned())]
        );
        let too_long = lines_of(format!("a\n{}\nnext", of(64 * 1024))).await;
        assert_eq!(too_long, [Ok("a".to_owned()), Err(ErrorKind::InvalidData)]);
        let not_text = lines_of(b"a\n\xff\nb".to_vec()).await;
        let kinds = [Ok("a".to_owned()), Err(ErrorKind::InvalidData), Ok("b".to_owned())];
        assert_eq!(not_text, kinds);
    })
    .unwrap();
}

/// What has come is not lost when somebody waits no longer.
#[test]
fn a_line_that_is_given_up_half_way_is_whole_the_next_time() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut lines = stream.split().0.lines();
        peer.write_all(b"half").unwrap();
        assert!(matches!(timeout(10 * MS, lines.next()).await, Err(Elapsed)));
        peer.write_all(b" and half\n").unwrap();
        assert_eq!(lines.next().await.unwrap().unwrap(), "half and half");
    })
    .unwrap();
}

/// `Sink`: `send` waits until it is written, `feed` only for room.
#[test]
fn a_sink_waits_for_room_and_not_for_each_line() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut sink = LineSink::new(stream);
        sink.send("sent").await.unwrap();
        peer.read_exact(&mut [0; 5]).unwrap();
        let line = "x".repeat(1023);
        let mut fed = 0;
        let fill = async {
            loop {
                sink.feed(&line).await.unwrap();
                fed += 1;
                turn().await;
            }
        };
        // Until nobody takes any more, here or in the kernel.
        assert!(timeout(50 * MS, fill).await.is_err());
        assert!(fed > 64);
        let reader = spawn(async move {
            let reader = std::thread::spawn(move || {
                let mut all = Vec::new();
                peer.read_to_end(&mut all).unwrap();
                all.len()
            });
            while !reader.is_finished() {
                sleep(MS).await;
            }
            reader.join().unwrap()
        });
        SinkExt::<&str>::close(&mut sink).await.unwrap();
        assert_eq!(reader.await, fed * 1024);
    })
    .unwrap();
}

/// The traits of the futures crate, as its own extensions use them.
#[test]
fn a_stream_is_what_the_futures_crate_reads_and_writes() {
    run(async {
        let (mut stream, mut peer) = pair().await;
        drop(spawn(async move {
            sleep(5 * MS).await;
            peer.write_all(b"hello").unwrap();
            let mut heard = [0; 3];
            peer.read_exact(&mut heard).unwrap();
            assert_eq!(&heard, b"bye");
        }));
        let mut all = Vec::new();
        stream.write_all(b"bye").await.unwrap();
        stream.flush().await.unwrap();
        AsyncWriteExt::close(&mut stream).await.unwrap();
        stream.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"hello");
    })
    .unwrap();
}

/// A poll that has left its waker is in nobody's way: neither in that of a future of the core,
/// nor of a poll in another task.
#[test]
fn who_polled_and_went_away_does_not_keep_the_socket_busy() {
    run(async {
        let (mut stream, mut peer) = pair().await;
        // One that had to wait has had its turn.
        let late = spawn(async move {
            sleep(MS).await;
            peer.write_all(b"x").unwrap();
            peer
        });
        assert_eq!(TcpStream::read(&stream, &mut [0; 8]).await.unwrap(), 1);
        let peer = late.await;
        let mut buffer = [0; 8];
        let polled = timeout(MS, AsyncReadExt::read(&mut stream, &mut buffer)).await;
        assert!(matches!(polled, Err(Elapsed)));
        let reader = spawn(async move {
            let early = timeout(MS, TcpStream::read(&stream, &mut [0; 8])).await;
            assert!(matches!(early, Err(Elapsed)), "{early:?}");
            AsyncReadExt::read(&mut stream, &mut [0; 8]).await.unwrap()
        });
        sleep(5 * MS).await;
        (&peer).write_all(b"yz").unwrap();
        assert_eq!(reader.await, 2);
    })
    .unwrap();
}

fn is_stream<T: AsyncRead + AsyncWrite + Unpin + 'static>(_: &T) {}

/// UDP: two that answer each other, and a datagram that nobody takes.
#[test]
fn datagrams_are_whole_and_come_from_somebody() {
    run(async {
        let [one, other] =
            [(); 2].map(|()| UdpSocket::bind(([127, 0, 0, 1], 0).into()).unwrap());
        let (here, there) = (one.local_addr().unwrap(), other.local_addr().unwrap());
        let echo = spawn(async move {
            let mut buffer = [0; 8];
            let (n, sender) = other.recv_from(&mut buffer).await.unwrap();
            assert_eq!((n, sender), (4, here));
            other.send_to(&buffer[..n], &sender).await.unwrap();
        });
        turn().await;
        assert_eq!(one.send_to(b"ping", &there).await.unwrap(), 4);
        let mut buffer = [0; 8];
        assert_eq!(one.recv_from(&mut buffer).await.unwrap(), (4, there));
        assert_eq!(&buffer[..4], b"ping");
        echo.await;
        one.connect(&there).unwrap();
        one.send(b"anybody?").await.unwrap();
        let error = one.recv(&mut buffer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(format!("{one:?}").starts_with("DatagramSocket("));
    })
    .unwrap();
}

/// Connections as a stream: an error is one item, and the next comes all the same.
#[test]
fn connections_come_as_a_stream() {
    run(async {
        let mut listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = spawn(async move {
            for n in 0..3 {
                sleep(MS).await;
                TcpStream::connect(address).await.unwrap().write_all(&[n]).await.unwrap();
            }
        });
        let firsts = listener.incoming().take(3).then(async |stream| {
            let mut byte = [0];
            stream.unwrap().read_exact(&mut byte).await.unwrap();
            byte[0]
        });
        assert_eq!(firsts.collect::<Vec<_>>().await, [0, 1, 2]);
        clients.await;
    })
    .unwrap();
}

#[cfg(unix)]
mod unix {
    use stage4_async_await::extras::unix::{UnixDatagram, UnixListener, UnixStream};

    use super::*;

    /// The same conversation, through a file.
    #[test]
    fn a_conversation_goes_through_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        run(async move {
            let mut listener = UnixListener::bind(&path).unwrap();
            let taken = UnixListener::bind(&path).unwrap_err();
            assert_eq!(taken.kind(), ErrorKind::AddrInUse);
            let absent =
                UnixStream::connect(path.with_extension("no")).await.unwrap_err();
            assert_eq!(absent.kind(), ErrorKind::NotFound);
            let server = spawn(async move {
                let (reader, writer) = listener.accept().await.unwrap().split();
                let mut lines = reader.lines();
                while let Some(line) = lines.next().await {
                    writer.write_all(line.unwrap().as_bytes()).await.unwrap();
                }
                drop(writer);
                listener.incoming().next().await.unwrap().unwrap()
            });
            let client = UnixStream::connect(&path).await.unwrap();
            client.write_all(b"a\nb\n").await.unwrap();
            assert_eq!(client.write(b"c\n").await.unwrap(), 2);
            let mut answer = [0; 3];
            client.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"abc");
            client.shutdown().unwrap();
            assert_eq!(client.read(&mut answer).await.unwrap(), 0);
            drop(client);
            let _second = UnixStream::connect(&path).await.unwrap();
            is_stream(&server.await);
        })
        .unwrap();
    }

    /// Whoever is bound has a path, and whoever has connected has none.
    #[test]
    fn whoever_is_bound_has_a_path_for_an_address() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        run(async move {
            let listener = UnixListener::bind(&path).unwrap();
            assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(&*path));
            let client = UnixStream::connect(&path).await.unwrap();
            let server = listener.accept().await.unwrap();
            assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
            assert_eq!(server.local_addr().unwrap().as_pathname(), Some(&*path));
            assert!(client.local_addr().unwrap().is_unnamed());
            assert!(server.peer_addr().unwrap().is_unnamed());
            let (one, _other) = UnixStream::pair().unwrap();
            assert!(one.peer_addr().unwrap().is_unnamed());
        })
        .unwrap();
    }

    /// A pair; a peer that is gone is the end.
    #[test]
    fn a_pair_is_connected_to_each_other() {
        run(async {
            let (mut one, other) = UnixStream::pair().unwrap();
            let reader = spawn(async move {
                let mut all = String::new();
                one.read_to_string(&mut all).await.unwrap();
                all
            });
            turn().await;
            other.write_all(b"to the other").await.unwrap();
            drop(other);
            assert_eq!(reader.await, "to the other");
        })
        .unwrap();
    }

    /// Datagrams from file to file.
    #[test]
    fn datagrams_go_from_file_to_file() {
        let folder = tempfile::tempdir().unwrap();
        let [here, there] = ["here", "there"].map(|name| folder.path().join(name));
        run(async move {
            let one = UnixDatagram::bind(&here).unwrap();
            let other = UnixDatagram::bind(&there).unwrap();
            let nameless = UnixDatagram::unbound().unwrap();
            nameless.connect(&one.local_addr().unwrap()).unwrap();
            let heard = spawn(async move {
                let mut buffer = [0; 8];
                let (n, sender) = one.recv_from(&mut buffer).await.unwrap();
                assert!(n == 5 && sender.is_unnamed());
                let (n, sender) = one.recv_from(&mut buffer).await.unwrap();
                one.send_to(&buffer[..n], &sender).await.unwrap();
                sender.as_pathname().unwrap().to_owned()
            });
            turn().await;
            nameless.send(b"first").await.unwrap();
            let address = std::os::unix::net::SocketAddr::from_pathname(&here).unwrap();
            other.send_to(b"then", &address).await.unwrap();
            assert_eq!(other.recv(&mut [0; 8]).await.unwrap(), 4);
            assert_eq!(heard.await, there);
        })
        .unwrap();
    }
}
