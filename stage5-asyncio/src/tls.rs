//! TLS: a transport over a transport.
//!
//! A protocol cannot tell what is below it. So encryption is no business of sockets, and none of
//! the loop: it is one more protocol, which is told of bytes that nobody else could read, and one
//! more transport, which its own protocol takes for a socket ([`start_tls`]). Between the two
//! stands a [`Session`], which does no I/O at all: what it has to do with keys and certificates,
//! rustls does; what it has to do with the network, nobody does, for it hands bytes back. All that
//! is left for the loop to add is the time: a handshake that does not come to its end, a peer that
//! does not say goodbye.
//!
//! ```
//! # use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
//! # use rustls::{ClientConfig, RootCertStore, ServerConfig};
//! use stage5_asyncio::run;
//! use stage5_asyncio::streams::{StreamReader, StreamWriter};
//! use stage5_asyncio::tls::{Tls, open_tls_connection, start_tls_server};
//! # use std::io;
//! # use std::sync::Arc;
//!
//! async fn echo(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
//!     let line = reader.readline().await?;
//!     writer.write(&line);
//!     Ok(())
//! }
//!
//! # fn configured() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), Box<dyn std::error::Error>> {
//! #     let made = rcgen::generate_simple_self_signed(["here.test".to_owned()])?;
//! #     let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
//! #     let mut trusted = RootCertStore::empty();
//! #     trusted.add(made.cert.der().clone())?;
//! #     let ring = || Arc::new(rustls::crypto::ring::default_provider());
//! #     let config = ClientConfig::builder_with_provider(ring()).with_safe_default_protocol_versions()?;
//! #     let client = Arc::new(config.with_root_certificates(trusted).with_no_client_auth());
//! #     let config = ServerConfig::builder_with_provider(ring()).with_safe_default_protocol_versions()?;
//! #     let chain = vec![made.cert.der().clone()];
//! #     let config = config.with_no_client_auth().with_single_cert(chain, PrivateKeyDer::Pkcs8(key))?;
//! #     Ok((Arc::new(config), client))
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (server_config, client_config) = configured()?;
//! run(async move {
//!     let served = Tls::server(server_config);
//!     let server = start_tls_server(served, echo, ("127.0.0.1", 0)).await?;
//!     // Whom it wants to talk to is not whom it connects to: the first is proven.
//!     let tls = Tls::client(client_config, "here.test")?;
//!     let (mut reader, writer) = open_tls_connection(tls, server.sockets()[0]).await?;
//!     writer.write(b"hello\n");
//!     assert_eq!(reader.readline().await?, b"hello\n");
//!     assert!(writer.transport().tls().is_some());
//!     Ok::<_, io::Error>(())
//! })??;
//! # Ok(())
//! # }
//! ```
//!
//! What is different from asyncio's: one direction may end alone, as TLS 1.3 has it; a peer that is
//! gone without a goodbye is an error, and not the end; and the marks for too much written are
//! those of the transport at the bottom.
//!
//! [`start_tls`]: EventLoop::start_tls

mod protocol;
mod session;
mod transport;

use std::io;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reactor::trace::Place;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::base_events::{Address, ConnectOptions, Connected, Server, ServerOptions};
use crate::event_loop::EventLoop;
use crate::events::get_running_loop;
use crate::futures::Future as Promise;
use crate::protocols::Protocol;
use crate::streams::{
    StreamOptions, StreamReader, StreamWriter, Streams, halves, idle, serving,
};
use crate::tasks::within;
use crate::transports::Transport;

use protocol::TlsProtocol;
pub use rustls;
pub use session::{Agreed, Session};
use transport::TlsTransport;

/// How long a handshake may take: asyncio's `SSL_HANDSHAKE_TIMEOUT`.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_mins(1);

/// How long the peer may take to say goodbye: asyncio's `SSL_SHUTDOWN_TIMEOUT`.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How to encrypt: which side one is on, who is believed, and for how long one waits.
#[doc(alias("SSLContext", "ssl", "server_hostname"))]
#[derive(Clone, Debug)]
pub struct Tls {
    side: Side,
    /// How long the handshake may take, before the connection is aborted.
    pub handshake_timeout: Duration,
    /// How long the end may take, before the connection is aborted: what is written is to be
    /// sent, and the peer is to say goodbye.
    pub shutdown_timeout: Duration,
}

#[derive(Clone, Debug)]
enum Side {
    Client(Arc<ClientConfig>, ServerName<'static>),
    Server(Arc<ServerConfig>),
}

impl Tls {
    /// The side that begins. The peer has to prove that it is `server_name`: a host's name, or an
    /// address.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if that is neither.
    pub fn client(config: Arc<ClientConfig>, server_name: &str) -> io::Result<Self> {
        let name = ServerName::try_from(server_name.to_owned());
        let name = name.map_err(|error| {
            let text = format!("{server_name:?} is no name of a server: {error}");
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })?;
        Ok(Self::on(Side::Client(config, name)))
    }

    /// The side that is talked to, and that has a certificate.
    pub fn server(config: Arc<ServerConfig>) -> Self {
        Self::on(Side::Server(config))
    }

    fn on(side: Side) -> Self {
        Self {
            side,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }

    fn session(&self) -> io::Result<Session> {
        match &self.side {
            Side::Client(config, name) => {
                Session::client(Arc::clone(config), name.clone())
            }
            Side::Server(config) => Session::server(Arc::clone(config)),
        }
    }
}

/// What a client believes unless it knows better: whom this machine believes. That is read once;
/// `SSL_CERT_FILE` and `SSL_CERT_DIR` are where to look, if they are set.
///
/// # Errors
///
/// `NotFound` if this machine believes nobody.
#[doc(alias = "ssl.create_default_context")]
pub fn create_default_context() -> io::Result<Arc<ClientConfig>> {
    static CONTEXT: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(context) = CONTEXT.get() {
        return Ok(Arc::clone(context));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut trusted = RootCertStore::empty();
    // Some machines have certificates that nobody can read.
    let (good, _) = trusted.add_parsable_certificates(found.certs);
    if good == 0 {
        let why: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        let text =
            format!("this machine has no certificates to believe: {}", why.join(", "));
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring can do what is usual")
        .with_root_certificates(trusted)
        .with_no_client_auth();
    Ok(Arc::clone(CONTEXT.get_or_init(|| Arc::new(config))))
}

/// Connections that nobody else can read.
impl EventLoop {
    /// Encrypts a connection that is there: whoever wrote to `transport` writes to the one that
    /// this gives, from now on, and `protocol` is told what was decrypted. It is not told again
    /// that it is connected. What was sent and received before stays as it is.
    ///
    /// # Errors
    ///
    /// `InvalidData`, with a [`rustls::Error`] in it, if the two do not agree, or the peer is not
    /// believed; `TimedOut`; `ConnectionReset` if the peer leaves meanwhile; `NotConnected` if
    /// the connection is closed already. Each time, the connection is lost.
    #[track_caller]
    pub fn start_tls<P: Protocol>(
        &self,
        transport: Rc<dyn Transport>,
        protocol: Rc<P>,
        tls: Tls,
    ) -> impl Future<Output = io::Result<Rc<dyn Transport>>> {
        let upgrade = Upgrade { below: transport, above: protocol, early: Vec::new() };
        self.start_tls_at(Place::here(), tls, upgrade, |_| {})
    }

    /// The same, for a caller whose `place` is known already. `begun` is called with the new
    /// transport, before anything can arrive there.
    pub(crate) fn start_tls_at(
        &self,
        place: Place,
        tls: Tls,
        upgrade: Upgrade,
        begun: impl FnOnce(Rc<dyn Transport>),
    ) -> impl Future<Output = io::Result<Rc<dyn Transport>>> {
        within(place, async move {
            let Upgrade { below, above, early } = upgrade;
            if below.is_closing() {
                return Err(io::ErrorKind::NotConnected.into());
            }
            let waiter = self.create_future();
            let (session, wakes) = (tls.session()?, Some(waiter.clone()));
            let protocol = TlsProtocol::new(self, &tls, session, above, wakes);
            protocol.above_is_told();
            let transport = protocol.transport() as Rc<dyn Transport>;
            begun(Rc::clone(&transport));
            let handshake = Handshake::over(&below);
            below.set_protocol(Rc::clone(&protocol) as _);
            protocol.connection_made(Rc::clone(&below));
            protocol.data_received(&early);
            // Whoever was told before may have paused it.
            below.resume_reading();
            handshake.done(waiter).await?;
            Ok(transport)
        })
    }

    /// As [`create_connection`](Self::create_connection), encrypted: the protocol is told that it
    /// is connected when the handshake is done.
    ///
    /// # Errors
    ///
    /// As [`create_connection`](Self::create_connection) and [`start_tls`](Self::start_tls).
    #[doc(alias = "create_connection")]
    #[track_caller]
    pub fn create_tls_connection<P: Protocol>(
        &self,
        tls: Tls,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        let options = ConnectOptions::default();
        self.create_tls_connection_at(Place::here(), options, tls, factory, address)
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`create_tls_connection`](Self::create_tls_connection).
    #[track_caller]
    pub fn create_tls_connection_with<P: Protocol>(
        &self,
        options: ConnectOptions,
        tls: Tls,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        self.create_tls_connection_at(Place::here(), options, tls, factory, address)
    }

    fn create_tls_connection_at<P: Protocol>(
        &self,
        place: Place,
        options: ConnectOptions,
        tls: Tls,
        factory: impl FnOnce() -> P,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        // Next to a handshake an allocation is nothing, and futures are carried about.
        Box::pin(within(place, async move {
            let (session, waiter) = (tls.session()?, self.create_future());
            let (mut above, wakes) = (None, Some(waiter.clone()));
            let between = || {
                let told = Rc::clone(above.insert(Rc::new(factory())));
                TlsProtocol::new(self, &tls, session, told, wakes)
            };
            let connecting = self.create_connection_at(place, options, between, address);
            let (below, between) = connecting.await?;
            Handshake::over(&below).done(waiter).await?;
            Ok((between.transport() as _, above.expect("it was made as it connected")))
        }))
    }

    /// As [`create_server`](Self::create_server), encrypted: a protocol is told that it is
    /// connected when the handshake is done. One whose handshake fails is told nothing.
    ///
    /// # Errors
    ///
    /// As [`create_server`](Self::create_server).
    #[doc(alias = "create_server")]
    #[track_caller]
    pub fn create_tls_server<P: Protocol>(
        &self,
        tls: Tls,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Server>> {
        let options = ServerOptions::default();
        self.create_tls_server_at(Place::here(), options, tls, factory, address)
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`create_tls_server`](Self::create_tls_server).
    #[track_caller]
    pub fn create_tls_server_with<P: Protocol>(
        &self,
        options: ServerOptions,
        tls: Tls,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> impl Future<Output = io::Result<Server>> {
        self.create_tls_server_at(Place::here(), options, tls, factory, address)
    }

    async fn create_tls_server_at<P: Protocol>(
        &self,
        place: Place,
        options: ServerOptions,
        tls: Tls,
        factory: impl Fn() -> P + 'static,
        address: impl Into<Address>,
    ) -> io::Result<Server> {
        // What is wrong with the configuration is told now, and not to the first client.
        drop(tls.session()?);
        let event_loop = Rc::downgrade(&self.0);
        let between = move || {
            let event_loop = event_loop.upgrade().expect("it has accepted somebody");
            let session = tls.session().expect("there was one before");
            let above = Rc::new(factory());
            TlsProtocol::new(&EventLoop(event_loop), &tls, session, above, None)
        };
        self.create_server_at(place, options, between, address).await
    }
}

/// Connects to `address`, and encrypts. See [the module](self) for an example.
///
/// # Errors
///
/// As [`EventLoop::create_tls_connection`].
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias("asyncio.open_connection", "open_connection"))]
#[track_caller]
pub fn open_tls_connection(
    tls: Tls,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Streams>> {
    open_tls_connection_with(StreamOptions::default(), tls, address)
}

/// The same, by these options.
///
/// # Errors
///
/// As [`EventLoop::create_tls_connection`].
#[track_caller]
pub fn open_tls_connection_with(
    options: StreamOptions,
    tls: Tls,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Streams>> {
    let place = Place::here();
    async move {
        let (event_loop, (reader, protocol)) = (get_running_loop(), idle(options.limit));
        let (connect, protocol) = (options.connect, || protocol);
        let connecting =
            event_loop.create_tls_connection_at(place, connect, tls, protocol, address);
        Ok(halves(reader, connecting.await?))
    }
}

/// As [`start_server`](crate::streams::start_server), encrypted.
///
/// # Errors
///
/// As [`EventLoop::create_tls_server`].
#[doc(alias("asyncio.start_server", "start_server"))]
#[track_caller]
pub fn start_tls_server<F>(
    tls: Tls,
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Server>>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    start_tls_server_with(StreamOptions::default(), tls, client_connected, address)
}

/// The same, by these options.
///
/// # Errors
///
/// As [`EventLoop::create_tls_server`].
#[track_caller]
pub fn start_tls_server_with<F>(
    options: StreamOptions,
    tls: Tls,
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Server>>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let (place, listen) = (Place::here(), options.serve);
    let factory = serving(options.limit, client_connected);
    async move {
        get_running_loop()
            .create_tls_server_at(place, listen, tls, factory, address)
            .await
    }
}

/// A connection as a URL asks for it: if there is somebody who has to prove who it is, it is
/// encrypted, and proven to those whom this machine believes; else it stays as it is.
///
/// # Errors
///
/// As [`create_default_context`], [`Tls::client`] and [`StreamWriter::start_tls`].
#[doc(alias = "ssl=True")]
pub async fn encrypted(
    mut writer: StreamWriter,
    server_name: Option<&str>,
) -> io::Result<StreamWriter> {
    if let Some(name) = server_name {
        writer.start_tls(Tls::client(create_default_context()?, name)?).await?;
    }
    Ok(writer)
}

/// A connection that is to be encrypted.
pub(crate) struct Upgrade {
    pub(crate) below: Rc<dyn Transport>,
    /// Who is told of what comes, before and after.
    pub(crate) above: Rc<dyn Protocol>,
    /// What has come of it already, and was taken for something else.
    pub(crate) early: Vec<u8>,
}

/// Whoever gives a handshake up has no connection: dropped, this aborts it.
struct Handshake(Option<Rc<dyn Transport>>);

impl Handshake {
    fn over(below: &Rc<dyn Transport>) -> Self {
        Self(Some(Rc::clone(below)))
    }

    async fn done(mut self, waiter: Promise<io::Result<()>>) -> io::Result<()> {
        waiter.await?;
        self.0.take();
        Ok(())
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.iter().for_each(|below| below.abort());
    }
}
