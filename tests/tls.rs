//! `lineage crawl https://…`: what somebody types who has built the feature `tls`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::{Arc, mpsc};
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stage5_asyncio::streams::{StreamReader, StreamWriter};
use stage5_asyncio::tls::rustls::ServerConfig;
use stage5_asyncio::tls::rustls::crypto::ring;
use stage5_asyncio::tls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use stage5_asyncio::tls::{Tls, start_tls_server};

/// Two pages, and a link that leads out of what is secure.
async fn serve(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    let head = reader.readuntil(b"\r\n\r\n").await?;
    let page = match head.split(|byte| *byte == b' ').nth(1) {
        Some(b"/") => "<a href=/next><a href='http://127.0.0.1/'>",
        Some(b"/next") => "<a href=/>",
        _ => "?",
    };
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");
    writer.write(page.as_bytes());
    writer.close();
    writer.wait_closed().await
}

/// A server at 127.0.0.1, which can prove that it is that; and its certificate, as a file has it.
/// It serves until the test is over.
fn secure_site() -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], PrivateKeyDer::Pkcs8(key))
        .unwrap();
    let (tell, address) = mpsc::channel();
    thread::spawn(move || {
        stage5_asyncio::run(async move {
            let tls = Tls::server(Arc::new(config));
            let server = start_tls_server(tls, serve, ("127.0.0.1", 0)).await.unwrap();
            tell.send(server.sockets()[0]).unwrap();
            server.serve_forever().await;
        })
    });
    let text = BASE64_STANDARD.encode(&certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    (address.recv().unwrap(), pem)
}

/// What is printed, what is complained of, and the status.
fn lineage(arguments: &[&str], believes: &str) -> (String, String, Option<i32>) {
    let file = std::env::temp_dir().join(format!("lineage-tls-{}", std::process::id()));
    fs::write(&file, believes).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lineage"));
    command.args(arguments).env("SSL_CERT_FILE", &file).env_remove("SSL_CERT_DIR");
    let Output { status, stdout, stderr } = command.output().unwrap();
    fs::remove_file(&file).unwrap();
    let [stdout, stderr] = [stdout, stderr].map(|it| String::from_utf8(it).unwrap());
    (stdout, stderr, status.code())
}

#[test]
fn https_is_crawled_by_the_style_that_speaks_tls_and_by_no_other() {
    let (address, certificate) = secure_site();
    let url = format!("https://{address}/");
    let (printed, complaint, status) = lineage(&["crawl", &url], &certificate);
    assert_eq!((status, &*complaint), (Some(0), ""), "{printed}");
    let pages = "/ 200\n/next 200\n2 pages, 0 errors, ";
    assert!(printed.starts_with(pages), "{printed}");
    assert!(printed.ends_with(" s, in style asyncio\n"), "{printed}");

    let typed = ["crawl", "--style", "uvloop", &url];
    let (printed, complaint, status) = lineage(&typed, &certificate);
    assert_eq!((status, &*complaint), (Some(0), ""), "{printed}");
    assert!(printed.starts_with(pages), "{printed}");

    // Another server, of which nobody has heard.
    let (stranger, _) = secure_site();
    let url = format!("https://{stranger}/");
    let (printed, complaint, status) = lineage(&["crawl", &url], &certificate);
    assert_eq!(status, Some(1));
    assert!(printed.starts_with("/ not secure\n1 page, 1 error, "), "{printed}");
    let why = "cannot get /: not secure: invalid peer certificate: ";
    assert!(complaint.contains(why), "{complaint}");

    for style in ["callbacks", "all"] {
        let typed = ["crawl", "--style", style, &url];
        let (printed, complaint, status) = lineage(&typed, &certificate);
        assert_eq!((&*printed, status), ("", Some(2)));
        let told = "speaks no TLS; asyncio and uvloop do, with the feature tls: ";
        assert!(complaint.contains(told), "{complaint}");
        let typed = format!(" --features tls -- crawl --style asyncio {url}\n");
        assert!(complaint.ends_with(&typed), "{complaint}");
        assert_eq!(complaint.lines().count(), 1);
    }
}
