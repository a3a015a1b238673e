//! Echo servers, in this process: whatever clients do, every byte comes back, once.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use lineage::styles::Style;
use site::Control;

use crate::clients::{
    ANYWHERE, bytes, connect, exchange, one_crowd_at_a_time, reset, reset_in_the_middle,
    round_trip,
};

/// Runs an echo server for as long as `visit` takes, and sees it end well.
fn while_serving(style: &'static Style, visit: impl FnOnce(SocketAddr)) {
    let control = Control::new();
    let stop = StopOnDrop(control.clone());
    let inside = control.clone();
    let server = thread::spawn(move || {
        let served = (style.echo)(ANYWHERE, inside.clone());
        inside.failed();
        served
    });
    visit(control.address().expect("it listens"));
    drop(stop);
    server.join().expect("it does not panic").expect("it ends well");
}

/// Lets no server outlive a visit that failed.
struct StopOnDrop(Control);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Whoever cannot listen says so by the kind of the error, and not in words alone.
pub(crate) fn an_address_that_is_taken_is_told_as_such(style: &'static Style) {
    let taken = TcpListener::bind(ANYWHERE).unwrap();
    let address = taken.local_addr().unwrap();
    for serve in [Some(style.echo), style.chat].into_iter().flatten() {
        let error = serve(address, Control::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}");
    }
}

/// All of them at once, and the last answer is read while the first client is still there;
/// one after the other where a server can do no more.
pub(crate) fn two_hundred_clients_are_served(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    let name = |n: usize| format!("client {n}").into_bytes();
    while_serving(style, |address| {
        if !style.is_concurrent() {
            return (0..200).for_each(|n| exchange(&connect(address), &name(n)));
        }
        let clients: Vec<_> = (0..200).map(|_| connect(address)).collect();
        for (n, mut client) in clients.iter().enumerate() {
            client.write_all(&name(n)).unwrap();
        }
        for (n, mut client) in clients.iter().enumerate().rev() {
            let mut heard = name(n);
            heard.fill(0);
            client.read_exact(&mut heard).unwrap();
            assert_eq!(heard, name(n));
        }
    });
}

/// M7.14, and around the sizes of the buffers.
pub(crate) fn every_byte_comes_back(style: &'static Style) {
    while_serving(style, |address| {
        for size in [0, 1, 4095, 4096, 4097, 100_003, 5_000_000] {
            let received = round_trip(address, bytes(size));
            assert!(received == bytes(size), "{size} bytes, {} back", received.len());
        }
    });
}

/// M7.12: 1 to 98,001 bytes.
pub(crate) fn fifty_clients_of_all_sizes_are_served(style: &'static Style) {
    let _crowd = one_crowd_at_a_time();
    while_serving(style, |address| {
        thread::scope(|scope| {
            for size in (1..=98_001).step_by(2000) {
                scope.spawn(move || {
                    let received = round_trip(address, bytes(size));
                    assert!(received == bytes(size), "{size} bytes");
                });
            }
        });
    });
}

/// A client that has said all it has to say still hears all of it.
pub(crate) fn half_a_connection_carries_the_answer(style: &'static Style) {
    while_serving(style, |address| {
        for size in [5, 50_000] {
            let mut client = connect(address);
            client.write_all(bytes(size)).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut heard = Vec::new();
            client.read_to_end(&mut heard).unwrap();
            assert!(heard == bytes(size), "{size} bytes, {} back", heard.len());
        }
    });
}

/// Reset while the server reads, and while it writes: the next client is served.
pub(crate) fn a_peer_that_resets_takes_nobody_along(style: &'static Style) {
    while_serving(style, |address| {
        for _ in 0..10 {
            reset(address);
        }
        reset_in_the_middle(address);
        assert_eq!(round_trip(address, b"and the next one"), b"and the next one");
    });
}

/// It sends more than fits into all buffers on the way, then reads a few bytes at a time.
pub(crate) fn a_slow_reader_gets_everything_and_holds_up_nobody(style: &'static Style) {
    while_serving(style, |address| {
        let slow = connect(address);
        thread::scope(|scope| {
            scope.spawn(|| {
                (&slow).write_all(bytes(5_000_000)).unwrap();
                slow.shutdown(Shutdown::Write).unwrap();
            });
            if style.is_concurrent() {
                exchange(&connect(address), b"quick");
            }
            let heard = read_slowly(&slow);
            assert!(heard == bytes(5_000_000), "{} bytes back", heard.len());
        });
    });
}

fn read_slowly(mut stream: &TcpStream) -> Vec<u8> {
    let mut heard = vec![0; 200];
    for sip in heard.chunks_mut(10) {
        stream.read_exact(sip).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    stream.read_to_end(&mut heard).unwrap();
    heard
}
