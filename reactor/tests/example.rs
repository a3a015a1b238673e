//! The example, an echo server with no stage at all, where it is hard.

#![expect(dead_code, unreachable_pub, reason = "an example is a program of its own")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use site::Control;

mod bounds;
#[path = "../examples/echo.rs"]
mod echo;

/// Whoever does not read what comes back fills the sockets, and then the server owes it; and
/// nobody else waits for that.
#[test]
fn a_client_that_is_slow_to_read_gets_everything_and_holds_up_nobody() {
    bounds::in_time(a_slow_client_and_a_quick_one);
}

fn a_slow_client_and_a_quick_one() {
    let control = Control::new();
    let of_the_server = control.clone();
    let server = thread::spawn(move || {
        echo::serve(([127, 0, 0, 1], 0).into(), of_the_server).unwrap();
    });
    let address = control.address().unwrap();
    let connect = || {
        let client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        client
    };
    let sent: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (mut slow, mut quick, gone) = (connect(), connect(), connect());
    drop(gone);
    let mut out = slow.try_clone().unwrap();
    let rest = sent.clone();
    let writer = thread::spawn(move || {
        out.write_all(&rest).unwrap();
        out.shutdown(Shutdown::Write).unwrap();
    });
    for word in [*b"one", *b"two"] {
        let mut heard = [0; 3];
        quick.write_all(&word).unwrap();
        quick.read_exact(&mut heard).unwrap();
        assert_eq!(heard, word);
    }
    let mut heard = Vec::new();
    slow.read_to_end(&mut heard).unwrap();
    assert!(heard == sent, "what comes back is what went out");
    writer.join().unwrap();
    control.stop();
    server.join().unwrap();
}
