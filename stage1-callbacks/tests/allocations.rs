//! What a read costs in memory: what has arrived, and no buffer of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;

use allocation_counter::{AllocationInfo, measure};
use reactor::backend;
use reactor::sim::{Sim, Weather};
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::{Deferred, run, stop};

/// A message of `size` bytes at a time, there and back, as often as that. Each of its reads is
/// tried in vain, waits, and is tried again.
fn ping_pong(times: usize, size: usize) -> AllocationInfo {
    let at = ([10, 0, 0, 9], 7).into();
    measure(|| backend::scope(Sim::new(1, Weather::calm()), || between(at, times, size)))
}

fn over_sockets(times: usize) -> AllocationInfo {
    measure(|| between(([127, 0, 0, 1], 0).into(), times, 1))
}

fn between(address: SocketAddr, times: usize, size: usize) {
    fn again(one: TcpStream, two: TcpStream, size: usize, left: usize) {
        if left == 0 {
            return stop();
        }
        let writer = two.clone();
        one.clone().read_then(move |bytes| {
            let bytes = bytes.unwrap();
            assert_eq!((bytes.len(), bytes.capacity()), (size, size));
            again(two, one, size, left - 1);
        });
        writer.write_all_then(vec![b'x'; size], |written| written.unwrap());
    }
    run(|| {
        let listener = TcpListener::bind(address)?;
        let client = TcpStream::connect(listener.local_addr()?);
        drop(listener.accept().add_callback(move |server| {
            client.add_callback(move |client| again(client, server, size, times))
        }));
        Ok(())
    })
    .unwrap();
}

/// A buffer of 16 KiB for each read, or for each attempt, would be 32 MB.
#[test]
fn reads_share_one_buffer() {
    let (few, many) = (ping_pong(10, 1), ping_pong(1010, 1));
    let bytes_per_read = (many.bytes_total - few.bytes_total) / 1000;
    assert!(bytes_per_read < 4 * 1024, "{bytes_per_read} bytes for each");
}

/// Over real sockets, since the invented ones allocate. The message that is written, the one
/// that is read, and a box for each of the two operations: that they wait costs nothing.
#[test]
fn a_message_costs_what_is_in_it_and_two_operations() {
    let (few, many) = (over_sockets(10), over_sockets(1010));
    let thousand = many.count_total - few.count_total;
    assert!(thousand < 4500, "{thousand} allocations for a thousand messages");
}

/// What is read; for each of the two operations its deferred and itself; a link for each of four
/// callbacks. The link that gave an inner deferred waits in that one's line itself.
#[test]
fn a_message_takes_nine_with_deferreds() {
    fn echo(stream: TcpStream, left: usize) {
        if left == 0 {
            return stop();
        }
        let reply = stream.clone();
        let round = stream.read().add_callback(move |bytes| {
            reply.write_all(bytes).add_callback(|()| Ok(true))
        });
        let ended = round.add_errback(|_| Ok(false));
        drop(ended.add_callback(move |_| echo(stream, left - 1)));
    }
    let echoes = |times| {
        measure(move || {
            run(|| {
                let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
                let address = listener.local_addr()?;
                std::thread::spawn(move || {
                    let mut client = std::net::TcpStream::connect(address).unwrap();
                    for _ in 0..times {
                        client.write_all(b"x").unwrap();
                        client.read_exact(&mut [0]).unwrap();
                    }
                });
                drop(listener.accept().add_callback(move |stream| echo(stream, times)));
                Ok(())
            })
            .unwrap();
        })
        .count_total
    };
    let (few, many) = (echoes(10), echoes(1010));
    assert!(many - few <= 9_000 + 10, "{} for a thousand", many - few);
}

/// What is read at once is as much as the buffer holds, and nobody sees what was in it before.
#[test]
fn what_is_read_is_what_has_arrived() {
    let seen = Rc::new(Cell::new(0));
    let counted = Rc::clone(&seen);
    backend::scope(Sim::new(1, Weather::calm()), || {
        run(|| {
            let listener = TcpListener::bind(([10, 0, 0, 9], 7).into())?;
            let client = TcpStream::connect(listener.local_addr()?);
            drop(listener.accept().add_callback(move |server| {
                client.add_callback(move |client| {
                    client.write_all_then(vec![b'a'; 5000], |written| written.unwrap());
                    server.clone().read_then(move |bytes| {
                        assert!(bytes.unwrap().iter().all(|byte| *byte == b'a'));
                        client.write_all_then(b"b".to_vec(), |written| written.unwrap());
                        rest(server, counted);
                    });
                })
            }));
            Ok(())
        })
        .unwrap();
    });
    assert_eq!(seen.get(), b'b');
}

/// Reads on until a `b` comes.
fn rest(stream: TcpStream, seen: Rc<Cell<u8>>) {
    stream.clone().read_then(move |bytes| {
        let bytes = bytes.unwrap();
        match bytes.iter().position(|byte| *byte != b'a') {
            Some(at) => {
                assert_eq!(at, bytes.len() - 1);
                seen.set(bytes[at]);
                stop();
            }
            None => rest(stream, seen),
        }
    });
}

/// A deferred that is made, given a callback, fired and dropped: its chain, and the link. Where
/// a result is left, whom a link waits behind, what is told of it in a deadlock: all of that is
/// in these two.
#[test]
fn a_deferred_costs_an_allocation_and_so_does_each_link() {
    let deferred_with = |links| {
        measure(move || {
            let (firer, mut deferred) = Deferred::new();
            for _ in 0..links {
                deferred = deferred.add_callback(|n: u64| Ok(n + 1));
            }
            firer.fire(Ok(0)).unwrap();
            assert_eq!(deferred.try_take().unwrap().unwrap(), links);
        })
    };
    let _ = deferred_with(1); // what a thread needs once
    assert_eq!(deferred_with(1).count_total, 2);
    assert_eq!(deferred_with(101).count_total, 102);
}
