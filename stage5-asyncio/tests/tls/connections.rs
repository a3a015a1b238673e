//! Connections that nobody else can read: as asyncio's `test_ssl.py` and uvloop's `test_tcp.py`
//! have them.

use std::cell::{Cell, OnceCell, RefCell};
use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use stage5_asyncio::base_events::{Connected, Server};
use stage5_asyncio::net::{TcpListener, TcpStream};
use stage5_asyncio::protocols::{BufferedProtocol, Protocol};
use stage5_asyncio::streams::{StreamReader, StreamWriter};
use stage5_asyncio::tasks::gather;
use stage5_asyncio::time::sleep;
use stage5_asyncio::tls::rustls::{self, AlertDescription, CertificateError};
use stage5_asyncio::tls::{Session, Tls, open_tls_connection, start_tls_server};
use stage5_asyncio::transports::{SendfileOptions, Transport};
use stage5_asyncio::{
    create_task, get_running_loop, new_event_loop, run, testing, timeout,
};

use super::common::{Log, MS, reports, turns};
use super::identity::{
    BOTH, Identity, believes, client, client_with_a_name, server, wants_to_know,
};
use super::{everywhere, home, invented, reason, rest_of, until};

/// Writes down what it is told. Data in several pieces are one.
#[derive(Clone, Debug, Default)]
struct Recorder(Rc<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    log: Log,
    data: RefCell<Vec<u8>>,
    transport: OnceCell<Rc<dyn Transport>>,
    lost: Cell<u32>,
    /// What it answers at the end.
    keeps_open: Cell<bool>,
}

impl Recorder {
    fn say(&self, what: &str) {
        let data = self.0.data.take();
        match data.len() {
            0 => {}
            1..100 => self.0.log.say(String::from_utf8(data).unwrap()),
            n => self.0.log.say(format_args!("{n} bytes")),
        }
        self.0.log.say(what);
    }

    fn transport(&self) -> &Rc<dyn Transport> {
        self.0.transport.get().unwrap()
    }

    /// Waits until the connection is lost.
    async fn lost(&self) -> Vec<String> {
        until(|| self.0.lost.get() > 0).await;
        turns(5).await;
        assert_eq!(self.0.lost.get(), 1, "it is told once");
        self.0.log.take()
    }
}

impl Protocol for Recorder {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.say("made");
        assert!(self.0.transport.set(transport).is_ok(), "it is told once");
    }

    fn data_received(&self, data: &[u8]) {
        assert!(!data.is_empty());
        self.0.data.borrow_mut().extend(data);
    }

    fn eof_received(&self) -> bool {
        self.say("eof");
        self.0.keeps_open.get()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.0.lost.set(self.0.lost.get() + 1);
        match reason {
            Some(reason) => self.say(&format!("lost: {:?}", reason.kind())),
            None => self.say("lost"),
        }
    }

    fn pause_writing(&self) {
        self.say("pause");
    }

    fn resume_writing(&self) {
        self.say("resume");
    }
}

/// A server for one client, whom it records.
async fn recording(tls: Tls) -> (Server, Recorder) {
    let recorder = Recorder::default();
    let known = recorder.clone();
    let factory = move || known.clone();
    (serve(tls, factory).await, recorder)
}

async fn serve<P: Protocol>(tls: Tls, factory: impl Fn() -> P + 'static) -> Server {
    get_running_loop().create_tls_server(tls, factory, home()).await.unwrap()
}

/// Both ends of a connection, each recorded.
async fn pair() -> (Recorder, Recorder, Server) {
    let (server, theirs) = recording(server()).await;
    let ours = connect(client("here.test"), &server).await.unwrap().1;
    until(|| theirs.0.transport.get().is_some()).await;
    ((*ours).clone(), theirs, server)
}

async fn connect(tls: Tls, server: &Server) -> io::Result<Connected<Recorder>> {
    connect_to(tls, server.sockets()[0]).await
}

async fn connect_to(tls: Tls, address: SocketAddr) -> io::Result<Connected<Recorder>> {
    get_running_loop().create_tls_connection(tls, Recorder::default, address).await
}

/// A peer that does TLS by hand, over a socket of which the test knows everything.
struct ByHand {
    socket: TcpStream,
    session: Session,
}

impl ByHand {
    async fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.sockets()[0]).await.unwrap();
        let config = Arc::new(believes(Identity::here(), BOTH));
        let session = Session::client(config, "here.test".try_into().unwrap()).unwrap();
        let mut peer = Self { socket, session };
        let mut nothing = Vec::new();
        while peer.session.is_handshaking() {
            peer.flush().await;
            peer.hear(&mut nothing).await;
        }
        peer.flush().await;
        peer
    }

    /// One that `theirs` is connected to.
    async fn known_to(theirs: &Recorder, server: &Server) -> Self {
        let peer = Self::connect(server).await;
        until(|| theirs.0.transport.get().is_some()).await;
        peer
    }

    /// Sends what there is to be sent.
    async fn flush(&mut self) {
        self.socket.write_all(&self.session.take_outgoing()).await.unwrap();
    }

    /// Receives once. `false`: it was the end.
    async fn hear(&mut self, heard: &mut Vec<u8>) -> bool {
        let mut buffer = [0; 4096];
        let n = self.socket.read(&mut buffer).await.unwrap();
        self.session.receive(&buffer[..n], heard).unwrap();
        n > 0
    }
}

async fn echo(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    loop {
        let data = reader.read(1 << 16).await?;
        if data.is_empty() {
            return Ok(());
        }
        writer.write(&data);
        writer.drain().await?;
    }
}

/// M6.62, `test_create_server_ssl_1`: many at a time, up to a megabyte, in streams.
#[test]
fn streams_carry_secrets_there_and_back() {
    everywhere(async |divide| {
        let served = start_tls_server(server(), echo, home()).await.unwrap();
        let address = served.sockets()[0];
        let talks = (0..8_usize).map(|n| async move {
            let tls = client("here.test");
            let (mut reader, writer) = open_tls_connection(tls, address).await.unwrap();
            assert_eq!(writer.peername(), Some(address));
            assert!(writer.sockname().is_some());
            let agreed = writer.transport().tls().unwrap();
            assert_eq!(agreed.version, rustls::ProtocolVersion::TLSv1_3);
            let sent = vec![b'x'; n * 130_000 / divide + 1];
            writer.write(&sent);
            let heard = reader.readexactly(sent.len()).await.unwrap();
            assert!(heard == sent);
            writer.close();
            writer.wait_closed().await.unwrap();
            assert!(writer.transport().tls().is_some(), "it is known when they are gone");
        });
        gather(talks).await;
        served.close();
        served.wait_closed().await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// M6.68. `test_sendfile_ssl`: a file has to be encrypted, and so is read and written.
#[test]
fn a_file_is_read_encrypted_and_sent() {
    let story = async {
        let (one, other, server) = pair().await;
        let content = "Who goes there? ".repeat(100_000);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let event_loop = get_running_loop();
        let options = SendfileOptions { fallback: false, ..SendfileOptions::default() };
        let refused = event_loop.sendfile_with(options, &**one.transport(), &file).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
        let sent = event_loop.sendfile(&**one.transport(), &file).await.unwrap();
        assert_eq!(sent, content.len() as u64);
        one.transport().write(b"That is all.");
        one.transport().close();
        let said = other.lost().await;
        assert!(said.contains(&format!("{} bytes", sent + 12)), "{said:?}");
        drop(server);
    };
    run(super::within(1, story)).unwrap();
}

/// M6.62
#[test]
fn a_protocol_is_told_the_same_as_without_and_each_thing_as_often() {
    everywhere(async |_| {
        let (ours, theirs, server) = pair().await;
        ours.transport().write(b"hi");
        until(|| !theirs.0.data.borrow().is_empty()).await;
        theirs.transport().writelines(&[b"h", b"o"]);
        until(|| ours.0.data.borrow().len() == 2).await;
        ours.transport().close();
        ours.transport().close();
        assert!(ours.transport().is_closing() && !ours.transport().is_reading());
        ours.transport().write(b"too late");
        assert_eq!(ours.lost().await, ["made", "ho", "lost"]);
        assert_eq!(theirs.lost().await, ["made", "hi", "eof", "lost"]);
        assert!(ours.transport().get_protocol().is_none());
        drop(server);
        assert_eq!(get_running_loop().reactor().sockets(), 1, "the one that listens");
    });
}

/// M6.61, `test_create_connection_ssl_failed_certificate`: the protocol is told nothing.
#[test]
fn whoever_is_not_believed_is_refused_before_anything_is_said() {
    everywhere(async |_| {
        let log = reports();
        let (served, theirs) = recording(server()).await;
        let wrong = connect(client("elsewhere.test"), &served).await.unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::InvalidData);
        assert!(matches!(
            reason(&wrong),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForNameContext { .. }
            )
        ));
        let stranger = believes(&Identity::new("elsewhere.test"), BOTH);
        let tls = Tls::client(Arc::new(stranger), "here.test").unwrap();
        let wrong = connect(tls, &served).await.unwrap_err();
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(*reason(&wrong), unknown);
        served.close();
        served.wait_closed().await;
        assert!(theirs.0.log.take().is_empty(), "its handshake did not come to its end");
        assert!(log.take().is_empty());
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

#[test]
fn a_name_that_is_none_is_refused_at_once() {
    let config = Arc::new(believes(Identity::here(), BOTH));
    for name in ["", "a b", "https://here.test", "-"] {
        let error = Tls::client(Arc::clone(&config), name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name:?}");
    }
    assert!(Tls::client(config, "127.0.0.1").is_ok(), "an address is a name");
}

/// M6.63, `test_create_server_ssl_2` and `_3`: a peer that stops in the middle is given up after
/// a minute, by the clock; and the same for a server that does not answer.
#[test]
fn a_handshake_that_stops_in_the_middle_is_given_up_after_a_minute() {
    let took = invented(0, async || {
        let silent = TcpListener::bind(home()).unwrap();
        let address = silent.local_addr().unwrap();
        let connecting = connect_to(client("here.test"), address);
        let error = connecting.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        let text = "SSL handshake is taking longer than 60s: aborting the connection";
        assert_eq!(error.to_string(), text);
        assert_eq!(get_running_loop().reactor().sockets(), 1);
    });
    assert!((60..62).contains(&took.as_secs()), "{took:?}");

    let took = invented(0, async || {
        let mut tls = server();
        tls.handshake_timeout = Duration::from_secs(5);
        let (served, theirs) = recording(tls).await;
        let peer = TcpStream::connect(served.sockets()[0]).await.unwrap();
        let config = Arc::new(believes(Identity::here(), BOTH));
        let mut session =
            Session::client(config, "here.test".try_into().unwrap()).unwrap();
        let hello = session.take_outgoing();
        peer.write_all(&hello[..hello.len() / 2]).await.unwrap();
        let answer = rest_of(&peer).await.unwrap_or_default();
        assert!(answer.is_empty());
        assert!(theirs.0.log.take().is_empty());
        served.close();
        served.wait_closed().await;
    });
    assert!((5..7).contains(&took.as_secs()), "{took:?}");
}

/// M6.63: what was agreed on in time stays, whoever is silent after that.
#[test]
fn two_who_have_agreed_may_be_silent_for_as_long_as_they_like() {
    let took = invented(0, async || {
        let (ours, theirs, _server) = pair().await;
        sleep(Duration::from_mins(5)).await;
        ours.transport().write(b"still there?");
        ours.transport().close();
        assert_eq!(theirs.lost().await, ["made", "still there?", "eof", "lost"]);
    });
    assert!((300..302).contains(&took.as_secs()), "{took:?}");
}

/// M6.63, `test_create_connection_ssl_slow_handshake`: as long as it comes to its end in time, it
/// may come byte by byte. What somebody may see in between says nothing.
#[test]
fn a_handshake_may_come_byte_by_byte() {
    everywhere(async |_| {
        let (served, theirs) = recording(server()).await;
        let (listener, address) = {
            let listener = TcpListener::bind(home()).unwrap();
            let address = listener.local_addr().unwrap();
            (listener, address)
        };
        let target = served.sockets()[0];
        let seen = Rc::<RefCell<Vec<u8>>>::default();
        let overheard = Rc::clone(&seen);
        let between = create_task(async move {
            let near = listener.accept().await.unwrap();
            let far = TcpStream::connect(target).await.unwrap();
            let carry = async |from: &TcpStream, to: &TcpStream| {
                let mut byte = [0];
                while from.read(&mut byte).await.unwrap_or(0) > 0 {
                    overheard.borrow_mut().extend(byte);
                    if to.write_all(&byte).await.is_err() {
                        return;
                    }
                    turns(1).await;
                }
                let _ = to.shutdown();
            };
            let both = futures_util::future::join(carry(&near, &far), carry(&far, &near));
            both.await;
        });
        let connecting = connect_to(client("here.test"), address);
        let (transport, ours) = connecting.await.unwrap();
        transport.write(b"a secret");
        until(|| theirs.0.data.borrow().len() == 8).await;
        transport.close();
        assert_eq!(ours.lost().await, ["made", "lost"]);
        assert_eq!(theirs.lost().await, ["made", "a secret", "eof", "lost"]);
        between.await;
        let seen = seen.take();
        assert!(seen.len() > 500, "{}", seen.len());
        assert!(!seen.windows(6).any(|it| it == b"secret"));
    });
}

/// M6.63, `test_shutdown_timeout`: a peer that does not say goodbye has half a minute.
#[test]
fn a_peer_that_does_not_say_goodbye_is_waited_for_half_a_minute() {
    let took = invented(0, async || {
        let (served, theirs) = recording(server()).await;
        let mut peer = ByHand::known_to(&theirs, &served).await;
        theirs.transport().write(b"bye");
        theirs.transport().close();
        let mut heard = Vec::new();
        while !peer.session.has_ended() {
            assert!(peer.hear(&mut heard).await);
        }
        assert_eq!(heard, b"bye");
        peer.session.send(b"I am not done");
        peer.flush().await;
        assert_eq!(theirs.lost().await, ["made", "lost: TimedOut"], "it heard no more");
    });
    assert!((30..32).contains(&took.as_secs()), "{took:?}");
}

/// M6.63: a goodbye, or the end of the connection below, is enough.
#[test]
fn a_peer_that_says_goodbye_or_is_gone_ends_it_well() {
    for is_polite in [true, false] {
        let took = invented(0, async move || {
            let (served, theirs) = recording(server()).await;
            let mut peer = ByHand::known_to(&theirs, &served).await;
            theirs.transport().close();
            if is_polite {
                peer.session.send_end();
                peer.flush().await;
            } else {
                peer.socket.shutdown().unwrap();
            }
            assert_eq!(theirs.lost().await, ["made", "lost"]);
        });
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

/// M6.63: who has paused and closes hears the goodbye all the same.
#[test]
fn whoever_closes_while_it_pauses_hears_the_goodbye() {
    let took = invented(0, async || {
        let (ours, theirs, _server) = pair().await;
        ours.transport().pause_reading();
        theirs.transport().write(b"never heard");
        turns(20).await;
        ours.transport().close();
        assert_eq!(ours.lost().await, ["made", "lost"]);
        assert_eq!(theirs.lost().await, ["made", "eof", "lost"]);
    });
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// M6.64: whoever is gone without a goodbye may have been cut off by anybody. (asyncio, by way of
/// OpenSSL, takes that for an end.)
#[test]
fn an_end_without_a_goodbye_is_an_error_and_no_end() {
    everywhere(async |_| {
        let (served, theirs) = recording(server()).await;
        let mut peer = ByHand::known_to(&theirs, &served).await;
        peer.session.send(b"pay ten pounds");
        peer.flush().await;
        peer.socket.shutdown().unwrap();
        let told = theirs.lost().await;
        assert_eq!(told, ["made", "pay ten pounds", "lost: UnexpectedEof"]);

        let read_to_end = async |mut reader: StreamReader, _writer: StreamWriter| {
            let error = reader.read_to_end().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
            assert!(error.to_string().contains("without a close_notify"), "{error}");
            Err(io::Error::other("as it should be"))
        };
        let log = reports();
        let served = start_tls_server(server(), read_to_end, home()).await.unwrap();
        let peer = ByHand::connect(&served).await;
        peer.socket.shutdown().unwrap();
        served.close();
        served.wait_closed().await;
        turns(5).await;
        let said = log.take();
        assert!(said.len() == 1 && said[0].ends_with("as it should be"), "{said:?}");
    });
}

/// M6.64: RFC 8446, 6.1. (asyncio has no `write_eof` with TLS.)
#[test]
fn one_direction_may_end_alone() {
    everywhere(async |_| {
        let shout = async |mut reader: StreamReader, writer: StreamWriter| {
            let all = reader.read_to_end().await?;
            assert!(reader.at_eof());
            writer.write(&all.to_ascii_uppercase());
            writer.drain().await
        };
        let served = start_tls_server(server(), shout, home()).await.unwrap();
        let connecting = open_tls_connection(client("here.test"), served.sockets()[0]);
        let (mut reader, writer) = connecting.await.unwrap();
        assert!(writer.can_write_eof());
        writer.write(b"is that all?");
        writer.write_eof();
        writer.write_eof();
        assert_eq!(reader.read_to_end().await.unwrap(), b"IS THAT ALL?");
        writer.close();
        writer.wait_closed().await.unwrap();
        served.close();
        served.wait_closed().await;
    });
}

#[test]
fn a_protocol_that_keeps_its_end_open_can_still_write() {
    everywhere(async |_| {
        let (ours, theirs, _server) = pair().await;
        theirs.0.keeps_open.set(true);
        ours.0.keeps_open.set(true);
        ours.transport().write_eof();
        until(|| !theirs.transport().is_reading()).await;
        theirs.transport().write(b"still");
        until(|| ours.0.data.borrow().len() == 5).await;
        assert!(!theirs.transport().is_closing());
        theirs.transport().close();
        assert_eq!(theirs.lost().await, ["made", "eof", "lost"]);
        until(|| !ours.transport().is_reading()).await;
        ours.transport().close();
        assert_eq!(ours.lost().await, ["made", "still", "eof", "lost"]);
    });
}

/// M6.62, `test_flush_before_shutdown`: the marks of the transport below count; nothing is lost.
#[test]
fn writing_pauses_and_resumes_as_the_peer_takes_it_and_close_sends_all_of_it() {
    everywhere(async |divide| {
        let (ours, theirs, _server) = pair().await;
        theirs.transport().pause_reading();
        let (high, half) = (1_000_000 / divide, 8_000_000 / divide);
        ours.transport().set_write_buffer_limits(Some(high), Some(100));
        assert_eq!(ours.transport().get_write_buffer_limits(), (100, high));
        ours.transport().write(&vec![b'x'; half]);
        assert!(ours.transport().get_write_buffer_size() > high);
        assert_eq!(ours.0.log.take(), ["made", "pause"], "inside of the write");
        ours.transport().write(&vec![b'y'; half]);
        ours.transport().close();
        assert!(ours.transport().get_write_buffer_size() > high);
        theirs.transport().resume_reading();
        let bytes = format!("{} bytes", 2 * half);
        assert_eq!(theirs.lost().await, ["made", &*bytes, "eof", "lost"]);
        assert_eq!(ours.lost().await, ["resume", "lost"]);
    });
}

/// M6.62
#[test]
fn who_pauses_reads_nothing_and_later_all_of_it() {
    everywhere(async |_| {
        let (ours, theirs, _server) = pair().await;
        theirs.transport().pause_reading();
        theirs.transport().pause_reading();
        assert!(!theirs.transport().is_reading());
        ours.transport().write(b"q");
        ours.transport().close();
        sleep(20 * MS).await;
        assert_eq!(theirs.0.log.take(), ["made"]);
        assert!(theirs.0.data.borrow().is_empty());
        theirs.transport().resume_reading();
        theirs.transport().resume_reading();
        assert!(theirs.transport().is_reading());
        assert_eq!(theirs.lost().await, ["q", "eof", "lost"]);
        assert_eq!(ours.lost().await, ["made", "lost"]);
    });
}

/// M6.62: the last bytes of the handshake and the first of what is said may come together.
#[test]
fn whoever_pauses_as_it_is_connected_is_told_nothing_before_it_resumes() {
    struct Shy(Recorder);
    impl Protocol for Shy {
        fn connection_made(&self, transport: Rc<dyn Transport>) {
            transport.pause_reading();
            self.0.connection_made(transport);
        }

        fn data_received(&self, data: &[u8]) {
            self.0.data_received(data);
        }

        fn eof_received(&self) -> bool {
            self.0.eof_received()
        }

        fn connection_lost(&self, reason: Option<io::Error>) {
            self.0.connection_lost(reason);
        }
    }
    everywhere(async |_| {
        let recorder = Recorder::default();
        let known = recorder.clone();
        let served = serve(server(), move || Shy(known.clone())).await;
        let socket = TcpStream::connect(served.sockets()[0]).await.unwrap();
        let config = Arc::new(believes(Identity::here(), BOTH));
        let mut session =
            Session::client(config, "here.test".try_into().unwrap()).unwrap();
        session.send(b"at once");
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while session.is_handshaking() {
            socket.write_all(&session.take_outgoing()).await.unwrap();
            let n = socket.read(&mut buffer).await.unwrap();
            session.receive(&buffer[..n], &mut heard).unwrap();
        }
        session.send_end();
        socket.write_all(&session.take_outgoing()).await.unwrap();
        until(|| recorder.0.transport.get().is_some()).await;
        sleep(20 * MS).await;
        assert_eq!(recorder.0.log.take(), ["made"]);
        assert!(recorder.0.data.borrow().is_empty());
        recorder.transport().resume_reading();
        assert_eq!(recorder.lost().await, ["at once", "eof", "lost"]);
    });
}

/// Pauses at every piece, and goes on a little later.
#[derive(Clone, Default)]
struct Slow {
    recorder: Recorder,
    pieces: Rc<Cell<usize>>,
    is_paused: Rc<Cell<bool>>,
}

impl Protocol for Slow {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.recorder.connection_made(transport);
    }

    fn data_received(&self, data: &[u8]) {
        assert!(!self.is_paused.get());
        self.recorder.data_received(data);
        self.pieces.set(self.pieces.get() + 1);
        let (transport, is_paused) =
            (Rc::clone(self.recorder.transport()), Rc::clone(&self.is_paused));
        transport.pause_reading();
        is_paused.set(true);
        get_running_loop().call_later(MS, move || {
            is_paused.set(false);
            transport.resume_reading();
        });
    }

    fn eof_received(&self) -> bool {
        assert!(!self.is_paused.get());
        self.recorder.eof_received()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.recorder.connection_lost(reason);
    }
}

/// M6.62: whoever pauses inside of `data_received` gets nothing before it resumes.
#[test]
fn a_reader_that_pauses_all_the_time_gets_all_of_it_piece_by_piece() {
    everywhere(async |divide| {
        let slow = Slow::default();
        let known = slow.clone();
        let factory = move || known.clone();
        let served = serve(server(), factory).await;
        let (transport, ours) = connect(client("here.test"), &served).await.unwrap();
        let bytes = 4_000_000 / divide;
        transport.write(&vec![b'x'; bytes]);
        transport.close();
        let told = slow.recorder.lost().await;
        assert_eq!(told, ["made", &*format!("{bytes} bytes"), "eof", "lost"]);
        assert!(slow.pieces.get() > 1, "in {} pieces", slow.pieces.get());
        let told = ours.lost().await;
        assert_eq!(told.last().unwrap(), "lost");
    });
}

/// Has room for three bytes, and pauses with each.
#[derive(Clone, Default)]
struct Buffered(Slow);

impl Protocol for Buffered {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.0.connection_made(transport);
    }

    fn buffered(&self) -> Option<&dyn BufferedProtocol> {
        Some(self)
    }

    fn eof_received(&self) -> bool {
        self.0.eof_received()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.0.connection_lost(reason);
    }
}

impl BufferedProtocol for Buffered {
    fn get_buffer(&self, sizehint: usize) -> Vec<u8> {
        assert!(sizehint > 0, "it is known");
        vec![0; 3]
    }

    fn buffer_updated(&self, buffer: Vec<u8>, n: usize) {
        self.0.data_received(&buffer[..n]);
    }
}

/// M6.67: the same with what is decrypted, and to pause counts between two of them.
#[test]
fn a_protocol_with_a_buffer_of_its_own_gets_what_is_decrypted_in_there() {
    everywhere(async |_| {
        let buffered = Buffered::default();
        let known = buffered.clone();
        let served = serve(server(), move || known.clone()).await;
        let (transport, ours) = connect(client("here.test"), &served).await.unwrap();
        transport.write(b"0123456789");
        transport.close();
        assert_eq!(
            buffered.0.recorder.lost().await,
            ["made", "0123456789", "eof", "lost"]
        );
        assert!(buffered.0.pieces.get() >= 4);
        assert_eq!(ours.lost().await, ["made", "lost"]);
    });
}

/// M6.61: a client that speaks plain HTTP.
#[test]
fn garbage_instead_of_a_hello_is_refused_and_the_others_are_served() {
    everywhere(async |_| {
        let log = reports();
        let served = start_tls_server(server(), echo, home()).await.unwrap();
        let address = served.sockets()[0];
        let rude = TcpStream::connect(address).await.unwrap();
        rude.write_all(b"GET / HTTP/1.1\r\nHost: here.test\r\n\r\n").await.unwrap();
        let answer = rest_of(&rude).await.unwrap_or_default();
        assert!(answer.len() < 20, "an alert, or nothing: {answer:?}");
        let connecting = open_tls_connection(client("here.test"), address);
        let (mut reader, writer) = connecting.await.unwrap();
        writer.write(b"hello\n");
        assert_eq!(reader.readline().await.unwrap(), b"hello\n");
        writer.close();
        served.close();
        served.wait_closed().await;
        assert!(log.take().is_empty());
    });
}

/// A server that speaks no TLS; and one that leaves.
#[test]
fn a_server_that_speaks_something_else_or_leaves_is_an_error() {
    everywhere(async |_| {
        for (says, kind) in [
            (&b"220 mail.here.test\r\n"[..], ErrorKind::InvalidData),
            (b"", ErrorKind::ConnectionReset),
        ] {
            let listener = TcpListener::bind(home()).unwrap();
            let address = listener.local_addr().unwrap();
            let serve = create_task(async move {
                let peer = listener.accept().await.unwrap();
                peer.write_all(says).await.unwrap();
                peer.shutdown().unwrap();
                rest_of(&peer).await
            });
            let connecting = open_tls_connection(client("here.test"), address);
            let error = connecting.await.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            serve.await;
        }
        turns(3).await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// M6.65, `test_create_server_ssl_1` with `peercert`: both may have to say who they are.
#[test]
fn a_server_may_ask_who_its_client_is() {
    everywhere(async |_| {
        let (here, guest) = (Identity::here(), Identity::new("guest.test"));
        let config = Arc::new(wants_to_know(here, &guest));
        let (served, theirs) = recording(Tls::server(config)).await;
        let known = Arc::new(client_with_a_name(here, &guest));
        let tls = Tls::client(known, "here.test").unwrap();
        let (transport, _ours) = connect(tls, &served).await.unwrap();
        until(|| theirs.0.transport.get().is_some()).await;
        let agreed = theirs.transport().tls().unwrap().clone();
        assert_eq!(agreed.peer_certificates, std::slice::from_ref(&guest.certificate));
        transport.abort();
        theirs.lost().await;

        // Whoever has nothing to show hears of it with the answer to what it says first.
        let (served, theirs) =
            recording(Tls::server(Arc::new(wants_to_know(here, &guest)))).await;
        let (_, ours) = connect(client("here.test"), &served).await.unwrap();
        assert_eq!(ours.lost().await, ["made", "lost: InvalidData"]);
        assert!(theirs.0.log.take().is_empty());
        let alert = rustls::Error::AlertReceived(AlertDescription::CertificateRequired);
        let tls = client("here.test");
        let (mut reader, _writer) =
            open_tls_connection(tls, served.sockets()[0]).await.unwrap();
        let error = reader.read(1).await.unwrap_err();
        assert_eq!(error.to_string(), alert.to_string());
    });
}

/// M6.65: what is spoken inside of it.
#[test]
fn what_is_spoken_inside_is_agreed_on_if_both_have_said_so() {
    everywhere(async |_| {
        let here = Identity::here();
        let mut config = super::identity::is(here, BOTH);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let (served, theirs) = recording(Tls::server(Arc::new(config))).await;
        let mut config = believes(here, BOTH);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let tls = Tls::client(Arc::new(config), "here.test").unwrap();
        let (transport, _ours) = connect(tls, &served).await.unwrap();
        let spoken = |it: &Rc<dyn Transport>| it.tls().unwrap().alpn_protocol.clone();
        assert_eq!(spoken(&transport).as_deref(), Some(&b"http/1.1"[..]));
        until(|| theirs.0.transport.get().is_some()).await;
        assert_eq!(spoken(theirs.transport()), spoken(&transport));
        transport.abort();
    });
}

/// M6.65: a server that closes its clients says goodbye to each; one that aborts them does not.
#[test]
fn a_server_that_closes_its_clients_says_goodbye() {
    everywhere(async |_| {
        let (ours, theirs, server) = pair().await;
        server.close();
        server.close_clients();
        assert_eq!(ours.lost().await, ["made", "eof", "lost"]);
        assert_eq!(theirs.lost().await, ["made", "lost"]);
        server.wait_closed().await;
        let (ours, theirs, server) = pair().await;
        server.abort_clients();
        let told = ours.lost().await;
        assert!(told.last().unwrap().starts_with("lost: "), "{told:?}");
        assert_eq!(theirs.lost().await, ["made", "lost"]);
    });
}

/// M6.65: of a connection that nobody waits for any more nothing is left.
#[test]
fn whoever_gives_a_handshake_up_leaves_nothing_behind() {
    everywhere(async |_| {
        let silent = TcpListener::bind(home()).unwrap();
        let address = silent.local_addr().unwrap();
        let timers = get_running_loop().reactor().timers();
        let connecting = open_tls_connection(client("here.test"), address);
        assert!(timeout(20 * MS, connecting).await.is_err());
        turns(5).await;
        assert_eq!(get_running_loop().reactor().sockets(), 1);
        assert_eq!(get_running_loop().reactor().timers(), timers);
    });
}

#[test]
fn a_protocol_that_panics_is_reported_and_its_connection_is_lost() {
    struct Bad(Recorder);
    impl Protocol for Bad {
        fn connection_made(&self, transport: Rc<dyn Transport>) {
            self.0.connection_made(transport);
        }

        fn data_received(&self, data: &[u8]) {
            self.0.data_received(data);
            panic!("no");
        }

        fn connection_lost(&self, reason: Option<io::Error>) {
            self.0.connection_lost(reason);
        }
    }
    everywhere(async |_| {
        let log = reports();
        let recorder = Recorder::default();
        let known = recorder.clone();
        let factory = move || Bad(known.clone());
        let served = serve(server(), factory).await;
        let connect = |served: &Server| {
            let address = served.sockets()[0];
            open_tls_connection(client("here.test"), address)
        };
        let (_reader, writer) = connect(&served).await.unwrap();
        writer.write(b"x");
        assert_eq!(recorder.lost().await, ["made", "x", "lost: Other"]);
        let text = "Fatal error: protocol.data_received() call failed: no";
        assert_eq!(log.take(), [text]);
    });
}

/// Nobody else hears of it at a server; in debug mode, the log does.
#[test]
fn debug_mode_tells_why_a_handshake_failed() {
    let ((), said) = testing::warnings(|| {
        run(async {
            let (served, _theirs) = recording(server()).await;
            let refused = connect(client("elsewhere.test"), &served).await;
            assert!(refused.is_err());
            served.close();
            served.wait_closed().await;
        })
        .unwrap();
    });
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("SSL handshake failed: invalid peer certificate"));
    assert_eq!(said[1], "SSL handshake failed: received fatal alert: BadCertificate");
}

/// What is open at the end of the loop is closed with it, and nothing is kept by itself.
#[test]
fn the_end_of_the_loop_takes_all_of_it_along() {
    let event_loop = new_event_loop().unwrap();
    let gone = event_loop
        .run_until_complete(async {
            let (ours, theirs, _server) = pair().await;
            let told = (Rc::downgrade(&ours.0), Rc::downgrade(&theirs.0));
            let streams = open_tls_connection(client("here.test"), {
                let served = start_tls_server(server(), echo, home()).await.unwrap();
                served.sockets()[0]
            });
            (told, streams.await.unwrap())
        })
        .unwrap();
    let ((ours, theirs), (reader, writer)) = gone;
    assert!(ours.upgrade().is_some() && theirs.upgrade().is_some());
    event_loop.close();
    assert!(ours.upgrade().is_none() && theirs.upgrade().is_none());
    assert!(writer.is_closing());
    writer.write(b"too late");
    drop((reader, writer));
}

/// A loop that stands still: the drop of a writer is no call from nowhere.
#[test]
fn a_writer_may_be_dropped_while_the_loop_stands_still() {
    let event_loop = new_event_loop().unwrap();
    let (served, streams) = event_loop
        .run_until_complete(async {
            let served = start_tls_server(server(), echo, home()).await.unwrap();
            let connecting =
                open_tls_connection(client("here.test"), served.sockets()[0]);
            (served, connecting.await.unwrap())
        })
        .unwrap();
    drop(streams);
    event_loop
        .run_until_complete(async move {
            served.close();
            served.wait_closed().await;
        })
        .unwrap();
}
