//! rustls, through futures-rustls: a handshake with a certificate that is made here.

use std::io::ErrorKind;
use std::sync::Arc;

use futures_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use futures_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use futures_rustls::{TlsAcceptor, TlsConnector};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use hyper::Method;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use stage4_async_await::{run, spawn};

use super::http::{ask, connect};
use super::pair;
use super::web::{Interpreter, answer};

/// Somebody who is `here.test`, and somebody who believes it.
fn acquainted() -> (TlsAcceptor, TlsConnector) {
    let made = rcgen::generate_simple_self_signed(["here.test".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let server = ServerConfig::builder().with_no_client_auth();
    let server =
        server.with_single_cert(vec![certificate.clone()], PrivateKeyDer::Pkcs8(key));
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).unwrap();
    let client = ClientConfig::builder().with_root_certificates(trusted);
    let client = client.with_no_client_auth();
    (Arc::new(server.unwrap()).into(), Arc::new(client).into())
}

fn name(name: &'static str) -> ServerName<'static> {
    name.try_into().unwrap()
}

/// A megabyte there and back, in records of TLS; and a proper end.
#[test]
fn a_megabyte_goes_through_tls() {
    run(async {
        let (acceptor, connector) = acquainted();
        let (client, server) = pair().await;
        let task = spawn(async move {
            let (mut reader, mut writer) = acceptor.accept(server).await.unwrap().split();
            let n = futures_util::io::copy(&mut reader, &mut writer).await.unwrap();
            writer.close().await.unwrap();
            n
        });
        let stream = connector.connect(name("here.test"), client).await.unwrap();
        let (mut reader, mut writer) = stream.split();
        let sent = vec![7; 1 << 20];
        let bytes = sent.clone();
        let sender = spawn(async move {
            writer.write_all(&bytes).await.unwrap();
            writer.close().await.unwrap();
        });
        let mut heard = Vec::new();
        reader.read_to_end(&mut heard).await.unwrap();
        assert!(heard == sent);
        sender.await;
        assert_eq!(task.await, 1 << 20);
    })
    .unwrap();
}

/// Who is not who it says is not talked to.
#[test]
fn a_stranger_is_not_believed() {
    run(async {
        let (acceptor, connector) = acquainted();
        let (client, server) = pair().await;
        let task = spawn(acceptor.accept(server));
        let refused = connector.connect(name("elsewhere.test"), client).await;
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains("certificate not valid for name"), "{error}");
        assert_eq!(task.await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    })
    .unwrap();
}

/// Three crates on top of each other, and the loop at the bottom: HTTPS.
#[test]
fn http_goes_through_tls() {
    run(async {
        let (acceptor, connector) = acquainted();
        let (client, server) = pair().await;
        drop(spawn(async move {
            let stream = Interpreter(acceptor.accept(server).await.unwrap());
            let connection = http1::Builder::new()
                .serve_connection(stream, service_fn(|request| answer(request, 0)));
            connection.await.unwrap();
        }));
        let stream = connector.connect(name("here.test"), client).await.unwrap();
        let mut sender = connect(stream).await;
        assert_eq!(&*ask(&mut sender, Method::GET, "/count", "").await.1, b"0 1 2 ");
        let echo = ask(&mut sender, Method::POST, "/echo", "through and through").await;
        assert_eq!(&*echo.1, b"through and through");
    })
    .unwrap();
}
