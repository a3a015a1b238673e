//! Connections that are encrypted half-way: as asyncio's `test_sslproto.py` has them.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::sync::Arc;

use stage5_asyncio::get_running_loop;
use stage5_asyncio::net::{TcpListener, TcpStream};
use stage5_asyncio::protocols::Protocol;
use stage5_asyncio::streams::{
    StreamReader, StreamWriter, open_connection, start_server,
};
use stage5_asyncio::tls::Session;
use stage5_asyncio::transports::Transport;

use super::common::{Log, reports, turns};
use super::identity::{BOTH, Identity, believes, client, server};
use super::{everywhere, home, invented, rest_of, until};

/// Answers a line in the clear, and all that comes after `STARTTLS` in secret.
async fn mail(mut reader: StreamReader, mut writer: StreamWriter) -> io::Result<()> {
    while let Some(line) = reader.next().await? {
        if line == b"STARTTLS\n" {
            writer.write(b"go ahead\n");
            writer.start_tls(server()).await?;
            continue;
        }
        writer.write(&line);
        writer.drain().await?;
    }
    Ok(())
}

/// M6.66, `test_start_tls_client_1` and `test_start_tls_server_1`: a big amount of bytes after it,
/// and some before.
#[test]
fn streams_are_encrypted_from_the_middle_on() {
    everywhere(async |divide| {
        let served = start_server(mail, home()).await.unwrap();
        let (mut reader, mut writer) =
            open_connection(served.sockets()[0]).await.unwrap();
        writer.write(b"hello\n");
        assert_eq!(reader.readline().await.unwrap(), b"hello\n");
        assert!(writer.transport().tls().is_none());
        writer.write(b"STARTTLS\n");
        assert_eq!(reader.readline().await.unwrap(), b"go ahead\n");
        writer.start_tls(client("here.test")).await.unwrap();
        assert!(writer.transport().tls().is_some());
        for _ in 0..3 {
            let line = [vec![b'x'; 60_000], b"\n".to_vec()].concat();
            for _ in 0..(60 / divide).max(1) {
                writer.write(&line);
                let (drained, heard) =
                    futures_util::future::join(writer.drain(), reader.readline()).await;
                drained.unwrap();
                assert!(heard.unwrap() == line);
            }
        }
        writer.close();
        writer.wait_closed().await.unwrap();
        served.close();
        served.wait_closed().await;
        assert_eq!(get_running_loop().reactor().sockets(), 0);
    });
}

/// M6.66: what was there before is the beginning of TLS, or else an error. Whoever sits in between
/// cannot have us take his words for the peer's (CVE-2011-0411, and many others since).
#[test]
fn nothing_that_came_before_is_taken_for_a_secret() {
    everywhere(async |_| {
        let log = reports();
        let served = start_server(mail, home()).await.unwrap();
        let peer = TcpStream::connect(served.sockets()[0]).await.unwrap();
        peer.write_all(b"STARTTLS\nMAIL FROM:<mallory>\n").await.unwrap();
        let answer = rest_of(&peer).await.unwrap_or_default();
        assert!(!answer.windows(4).any(|it| it == b"MAIL"), "{answer:?}");
        served.close();
        served.wait_closed().await;
        turns(5).await;
        let said = log.take();
        assert!(said.len() == 1 && said[0].contains("client_connected_cb"), "{said:?}");
    });
}

/// M6.66: a client that is fast has said hello before it is asked to.
#[test]
fn a_hello_that_came_before_counts() {
    everywhere(async |_| {
        let served = start_server(mail, home()).await.unwrap();
        let peer = TcpStream::connect(served.sockets()[0]).await.unwrap();
        let config = Arc::new(believes(Identity::here(), BOTH));
        let mut session =
            Session::client(config, "here.test".try_into().unwrap()).unwrap();
        let mut first = b"STARTTLS\n".to_vec();
        first.extend(session.take_outgoing());
        peer.write_all(&first).await.unwrap();
        let mut in_clear = [0; 9];
        let mut n = 0;
        while n < 9 {
            n += peer.read(&mut in_clear[n..]).await.unwrap();
        }
        assert_eq!(&in_clear, b"go ahead\n");
        session.send(b"NOOP\n");
        let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
        while heard.len() < 5 {
            peer.write_all(&session.take_outgoing()).await.unwrap();
            let n = peer.read(&mut buffer).await.unwrap();
            session.receive(&buffer[..n], &mut heard).unwrap();
        }
        assert_eq!(heard, b"NOOP\n");
    });
}

/// Writes down what it is told.
#[derive(Clone, Debug, Default)]
struct Said(Log, Rc<RefCell<Option<Rc<dyn Transport>>>>);

impl Protocol for Said {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.0.say("made");
        self.1.replace(Some(transport));
    }

    fn data_received(&self, data: &[u8]) {
        self.0.say(String::from_utf8_lossy(data));
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        let how = reason.map_or("lost".to_owned(), |it| format!("lost: {:?}", it.kind()));
        self.0.say(how);
        self.1.take();
    }
}

/// A protocol that was told that it is connected, and the peer of its transport.
async fn pair() -> (Rc<dyn Transport>, Rc<Said>, TcpStream) {
    let event_loop = get_running_loop();
    let listener = TcpListener::bind(home()).unwrap();
    let address = listener.local_addr().unwrap();
    let (transport, said) =
        event_loop.create_connection(Said::default, address).await.unwrap();
    (transport, said, listener.accept().await.unwrap())
}

/// M6.66, `test_start_tls_client_reg_proto_1`: it is not told again, and of the end once.
#[test]
fn a_protocol_that_is_encrypted_half_way_is_told_of_the_end_once() {
    everywhere(async |_| {
        let event_loop = get_running_loop();
        let (transport, said, peer) = pair().await;
        // As if somebody had had enough just before.
        transport.pause_reading();
        let answer = async {
            let config = Arc::new(super::identity::is(Identity::here(), BOTH));
            let mut session = Session::server(config).unwrap();
            let (mut heard, mut buffer) = (Vec::new(), [0; 4096]);
            while !session.has_ended() {
                let n = peer.read(&mut buffer).await.unwrap();
                session.receive(&buffer[..n], &mut heard).unwrap();
                if heard == b"?" {
                    session.send(b"!");
                    session.send_end();
                }
                peer.write_all(&session.take_outgoing()).await.unwrap();
            }
            heard
        };
        let ask = async {
            let upper = event_loop
                .start_tls(transport, Rc::clone(&said), client("here.test"))
                .await
                .unwrap();
            upper.write(b"?");
            until(|| upper.is_closing()).await;
            drop(upper);
        };
        let (heard, ()) = futures_util::future::join(answer, ask).await;
        assert_eq!(heard, b"?");
        let mut told = said.0.take();
        while told.last().unwrap() != "lost" {
            turns(1).await;
            told.extend(said.0.take());
        }
        turns(5).await;
        assert_eq!(told, ["made", "!", "lost"]);
        assert!(said.0.take().is_empty());
    });
}

/// M6.66, `test_start_tls_client_corrupted_ssl`, `test_start_tls_slow_client`,
/// `test_handshake_timeout`: however it fails, the protocol has been told that it is connected,
/// and is told that it is not any more.
#[test]
fn an_upgrade_that_fails_is_the_end_of_the_connection() {
    for (answer, kind) in [
        (Some(&b"I would rather not\n"[..]), ErrorKind::InvalidData),
        (Some(b""), ErrorKind::ConnectionReset),
        (None, ErrorKind::TimedOut),
    ] {
        let took = invented(1, async move || {
            let (transport, said, peer) = pair().await;
            match answer {
                Some(b"") => peer.shutdown().unwrap(),
                Some(text) => peer.write_all(text).await.unwrap(),
                None => {}
            }
            let event_loop = get_running_loop();
            let lower = Rc::clone(&transport);
            let upgrade = event_loop.start_tls(lower, said, client("here.test"));
            let error = upgrade.await.unwrap_err();
            assert_eq!(error.kind(), kind);
            turns(5).await;
            assert!(transport.get_protocol().is_none());
        });
        assert_eq!((60..62).contains(&took.as_secs()), answer.is_none(), "{took:?}");
    }
    invented(1, async || {
        let (transport, said, _peer) = pair().await;
        transport.abort();
        let event_loop = get_running_loop();
        let upgrade =
            event_loop.start_tls(transport, Rc::clone(&said), client("here.test"));
        assert_eq!(upgrade.await.unwrap_err().kind(), ErrorKind::NotConnected);
        turns(3).await;
        assert_eq!(said.0.take(), ["made", "lost"]);
    });
}

/// M6.62, `test_create_server_ssl_over_ssl`: what is below may be encrypted already.
#[test]
fn a_transport_over_a_transport_over_a_transport() {
    everywhere(async |_| {
        let twice = async |mut reader: StreamReader, mut writer: StreamWriter| {
            writer.start_tls(server()).await?;
            writer.start_tls(server()).await?;
            let line = reader.readline().await?;
            writer.write(&line);
            writer.close();
            writer.wait_closed().await
        };
        let served = start_server(twice, home()).await.unwrap();
        let (mut reader, mut writer) =
            open_connection(served.sockets()[0]).await.unwrap();
        writer.start_tls(client("here.test")).await.unwrap();
        writer.start_tls(client("here.test")).await.unwrap();
        let shown = format!("{writer:?}");
        assert_eq!(shown.matches("TlsTransport").count(), 2, "{shown}");
        writer.write(b"onions\n");
        assert_eq!(reader.readline().await.unwrap(), b"onions\n");
        assert_eq!(reader.read_to_end().await.unwrap(), b"");
        writer.close();
        writer.wait_closed().await.unwrap();
        served.close();
        served.wait_closed().await;
    });
}
