//! Sockets, real ones, with both ends on one loop.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use stage3_yield_from::future::Cancelled;
use stage3_yield_from::net::{TcpListener, TcpStream};
use stage3_yield_from::time::{Elapsed, sleep, timeout};
use stage3_yield_from::{
    Coroutine, Failure, Future, call_soon, coroutine, run, spawn, yield_from,
};

/// Runs `main`, and fails if that takes longer than anything here may take.
fn play<F>(main: F)
where
    F: std::future::Future<Output = Result<(), Failure>> + 'static,
{
    run(timeout(Duration::from_mins(1), coroutine(main))).unwrap().unwrap();
}

/// Lets everybody else have a turn.
async fn turn() -> Result<(), Failure> {
    yield_from(sleep(Duration::ZERO)).await
}

const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Two ends of a connection.
fn pair() -> Coroutine<(TcpStream, TcpStream)> {
    coroutine(async {
        let listener = TcpListener::bind(ANYWHERE)?;
        let accepted = spawn(listener.accept());
        let ours = yield_from(TcpStream::connect(listener.local_addr()?)).await?;
        let theirs = yield_from(&accepted).await?;
        Ok((ours, theirs))
    })
}

/// All that arrives until the peer is done.
fn read_to_end(stream: &TcpStream) -> Coroutine<Vec<u8>> {
    let stream = stream.clone();
    coroutine(async move {
        let mut all = Vec::new();
        loop {
            let bytes = yield_from(stream.read()).await?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.extend(bytes);
        }
    })
}

/// Enough to fill every buffer on the way.
fn five_megabytes() -> Vec<u8> {
    (0..5_000_000_u32).map(|n| (n % 251) as u8).collect()
}

#[test]
fn two_ends_know_each_other() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        assert_eq!(ours.local_addr()?, theirs.peer_addr()?);
        assert_eq!(ours.peer_addr()?, theirs.local_addr()?);
        Ok(())
    });
}

#[test]
fn a_read_waits_for_what_is_written_later() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let read = spawn(theirs.read());
        turn().await?;
        assert!(!read.done());
        yield_from(ours.write_all(b"late".to_vec())).await?;
        assert_eq!(yield_from(&read).await?, b"late");
        Ok(())
    });
}

/// All reads of a loop go through one buffer; what they give is their own, and no bigger than
/// what has arrived.
#[test]
fn what_one_read_gives_is_not_touched_by_the_next() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let (more, others) = yield_from(pair()).await?;
        yield_from(ours.write_all(vec![1; 1000])).await?;
        let first = yield_from(theirs.read()).await?;
        yield_from(more.write_all(vec![2; 10])).await?;
        let second = yield_from(others.read()).await?;
        assert_eq!((first, second.capacity()), (vec![1; 1000], 10));
        assert_eq!(second, [2; 10]);
        Ok(())
    });
}

#[test]
fn a_long_message_arrives_whole_though_no_buffer_can_hold_it() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let write = spawn(coroutine(async move {
            yield_from(ours.write_all(five_megabytes())).await?;
            ours.shutdown()?;
            Ok(())
        }));
        let arrived = yield_from(read_to_end(&theirs)).await?;
        assert!(arrived == five_megabytes(), "bytes were lost or mixed up");
        yield_from(&write).await
    });
}

#[test]
fn a_writer_waits_for_a_reader() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        // More than the kernel keeps for the two of them.
        let write = spawn(ours.write_all(vec![0; 64 << 20]));
        yield_from(sleep(Duration::from_millis(20))).await?;
        assert!(!write.done());
        let read = spawn(coroutine(async move {
            let mut arrived = 0;
            while arrived < 64 << 20 {
                arrived += yield_from(theirs.read()).await?.len();
            }
            Ok(())
        }));
        yield_from(&write).await?;
        yield_from(&read).await
    });
}

/// M7.14: five million bytes. The peer is no code of ours: plain std, on a thread.
#[test]
fn a_long_message_arrives_at_a_blocking_peer_which_answers_on_the_other_half() {
    play(async {
        let listener = TcpListener::bind(ANYWHERE)?;
        let mut peer = std::net::TcpStream::connect(listener.local_addr()?)?;
        let stream = yield_from(listener.accept()).await?;
        let reader = thread::spawn(move || {
            let mut received = Vec::new();
            peer.read_to_end(&mut received).unwrap();
            peer.write_all(b"thanks").unwrap();
            received
        });
        yield_from(stream.write_all(five_megabytes())).await?;
        stream.shutdown()?;
        assert_eq!(yield_from(stream.read()).await?, b"thanks");
        assert!(reader.join().unwrap() == five_megabytes(), "bytes were lost");
        Ok(())
    });
}

/// M7.05
#[test]
fn one_half_may_be_done_while_the_other_goes_on() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        ours.shutdown()?;
        assert_eq!(yield_from(theirs.read()).await?, b"");
        yield_from(theirs.write_all(b"still here".to_vec())).await?;
        assert_eq!(yield_from(ours.read()).await?, b"still here");
        Ok(())
    });
}

#[test]
fn both_directions_may_be_waited_for_at_the_same_time() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let echo = spawn(coroutine(async move {
            loop {
                let bytes = yield_from(theirs.read()).await?;
                if bytes.is_empty() {
                    return Ok(());
                }
                yield_from(theirs.write_all(bytes)).await?;
            }
        }));
        let writer = ours.clone();
        let write = spawn(coroutine(async move {
            yield_from(writer.write_all(five_megabytes())).await?;
            writer.shutdown()?;
            Ok(())
        }));
        let arrived = yield_from(read_to_end(&ours)).await?;
        assert!(arrived == five_megabytes(), "bytes were lost or mixed up");
        yield_from(&write).await?;
        yield_from(&echo).await
    });
}

#[test]
fn a_second_reader_is_told_that_the_socket_is_busy_and_the_first_one_reads_on() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let first = spawn(theirs.read());
        turn().await?;
        let failure = yield_from(theirs.read()).await.unwrap_err();
        let error = failure.get::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
        yield_from(ours.write_all(b"for the first".to_vec())).await?;
        assert_eq!(yield_from(&first).await?, b"for the first");
        Ok(())
    });
}

#[test]
fn a_read_that_was_cancelled_leaves_its_place_to_the_next() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let first = spawn(theirs.read());
        turn().await?;
        first.cancel();
        assert!(yield_from(&first).await.unwrap_err().is::<Cancelled>());
        let second = spawn(theirs.read());
        turn().await?;
        yield_from(ours.write_all(b"for the second".to_vec())).await?;
        assert_eq!(yield_from(&second).await?, b"for the second");
        Ok(())
    });
}

// Between the cancel and the step that raises it there is a turn, and in that turn the place
// is already free.
#[test]
fn a_cancelled_read_neither_keeps_its_place_nor_takes_its_successors() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let first = spawn(theirs.read());
        turn().await?;
        let second = spawn(theirs.read());
        first.cancel();
        assert!(yield_from(&first).await.unwrap_err().is::<Cancelled>());
        yield_from(ours.write_all(b"for the second".to_vec())).await?;
        assert_eq!(yield_from(&second).await?, b"for the second");
        Ok(())
    });
}

#[test]
fn what_arrives_while_a_read_is_cancelled_is_there_for_the_next() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        for _ in 0..50 {
            let late = timeout(Duration::from_nanos(1), theirs.read());
            yield_from(ours.write_all(b"x".to_vec())).await?;
            match yield_from(late).await {
                Ok(bytes) => assert_eq!(bytes, b"x"),
                Err(failure) => {
                    assert!(failure.is::<Elapsed>());
                    assert_eq!(yield_from(theirs.read()).await?, b"x");
                }
            }
        }
        Ok(())
    });
}

/// Runs `body` on the real clock, and then on, with the sockets that it keeps, until nobody can
/// wake the loop: the error counts who is left at a socket.
fn runs_out<T, F>(body: F) -> String
where
    T: Clone + 'static,
    F: std::future::Future<Output = Result<T, Failure>> + 'static,
{
    let main = coroutine(async {
        let body = timeout(Duration::from_mins(1), coroutine(body));
        let sockets = yield_from(body).await?;
        yield_from(&Future::<()>::new()).await?;
        drop(sockets);
        Ok(())
    });
    let deadlock = run(main).unwrap_err();
    assert_eq!(deadlock.kind(), io::ErrorKind::Deadlock);
    deadlock.to_string().lines().next().unwrap().to_owned()
}

const NOBODY: &str = "nobody can wake this loop any more: 1 task pending, 0 wakers outside, \
                      0 timers, 0 sockets";

#[test]
fn whoever_gives_up_a_socket_leaves_its_place() {
    let told = runs_out(async {
        let listener = TcpListener::bind(ANYWHERE)?;
        let (ours, theirs) = yield_from(pair()).await?;
        let waits = [
            spawn(coroutine(accepts(listener.clone()))),
            spawn(coroutine(reads(ours.clone()))),
            spawn(ours.write_all(vec![0; 64 << 20])),
        ];
        yield_from(sleep(Duration::from_millis(1))).await?;
        for wait in &waits {
            assert!(wait.cancel());
            assert!(yield_from(wait).await.unwrap_err().is::<Cancelled>());
        }
        Ok((listener, ours, theirs))
    });
    assert_eq!(told, NOBODY);
}

#[test]
fn whoever_was_served_at_a_socket_leaves_its_place() {
    let told = runs_out(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let read = spawn(theirs.read());
        turn().await?;
        yield_from(ours.write_all(vec![1])).await?;
        yield_from(&read).await?;
        Ok((ours, theirs))
    });
    assert_eq!(told, NOBODY);
}

async fn accepts(listener: TcpListener) -> Result<(), Failure> {
    yield_from(listener.accept()).await.map(drop)
}

async fn reads(stream: TcpStream) -> Result<(), Failure> {
    yield_from(stream.read()).await.map(drop)
}

/// M7.06
#[test]
fn nobody_at_home_is_an_error() {
    play(async {
        // A port that was free a moment ago may be somebody's by now; this one is nobody's.
        let nobody = SocketAddr::new(ANYWHERE.ip(), 1);
        let failure = yield_from(TcpStream::connect(nobody)).await.unwrap_err();
        let error = failure.get::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        Ok(())
    });
}

#[test]
fn a_peer_that_resets_is_an_error() {
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        yield_from(ours.write_all(b"never read".to_vec())).await?;
        turn().await?;
        // To close a socket with unread bytes in it is to reset the connection.
        drop(theirs);
        let failure = yield_from(ours.read()).await.unwrap_err();
        let error = failure.get::<io::Error>().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        Ok(())
    });
}

#[test]
fn an_accept_that_is_left_gives_its_port_back() {
    let address = Rc::new(Cell::new(None));
    let bound = Rc::clone(&address);
    play(async move {
        let listener = TcpListener::bind(ANYWHERE)?;
        bound.set(Some(listener.local_addr()?));
        spawn(listener.accept());
        turn().await
    });
    std::net::TcpListener::bind(address.get().unwrap()).unwrap();
}

#[test]
fn many_connections_share_the_thread() {
    play(async {
        let listener = TcpListener::bind(ANYWHERE)?;
        let address = listener.local_addr()?;
        spawn(coroutine::<()>(async move {
            loop {
                let stream = yield_from(listener.accept()).await?;
                spawn(coroutine(async move {
                    let bytes = yield_from(read_to_end(&stream)).await?;
                    yield_from(stream.write_all(bytes)).await
                }));
            }
        }));
        let talk = |n: u32| {
            coroutine(async move {
                let stream = yield_from(TcpStream::connect(address)).await?;
                yield_from(stream.write_all(n.to_be_bytes().to_vec())).await?;
                stream.shutdown()?;
                yield_from(read_to_end(&stream)).await
            })
        };
        let talks: Vec<_> = (0..200).map(|n| (n, spawn(talk(n)))).collect();
        for (n, talk) in talks {
            assert_eq!(yield_from(&talk).await?, n.to_be_bytes());
        }
        Ok(())
    });
}

/// M7.10: a callback that is always ready does not starve a socket.
#[test]
fn a_busy_callback_does_not_starve_a_socket() {
    const MANY: u32 = 100_000;
    fn again(turns: Rc<Cell<u32>>) {
        turns.set(turns.get() + 1);
        if turns.get() < MANY {
            call_soon(move || again(turns));
        }
    }
    play(async {
        let (ours, theirs) = yield_from(pair()).await?;
        let reading = spawn(ours.read());
        turn().await?;
        yield_from(theirs.write_all(b"x".to_vec())).await?; // by now the read waits
        let turns = Rc::new(Cell::new(0));
        again(Rc::clone(&turns));
        assert_eq!(yield_from(&reading).await?, b"x");
        assert!(turns.replace(MANY) < MANY, "the socket is starved");
        Ok(())
    });
}
