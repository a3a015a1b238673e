//! Clients in plain std: what the outside does to a server.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use crate::PATIENCE;

/// Any free port of this machine.
pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Held by whoever needs many connections: eight crowds at once would need more descriptors
/// than some machines give.
pub(crate) fn one_crowd_at_a_time() -> MutexGuard<'static, ()> {
    static CROWD: Mutex<()> = Mutex::new(());
    CROWD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first bytes of a text that is the same every time and repeats itself late.
pub(crate) fn bytes(count: usize) -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let all =
        || (0..5_000_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    &BYTES.get_or_init(|| all().collect())[..count]
}

/// A connection on which nothing waits for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends a few bytes and reads as many.
pub(crate) fn exchange(mut stream: &TcpStream, sent: &[u8]) {
    stream.write_all(sent).unwrap();
    let mut received = vec![0; sent.len()];
    stream.read_exact(&mut received).unwrap();
    assert_eq!(received, sent);
}

/// Sends everything and says so, while it reads to the end: gives what came back.
pub(crate) fn round_trip(address: SocketAddr, sent: &[u8]) -> Vec<u8> {
    let stream = connect(address);
    let mut received = Vec::new();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            (&stream).write_all(sent).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
        });
        (&stream).read_to_end(&mut received).unwrap();
        writer.join().unwrap();
    });
    received
}

/// Leaves although an answer has arrived: to close on unread bytes resets the connection.
pub(crate) fn reset(address: SocketAddr) {
    let mut stream = connect(address);
    stream.write_all(bytes(10_000)).unwrap();
    stream.peek(&mut [0]).unwrap();
}

/// Leaves in the middle of an answer, while the server is stuck in writing it.
pub(crate) fn reset_in_the_middle(address: SocketAddr) {
    let stream = connect(address);
    stuff(&stream);
}

/// Sends without ever reading, until nothing more fits: by now the server can do nothing
/// about this client but wait. (Or until it is clear that the server keeps it all.)
pub(crate) fn stuff(mut stream: &TcpStream) {
    stream.set_nonblocking(true).unwrap();
    let (mut sent, mut stuck) = (0, 0);
    while stuck < 20 {
        match stream.write(bytes(1 << 16)) {
            Ok(n) => (sent, stuck) = (sent + n, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                stuck += 1;
                thread::sleep(Duration::from_millis(2));
            }
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 1 << 28, "a server that keeps everything has no back-pressure");
    }
    stream.set_nonblocking(false).unwrap();
}
