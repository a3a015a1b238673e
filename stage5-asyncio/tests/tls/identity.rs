//! Somebody who is `here.test`, and those who believe it.

use std::sync::{Arc, OnceLock};

use rcgen::{CertificateParams, DnType, KeyPair};
use stage5_asyncio::tls::Tls;
use stage5_asyncio::tls::rustls::crypto::ring;
use stage5_asyncio::tls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer,
};
use stage5_asyncio::tls::rustls::server::WebPkiClientVerifier;
use stage5_asyncio::tls::rustls::version::{TLS12, TLS13};
use stage5_asyncio::tls::rustls::{
    ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion,
};

pub(crate) const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];

/// A certificate, and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Identity {
    /// One that is made here, and signed by itself.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, key: key.serialize_der() }
    }

    /// `here.test`. To make keys takes its time, and one is enough.
    pub(crate) fn here() -> &'static Self {
        static HERE: OnceLock<Identity> = OnceLock::new();
        HERE.get_or_init(|| Self::new("here.test"))
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }

    fn trusted(&self) -> RootCertStore {
        let mut trusted = RootCertStore::empty();
        trusted.add(self.certificate.clone()).unwrap();
        trusted
    }
}

/// A client that believes `whom`.
pub(crate) fn believes(
    whom: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(whom.trusted())
        .with_no_client_auth()
}

/// A client that has a certificate, too.
pub(crate) fn client_with_a_name(whom: &Identity, own: &Identity) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(BOTH)
        .unwrap()
        .with_root_certificates(whom.trusted())
        .with_client_auth_cert(vec![own.certificate.clone()], own.key())
        .unwrap()
}

/// A server that is `who`.
pub(crate) fn is(
    who: &Identity,
    versions: &[&'static SupportedProtocolVersion],
) -> ServerConfig {
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![who.certificate.clone()], who.key())
        .unwrap()
}

/// A server that is `who`, and talks to those only whom `whom` has signed.
pub(crate) fn wants_to_know(who: &Identity, whom: &Identity) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(
        Arc::new(whom.trusted()),
        Arc::clone(&provider),
    );
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(BOTH)
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![who.certificate.clone()], who.key())
        .unwrap()
}

/// `here.test`, served.
pub(crate) fn server() -> Tls {
    Tls::server(Arc::new(is(Identity::here(), BOTH)))
}

/// Somebody who wants to talk to `name`, and believes `here.test`.
pub(crate) fn client(name: &str) -> Tls {
    Tls::client(Arc::new(believes(Identity::here(), BOTH)), name).unwrap()
}
