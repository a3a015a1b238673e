//! When a transport asks its protocol to pause, and to go on; when it is lost.

use std::cell::Cell;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;

use stage5_asyncio::futures::Future;
use stage5_asyncio::get_running_loop;
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::transports::Transport;

use super::clock::{panics, py, tell as say, turns};

/// More than the kernel takes.
const MANY: usize = 16_000_000;

/// `lost` is set when the connection is gone.
struct Says {
    keeps_open: bool,
    lost: Future<()>,
}

impl Says {
    fn new(keeps_open: bool) -> Rc<Self> {
        Rc::new(Self { keeps_open, lost: get_running_loop().create_future() })
    }
}

impl Protocol for Says {
    fn connection_made(&self, _: Rc<dyn Transport>) {
        say("made");
    }

    fn data_received(&self, data: &[u8]) {
        say(format_args!("data: {}", str::from_utf8(data).unwrap()));
    }

    fn eof_received(&self) -> bool {
        say("eof");
        self.keeps_open
    }

    fn pause_writing(&self) {
        say("pause writing");
    }

    fn resume_writing(&self) {
        say("resume writing");
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        say(format_args!("lost, with a reason: {}", py(reason.is_some())));
        self.lost.set_result(()).unwrap();
    }
}

/// Two ends of a connection.
pub(crate) fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (theirs, _) = listener.accept().unwrap();
    ours.set_nonblocking(true).unwrap();
    theirs.set_nonblocking(true).unwrap();
    (ours, theirs)
}

async fn connected(protocol: &Rc<Says>) -> (Rc<dyn Transport>, TcpStream) {
    let (ours, theirs) = pair();
    let factory = || Rc::clone(protocol);
    let connected = get_running_loop().connect_accepted_socket(factory, ours).await;
    (connected.unwrap().0, theirs)
}

pub(crate) async fn read(peer: &TcpStream, n: usize) {
    let got = Cell::new(0);
    while got.get() < n {
        let most = (n - got.get()).min(1 << 16);
        let bytes = get_running_loop().sock_recv(peer, most).await.unwrap();
        assert!(!bytes.is_empty(), "the end came early");
        got.set(got.get() + bytes.len());
    }
}

pub(crate) async fn main() {
    let event_loop = get_running_loop();
    let many = vec![b'x'; MANY];
    let protocol = Says::new(false);
    let (transport, peer) = connected(&protocol).await;
    let limits = || format!("{:?}", transport.get_write_buffer_limits());
    say(format_args!("limits by default: {}", limits()));
    transport.set_write_buffer_limits(Some(1000), None);
    say(format_args!("with a high of 1000: {}", limits()));
    transport.set_write_buffer_limits(None, Some(1000));
    say(format_args!("with a low of 1000: {}", limits()));
    transport.set_write_buffer_limits(Some(0), None);
    say(format_args!("with a high of 0: {}", limits()));
    transport.set_write_buffer_limits(Some(1000), Some(100));
    transport.write(b"little");
    say(format_args!("after a little: {} kept", transport.get_write_buffer_size()));
    read(&peer, 6).await;
    transport.write(&many);
    let is_more = py(transport.get_write_buffer_size() > 1000);
    say(format_args!("after much: more than 1000 kept {is_more}"));
    transport.write(&many);
    say("more still, and no second pause");
    read(&peer, 2 * MANY).await;
    turns(3).await;
    say(format_args!("when all was read: {} kept", transport.get_write_buffer_size()));

    transport.set_write_buffer_limits(Some(1 << 30), None);
    transport.write(&many);
    say("below a high mark that is high");
    transport.set_write_buffer_limits(Some(1000), Some(1000));
    say("the mark is lowered");
    transport.close();
    say(format_args!("close: closing {}", py(transport.is_closing())));
    read(&peer, MANY).await;
    (&protocol.lost).await;
    say("what was kept was sent before");
    drop(peer);

    let protocol = Says::new(false);
    let (transport, peer) = connected(&protocol).await;
    transport.set_write_buffer_limits(Some(1000), None);
    transport.write(&many);
    transport.abort();
    say("abort: later");
    (&protocol.lost).await;
    say(format_args!("abort: {} kept", transport.get_write_buffer_size()));
    transport.write(b"into nothing");
    drop(peer);

    let protocol = Says::new(true);
    let (transport, peer) = connected(&protocol).await;
    transport.pause_reading();
    transport.pause_reading();
    event_loop.sock_sendall(&peer, b"backlog").await.unwrap();
    turns(5).await;
    say(format_args!("paused: reading {}", py(transport.is_reading())));
    transport.resume_reading();
    turns(5).await;
    peer.shutdown(Shutdown::Write).unwrap();
    turns(5).await;
    transport.write(b"still open");
    read(&peer, 10).await;
    transport.write_eof();
    if panics(|| transport.write(b"no")) {
        say("nothing can be written after the end");
    }
    let end = event_loop.sock_recv(&peer, 10).await.unwrap();
    say(format_args!("end: {} bytes", end.len()));
    transport.close();
    transport.close();
    (&protocol.lost).await;
    drop(peer);

    let protocol = Says::new(false);
    let (transport, peer) = connected(&protocol).await;
    event_loop.sock_sendall(&peer, b"last words").await.unwrap();
    drop(peer);
    (&protocol.lost).await;
    say(format_args!("closed by the peer: closing {}", py(transport.is_closing())));
}
