//! The session alone: two of them, and vectors in between.

use std::io::ErrorKind;
use std::sync::Arc;

use stage5_asyncio::tls::Session;
use stage5_asyncio::tls::rustls::version::{TLS12, TLS13};
use stage5_asyncio::tls::rustls::{
    self, AlertDescription, CertificateError, ProtocolVersion, SupportedProtocolVersion,
};

use super::identity::{BOTH, Identity, believes, is};
use super::reason;

/// Two who can talk to each other, and what each of them has heard.
struct Pair {
    client: Session,
    server: Session,
    by_client: Vec<u8>,
    by_server: Vec<u8>,
}

impl Pair {
    fn new(versions: &[&'static SupportedProtocolVersion]) -> Self {
        let here = Identity::here();
        Self::of("here.test", here, versions, versions)
    }

    /// A client that wants to talk to `name` and believes `whom`; and a server, `here.test`.
    fn of(
        name: &'static str,
        whom: &Identity,
        clients: &[&'static SupportedProtocolVersion],
        servers: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let client = Arc::new(believes(whom, clients));
        let server = Arc::new(is(Identity::here(), servers));
        Self {
            client: Session::client(client, name.try_into().unwrap()).unwrap(),
            server: Session::server(server).unwrap(),
            by_client: Vec::new(),
            by_server: Vec::new(),
        }
    }

    /// Carries bytes to and fro, that many at a time, until there are no more. Gives what went
    /// wrong for the client, and for the server.
    fn carry(&mut self, at_a_time: usize) -> [Result<(), std::io::Error>; 2] {
        loop {
            let to_server = self.client.take_outgoing();
            for bytes in to_server.chunks(at_a_time) {
                if let Err(error) = self.server.receive(bytes, &mut self.by_server) {
                    let farewell = self.server.take_outgoing();
                    let told = self.client.receive(&farewell, &mut self.by_client);
                    return [told, Err(error)];
                }
            }
            let to_client = self.server.take_outgoing();
            for bytes in to_client.chunks(at_a_time) {
                if let Err(error) = self.client.receive(bytes, &mut self.by_client) {
                    let farewell = self.client.take_outgoing();
                    let told = self.server.receive(&farewell, &mut self.by_server);
                    return [Err(error), told];
                }
            }
            if to_server.is_empty() && to_client.is_empty() {
                return [Ok(()), Ok(())];
            }
        }
    }

    fn carry_well(&mut self, at_a_time: usize) {
        self.carry(at_a_time).into_iter().for_each(Result::unwrap);
    }
}

/// M6.60
#[test]
fn two_sessions_agree_however_the_bytes_between_them_are_cut() {
    for (versions, expected) in [
        (&[&TLS12] as &[_], ProtocolVersion::TLSv1_2),
        (&[&TLS13], ProtocolVersion::TLSv1_3),
        (BOTH, ProtocolVersion::TLSv1_3),
    ] {
        for at_a_time in [1, 2, 3, 7, 100, 5000, usize::MAX] {
            let mut pair = Pair::new(versions);
            assert!(pair.client.is_handshaking() && pair.client.agreed().is_none());
            pair.carry_well(at_a_time);
            assert!(!pair.client.is_handshaking() && !pair.server.is_handshaking());
            let (by_client, by_server) =
                (pair.client.agreed().unwrap(), pair.server.agreed().unwrap());
            assert_eq!((by_client.version, by_server.version), (expected, expected));
            assert_eq!(by_client.cipher, by_server.cipher);
            let here = Identity::here().certificate.clone();
            assert_eq!(by_client.peer_certificates, [here]);
            assert!(by_server.peer_certificates.is_empty(), "nobody has asked");
            let (question, answer) = (vec![b'?'; 40_000], vec![b'!'; 70_000]);
            pair.client.send(&question);
            pair.server.send(&answer);
            pair.carry_well(at_a_time);
            assert!(pair.by_server == question && pair.by_client == answer);
        }
    }
}

#[test]
fn what_is_said_before_they_agree_is_kept_until_they_do() {
    let mut pair = Pair::new(BOTH);
    pair.client.send(b"early");
    let hello = pair.client.take_outgoing();
    assert!(!hello.windows(5).any(|it| it == b"early"), "nobody else can read it");
    pair.server.receive(&hello, &mut pair.by_server).unwrap();
    assert!(pair.by_server.is_empty());
    pair.carry_well(usize::MAX);
    assert_eq!(pair.by_server, b"early");
}

/// M6.61
#[test]
fn whoever_is_not_who_it_should_be_is_not_talked_to_and_is_told_why() {
    let here = Identity::here();
    let refused = |mut pair: Pair| {
        pair.client.send(b"secret");
        let [by_client, by_server] = pair.carry(usize::MAX);
        assert!(pair.by_server.is_empty(), "it was not for everybody");
        (by_client.unwrap_err(), by_server.unwrap_err())
    };
    let (wrong, told) = refused(Pair::of("elsewhere.test", here, BOTH, BOTH));
    assert_eq!(wrong.kind(), ErrorKind::InvalidData);
    assert!(
        matches!(
            reason(&wrong),
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForNameContext { .. }
            )
        ),
        "{wrong:?}"
    );
    let alert = AlertDescription::BadCertificate;
    assert_eq!(*reason(&told), rustls::Error::AlertReceived(alert));

    let stranger = Identity::new("elsewhere.test");
    let (wrong, told) = refused(Pair::of("here.test", &stranger, BOTH, BOTH));
    let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
    assert_eq!(*reason(&wrong), unknown);
    let alert = AlertDescription::UnknownCA;
    assert_eq!(*reason(&told), rustls::Error::AlertReceived(alert));
}

#[test]
fn those_who_have_no_version_in_common_say_so() {
    let mut pair = Pair::of("here.test", Identity::here(), &[&TLS12], &[&TLS13]);
    let [by_client, by_server] = pair.carry(usize::MAX);
    let alert = AlertDescription::ProtocolVersion;
    assert_eq!(*reason(&by_client.unwrap_err()), rustls::Error::AlertReceived(alert));
    assert_eq!(by_server.unwrap_err().kind(), ErrorKind::InvalidData);
}

/// M6.61
#[test]
fn garbage_is_no_hello() {
    let no_hello = [0x16, 3, 1, 0, 4, 99, 0, 0, 0];
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 100], &no_hello] {
        let mut server = Pair::new(BOTH).server;
        let mut heard = Vec::new();
        let error = server.receive(garbage, &mut heard).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{garbage:?}");
        assert!(heard.is_empty() && server.agreed().is_none());
    }
}

/// M6.60
#[test]
fn a_bit_that_was_changed_on_the_way_is_noticed_and_nothing_of_it_is_believed() {
    for versions in [&[&TLS12] as &[_], &[&TLS13]] {
        let mut pair = Pair::new(versions);
        pair.carry_well(usize::MAX);
        pair.client.send(b"ten pounds to Bob");
        let mut bytes = pair.client.take_outgoing();
        assert!(!bytes.windows(3).any(|it| it == b"Bob"));
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let error = pair.server.receive(&bytes, &mut pair.by_server).unwrap_err();
        assert_eq!(*reason(&error), rustls::Error::DecryptError);
        assert!(pair.by_server.is_empty());
        let farewell = pair.server.take_outgoing();
        let told = pair.client.receive(&farewell, &mut pair.by_client).unwrap_err();
        let alert = AlertDescription::BadRecordMac;
        assert_eq!(*reason(&told), rustls::Error::AlertReceived(alert));
    }
}

#[test]
fn what_came_before_a_record_that_is_broken_is_heard() {
    let mut pair = Pair::new(BOTH);
    pair.carry_well(usize::MAX);
    pair.client.send(b"good");
    let mut bytes = pair.client.take_outgoing();
    bytes.extend([0xff; 50]);
    assert!(pair.server.receive(&bytes, &mut pair.by_server).is_err());
    assert_eq!(pair.by_server, b"good");
}

/// M6.60
#[test]
fn an_end_is_of_one_direction_and_nothing_counts_behind_it() {
    let mut pair = Pair::new(BOTH);
    pair.carry_well(usize::MAX);
    pair.client.send(b"that is all");
    pair.client.send_end();
    let mut bytes = pair.client.take_outgoing();
    pair.client.send(b"or is it?");
    pair.client.send_end();
    assert!(pair.client.take_outgoing().is_empty());
    bytes.extend(b"somebody else");
    assert!(!pair.server.has_ended());
    pair.server.receive(&bytes, &mut pair.by_server).unwrap();
    assert!(pair.server.has_ended() && !pair.client.has_ended());
    assert_eq!(pair.by_server, b"that is all");
    pair.server.send(b"the answer");
    pair.server.send_end();
    pair.carry_well(1);
    assert_eq!(pair.by_client, b"the answer");
    assert!(pair.client.has_ended());
}
