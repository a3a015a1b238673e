//! TLS without any I/O: bytes go in, bytes come out, and nobody is called.
//!
//! A session has two doors. At one of them the network hands in what it has received, and takes
//! away what is to be sent; at the other, whoever talks reads and writes. There is no socket, no
//! loop, and no timer in it: so it can be tested with two vectors, and it fits any loop. (The date it
//! does read: a certificate is valid until some day.)

use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, ProtocolVersion, ServerConfig,
    ServerConnection, SupportedCipherSuite,
};

/// One side of a conversation that nobody else can read.
///
/// ```
/// # use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
/// # use rustls::{ClientConfig, RootCertStore, ServerConfig};
/// use stage5_asyncio::tls::Session;
/// # use std::sync::Arc;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let made = rcgen::generate_simple_self_signed(["here.test".to_owned()])?;
/// # let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
/// # let mut trusted = RootCertStore::empty();
/// # trusted.add(made.cert.der().clone())?;
/// # let ring = || Arc::new(rustls::crypto::ring::default_provider());
/// # let config = ClientConfig::builder_with_provider(ring()).with_safe_default_protocol_versions()?;
/// # let client = Arc::new(config.with_root_certificates(trusted).with_no_client_auth());
/// # let config = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions()?;
/// # let certificates = vec![made.cert.der().clone()];
/// # let config = config.with_no_client_auth().with_single_cert(certificates, PrivateKeyDer::Pkcs8(key))?;
/// # let server = Arc::new(config);
/// let mut client = Session::client(client, "here.test".try_into()?)?;
/// let mut server = Session::server(server)?;
/// let (mut to_client, mut to_server) = (Vec::new(), Vec::new());
/// client.send(b"hello");
/// while client.is_handshaking() || server.is_handshaking() {
///     server.receive(&client.take_outgoing(), &mut to_server)?;
///     client.receive(&server.take_outgoing(), &mut to_client)?;
/// }
/// assert_eq!(to_server, b"hello");
/// # Ok(())
/// # }
/// ```
#[doc(alias("SSLObject", "MemoryBIO", "wrap_bio"))]
pub struct Session {
    /// In a box: it has a thousand bytes, and futures carry it about.
    connection: Box<Connection>,
    /// The peer has said that it sends no more. Set by `receive`.
    has_ended: bool,
    /// We have. Set by `send_end`.
    ends: bool,
}

/// What a handshake has come to.
#[doc(alias("get_extra_info", "getpeercert"))]
#[derive(Clone, Debug)]
pub struct Agreed {
    /// Who the peer says it is: its own certificate first. A client has asked somebody it trusts
    /// whether that is so. Empty, if it did not have to say.
    pub peer_certificates: Vec<CertificateDer<'static>>,
    /// How it is encrypted.
    pub cipher: SupportedCipherSuite,
    /// Which TLS.
    pub version: ProtocolVersion,
    /// What is spoken inside of it, if both have said so (ALPN).
    pub alpn_protocol: Option<Vec<u8>>,
}

impl Session {
    /// The side that begins, and that wants to talk to `name` and to nobody else.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if that cannot be done by this configuration.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<Self> {
        let begun = ClientConnection::new(config, name);
        Ok(Self::over(begun.map_err(wrong_configuration)?.into()))
    }

    /// The side that is talked to.
    ///
    /// # Errors
    ///
    /// As [`client`](Self::client).
    pub fn server(config: Arc<ServerConfig>) -> io::Result<Self> {
        let begun = ServerConnection::new(config);
        Ok(Self::over(begun.map_err(wrong_configuration)?.into()))
    }

    fn over(mut connection: Connection) -> Self {
        // How much is too much, the transport below says: here, nothing is refused.
        connection.set_buffer_limit(None);
        Self { connection: Box::new(connection), has_ended: false, ends: false }
    }

    /// The network has received `bytes`, of whatever size. What they say is appended to `heard`.
    /// They may also have something to be sent: see [`take_outgoing`](Self::take_outgoing).
    ///
    /// # Errors
    ///
    /// `InvalidData`, with a [`rustls::Error`] in it: that is no TLS, or the peer is not who it
    /// should be, or the two have no cipher in common. Then the session is over; what is to be
    /// sent tells the peer why.
    pub fn receive(&mut self, mut bytes: &[u8], heard: &mut Vec<u8>) -> io::Result<()> {
        // It takes in a few KiB at a time; and behind the peer's last word, nothing.
        while !bytes.is_empty() && self.connection.read_tls(&mut bytes)? > 0 {
            let processed = self.connection.process_new_packets();
            // It ends by an error of its own, where there is nothing left for now.
            let _ = self.connection.reader().read_to_end(heard);
            let state = processed.map_err(broken)?;
            self.has_ended |= state.peer_has_closed();
        }
        Ok(())
    }

    /// Encrypts `bytes`, for [`take_outgoing`](Self::take_outgoing); before the end of the
    /// handshake it keeps them. After [`send_end`](Self::send_end), this does nothing: rustls
    /// would send what the peer must not read.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.ends {
            return;
        }
        self.connection.writer().write_all(bytes).expect("nothing is refused here");
    }

    /// Says that nothing will be sent any more: `close_notify`. Without it, the peer cannot tell
    /// our end from somebody who has cut the wire.
    #[doc(alias("unwrap", "close_notify"))]
    pub fn send_end(&mut self) {
        self.ends = true;
        self.connection.send_close_notify();
    }

    /// What the network is to send now, in this order.
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.connection.wants_write() {
            self.connection.write_tls(&mut bytes).expect("a vector takes everything");
        }
        bytes
    }

    /// Whether the two still agree on how to talk.
    pub fn is_handshaking(&self) -> bool {
        self.connection.is_handshaking()
    }

    /// Whether the peer has said that it sends no more.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What was agreed on. `None`: not yet.
    pub fn agreed(&self) -> Option<Agreed> {
        let connection = Some(&*self.connection).filter(|it| !it.is_handshaking())?;
        let certificates = connection.peer_certificates().unwrap_or_default();
        Some(Agreed {
            peer_certificates: certificates.to_vec(),
            cipher: connection.negotiated_cipher_suite()?,
            version: connection.protocol_version()?,
            alpn_protocol: connection.alpn_protocol().map(<[u8]>::to_vec),
        })
    }
}

fn wrong_configuration(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_handshaking", &self.is_handshaking())
            .field("has_ended", &self.has_ended)
            .finish_non_exhaustive()
    }
}
