//! What the protocol above TLS acts on: a transport like any other.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};

use super::{Agreed, TlsProtocol};
use crate::protocols::Protocol;
use crate::transports::Transport;

/// A transport that encrypts. All of it is in the protocol below it, which it does not keep: the
/// transport at the bottom does, until that is lost.
#[doc(alias = "_SSLProtocolTransport")]
pub(crate) struct TlsTransport {
    protocol: Weak<TlsProtocol>,
    /// Their end, and ours. Filled when the transport below is known.
    names: Cell<(Option<SocketAddr>, Option<SocketAddr>)>,
    /// Filled at the end of the handshake.
    agreed: OnceCell<Agreed>,
}

impl TlsTransport {
    pub(super) fn new(protocol: Weak<TlsProtocol>) -> Rc<Self> {
        Rc::new(Self { protocol, names: Cell::default(), agreed: OnceCell::new() })
    }

    pub(super) fn set_names(
        &self,
        peername: Option<SocketAddr>,
        sockname: Option<SocketAddr>,
    ) {
        self.names.set((peername, sockname));
    }

    pub(super) fn set_agreed(&self, agreed: Agreed) {
        self.agreed.set(agreed).expect("there is one handshake");
    }

    /// Acts on the protocol below, as long as there is one.
    fn act(&self, act: impl FnOnce(&TlsProtocol)) {
        if let Some(protocol) = self.protocol.upgrade() {
            act(&protocol);
        }
    }

    /// The transport at the bottom, as long as there is one.
    fn below(&self) -> Option<Rc<dyn Transport>> {
        self.protocol.upgrade()?.below()
    }
}

impl Transport for TlsTransport {
    fn write(&self, data: &[u8]) {
        self.act(|it| it.write(data));
    }

    fn write_eof(&self) {
        self.act(TlsProtocol::write_eof);
    }

    /// RFC 8446 (6.1) lets one direction end and the other go on. Peers that speak TLS 1.2, and
    /// programs that use OpenSSL's defaults, close when they hear of it.
    fn can_write_eof(&self) -> bool {
        true
    }

    fn close(&self) {
        self.act(TlsProtocol::close);
    }

    fn abort(&self) {
        self.act(TlsProtocol::abort);
    }

    fn is_closing(&self) -> bool {
        self.protocol.upgrade().is_none_or(|it| it.is_closing())
    }

    fn pause_reading(&self) {
        self.act(TlsProtocol::pause_reading);
    }

    fn resume_reading(&self) {
        self.act(TlsProtocol::resume_reading);
    }

    fn is_reading(&self) -> bool {
        self.protocol.upgrade().is_some_and(|it| it.is_reading())
    }

    fn set_write_buffer_limits(&self, high: Option<usize>, low: Option<usize>) {
        self.below().iter().for_each(|it| it.set_write_buffer_limits(high, low));
    }

    fn get_write_buffer_limits(&self) -> (usize, usize) {
        self.below().map(|it| it.get_write_buffer_limits()).unwrap_or_default()
    }

    fn get_write_buffer_size(&self) -> usize {
        self.below().map(|it| it.get_write_buffer_size()).unwrap_or_default()
    }

    fn set_protocol(&self, protocol: Rc<dyn Protocol>) {
        self.act(|it| it.set_protocol(protocol));
    }

    fn get_protocol(&self) -> Option<Rc<dyn Protocol>> {
        self.protocol.upgrade()?.get_protocol()
    }

    fn peername(&self) -> Option<SocketAddr> {
        self.names.get().0
    }

    fn sockname(&self) -> Option<SocketAddr> {
        self.names.get().1
    }

    fn tls(&self) -> Option<&Agreed> {
        self.agreed.get()
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport")
            .field("version", &self.tls().map(|it| it.version))
            .field("over", &self.below())
            .finish()
    }
}
