//! Sockets of the stage, real ones.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use stage4_async_await::event_loop::STEPS;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::task::yield_now;
use stage4_async_await::time::{Elapsed, sleep, timeout};
use stage4_async_await::{run, spawn};

const MS: Duration = Duration::from_millis(1);

/// A stream of the loop, and its peer in plain std.
async fn pair() -> (TcpStream, std::net::TcpStream) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let peer = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().await.unwrap(), peer)
}

/// Awaits what wakes its task by itself, and not only because somebody else does in the end.
async fn woken<F: Future>(future: F) -> F::Output {
    let too_late = spawn(sleep(Duration::from_secs(3)));
    let output = timeout(Duration::from_secs(4), future).await.unwrap();
    assert!(!too_late.is_finished(), "nobody woke it");
    output
}

#[test]
fn a_socket_that_is_printed_says_what_it_is() {
    run(async {
        let (stream, _peer) = pair().await;
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        assert!(format!("{stream:?}").starts_with("TcpStream("), "{stream:?}");
        assert!(format!("{listener:?}").starts_with("TcpListener("), "{listener:?}");
    })
    .unwrap();
}

/// M7.05
#[test]
fn a_peer_that_closes_is_an_empty_read() {
    run(async {
        let (stream, peer) = pair().await;
        drop(peer);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .unwrap();
}

/// M7.06
#[test]
fn a_refused_connection_is_an_error() {
    let nobody: SocketAddr = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let refused = run(TcpStream::connect(nobody)).unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

/// A read that has to wait is polled twice: once to park, once when the bytes are there.
#[test]
fn a_read_is_polled_twice() {
    let polls = run(async {
        let (stream, mut peer) = pair().await;
        let writer = spawn(async move {
            sleep(5 * MS).await;
            peer.write_all(b"x").unwrap();
            peer
        });
        let mut buffer = [0; 8];
        let mut polls = 0;
        {
            let mut read = pin!(stream.read(&mut buffer));
            poll_fn(|context| {
                polls += 1;
                read.as_mut().poll(context)
            })
            .await
            .unwrap();
        }
        drop(writer.await);
        polls
    });
    assert_eq!(polls.unwrap(), 2);
}

/// M7.10: a task that is always ready does not starve a socket, and both go on.
#[test]
fn a_busy_task_does_not_starve_a_socket() {
    run(async {
        let (stream, peer) = pair().await;
        let (peer, stop) = (Rc::new(peer), Rc::new(Cell::new(false)));
        let stopped = Rc::clone(&stop);
        let busy = spawn(async move {
            let mut turns = 0_u32;
            while !stopped.get() {
                turns += 1;
                assert!(turns < 10_000_000, "the socket is starved");
                let mut woken = false;
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut woken, true) {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    }
                })
                .await;
            }
        });
        for _ in 0..100 {
            let peer = Rc::clone(&peer);
            // In a later step, so that the reader waits by then.
            drop(spawn(async move { (&*peer).write_all(b"x").unwrap() }));
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        }
        stop.set(true);
        busy.await;
    })
    .unwrap();
}

/// M7.14: five million bytes out and back, and half a connection still carries the answer.
#[test]
fn five_million_bytes_go_out_and_come_back() {
    let sent: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    run(async move {
        let (stream, peer) = pair().await;
        let echo = thread::spawn(move || io::copy(&mut &peer, &mut &peer).unwrap());
        let stream = Rc::new(stream);
        let (writing, bytes) = (Rc::clone(&stream), sent.clone());
        let writer = spawn(async move {
            writing.write_all(&bytes).await.unwrap();
            writing.shutdown().unwrap();
        });
        let (mut received, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        loop {
            match stream.read(&mut buffer).await.unwrap() {
                0 => break,
                n => received.extend_from_slice(&buffer[..n]),
            }
        }
        writer.await;
        assert!(received == sent);
        assert_eq!(echo.join().unwrap(), 5_000_000);
    })
    .unwrap();
}

/// M7.12: fifty clients, 1 to 98,001 bytes, all echoed.
#[test]
fn fifty_clients_get_their_bytes_back() {
    run(async {
        let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> =
            (0..50).map(|n| thread::spawn(move || client(address, n))).collect();
        let mut served = Vec::new();
        for _ in 0..50 {
            served.push(spawn(echo(listener.accept().await.unwrap())));
        }
        for task in served {
            task.await;
        }
        clients.into_iter().for_each(|client| client.join().unwrap());
    })
    .unwrap();
}

async fn echo(stream: TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return,
            n => stream.write_all(&buffer[..n]).await.unwrap(),
        }
    }
}

fn client(address: SocketAddr, n: u8) {
    let sent = vec![n; 1 + 2000 * usize::from(n)];
    let stream = std::net::TcpStream::connect(address).unwrap();
    let (mut writing, bytes) = (stream.try_clone().unwrap(), sent.clone());
    let writer = thread::spawn(move || {
        writing.write_all(&bytes).unwrap();
        writing.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    (&stream).read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(received == sent, "client {n}");
}

/// A second task that reads the same socket is told that it is busy.
#[test]
fn a_second_reader_of_the_same_socket_is_refused() {
    run(async {
        let (stream, mut peer) = pair().await;
        let stream = Rc::new(stream);
        let other = Rc::clone(&stream);
        let first = spawn(async move { other.read(&mut [0; 8]).await });
        sleep(MS).await;
        let second = stream.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(second.kind(), ErrorKind::ResourceBusy);
        peer.write_all(b"x").unwrap();
        assert_eq!(first.await.unwrap(), 1);
    })
    .unwrap();
}

/// So is a second read of the same task. And when that one gives up, it does not take the
/// place of the first.
#[test]
fn a_second_read_of_the_same_task_is_refused_as_well() {
    run(async {
        let (stream, mut peer) = pair().await;
        let (mut one, mut two) = ([0; 8], [0; 8]);
        let mut first = pin!(stream.read(&mut one));
        let mut second = Some(Box::pin(timeout(MS, stream.read(&mut two))));
        drop(spawn(async move {
            sleep(20 * MS).await;
            peer.write_all(b"x").unwrap();
            sleep(Duration::MAX).await;
        }));
        let both = poll_fn(|context| {
            let first = first.as_mut().poll(context);
            if let Some(Poll::Ready(end)) =
                second.as_mut().map(|it| it.as_mut().poll(context))
            {
                assert_eq!(end.unwrap().unwrap_err().kind(), ErrorKind::ResourceBusy);
                second = None;
            }
            first
        });
        assert_eq!(woken(both).await.unwrap(), 1);
    })
    .unwrap();
}

/// A read that moves to another task is not in its own way there, and wakes that one.
#[test]
fn a_read_wakes_the_task_that_polled_it_last() {
    run(async {
        let (stream, mut peer) = pair().await;
        let mut read = Box::pin(async move { stream.read(&mut [0; 8]).await });
        poll_fn(|context| {
            assert!(read.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let moved = spawn(read);
        sleep(MS).await;
        peer.write_all(b"x").unwrap();
        assert_eq!(moved.await.unwrap(), 1);
    })
    .unwrap();
}

/// A socket belongs to the loop on which it was made.
#[test]
fn a_socket_of_another_loop_is_a_mistake_that_is_explained() {
    let (stream, _peer) = run(pair()).unwrap();
    let elsewhere = catch_unwind(AssertUnwindSafe(|| {
        run(async move {
            let (_same_place, _peer) = pair().await;
            timeout(Duration::from_secs(5), stream.read(&mut [0; 8])).await
        })
    }));
    let message = elsewhere.unwrap_err();
    let message = message.downcast_ref::<String>().unwrap();
    assert!(message.contains("belongs to another loop"), "{message}");
}

/// A read that is dropped gives its place up, and the next one gets the bytes.
#[test]
fn a_dropped_read_gives_its_place_up() {
    run(async {
        let (stream, mut peer) = pair().await;
        let stream = Rc::new(stream);
        let late = timeout(5 * MS, stream.read(&mut [0; 8])).await;
        assert!(matches!(late, Err(Elapsed)));
        let other = Rc::clone(&stream);
        let next = spawn(async move { other.read(&mut [0; 8]).await });
        sleep(MS).await;
        peer.write_all(b"xy").unwrap();
        assert_eq!(next.await.unwrap(), 2);
    })
    .unwrap();
}

/// A read that was woken and is cancelled in the same turn does not take the place of who
/// parked there meanwhile.
#[test]
fn a_dropped_read_does_not_take_somebody_elses_place() {
    run(async {
        let (stream, mut peer) = pair().await;
        let (signal, mut signaller) = pair().await;
        let stream = Rc::new(stream);
        let one = Rc::clone(&stream);
        let first = spawn(async move { one.read(&mut [0; 8]).await });
        sleep(MS).await;
        drop(spawn(async move {
            // Both are ready at the next look, and we are woken before the first reader.
            signaller.write_all(b"now").unwrap();
            peer.write_all(b"x").unwrap();
            sleep(10 * MS).await;
            peer.write_all(b"yz").unwrap();
        }));
        assert_eq!(signal.read(&mut [0; 8]).await.unwrap(), 3);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
        drop(first.cancel());
        assert_eq!(woken(stream.read(&mut [0; 8])).await.unwrap(), 2);
    })
    .unwrap();
}

/// A peer that resets is an error, and the others do not notice.
#[cfg(target_os = "linux")]
#[test]
fn a_reset_is_an_error_of_one_connection() {
    run(async {
        let (broken, peer) = pair().await;
        let (good, mut other) = pair().await;
        broken.write_all(b"unread").await.unwrap();
        while peer.peek(&mut [0; 6]).unwrap() < 6 {}
        drop(peer); // with something unread: a reset
        let error = broken.read(&mut [0; 8]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        other.write_all(b"fine").unwrap();
        assert_eq!(good.read(&mut [0; 8]).await.unwrap(), 4);
    })
    .unwrap();
}

/// Three tasks are always ready. Whoever waits at a socket goes on all the same, within twice the
/// bound: the rest of one turn, and the whole of the next.
#[test]
fn a_busy_loop_looks_at_its_sockets_after_so_many_steps() {
    run(async {
        let (stream, peer) = pair().await;
        let (steps, stop) = (Rc::new(Cell::new(0_usize)), Rc::new(Cell::new(false)));
        for _ in 0..3 {
            let (steps, stop) = (Rc::clone(&steps), Rc::clone(&stop));
            drop(spawn(async move {
                while !stop.get() && steps.get() < 1_000_000 {
                    steps.set(steps.get() + 1);
                    yield_now().await;
                }
            }));
        }
        for _ in 0..50 {
            let (sent, at) = (Rc::clone(&steps), Rc::new(Cell::new(0)));
            let (note, mut sender) = (Rc::clone(&at), peer.try_clone().unwrap());
            drop(spawn(async move {
                note.set(sent.get());
                sender.write_all(b"x").unwrap();
            }));
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 1);
            let waited = steps.get() - at.get();
            assert!(waited <= 2 * STEPS, "{waited} steps");
        }
        stop.set(true);
    })
    .unwrap();
}
