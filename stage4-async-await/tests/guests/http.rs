//! hyper: HTTP/1.1, a server and a client. It asks for traits of its own, so somebody has to
//! stand between.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, StatusCode};
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::{run, spawn};

use super::web::{self, Interpreter};
use super::{later, listen};

async fn serve(listener: TcpListener) {
    loop {
        let stream = Interpreter(listener.accept().await.unwrap());
        let service = service_fn(|request| web::answer(request, 0));
        let connection = server::Builder::new().serve_connection(stream, service);
        drop(spawn(async move { connection.await.unwrap() }));
    }
}

pub(crate) async fn connect<S>(stream: S) -> SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    web::connect(stream).await.unwrap()
}

pub(crate) async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> (StatusCode, Bytes) {
    web::ask(sender, method, path, body).await.unwrap()
}

/// One connection, kept alive: a small answer, a megabyte there and back, one in chunks.
#[test]
fn hyper_serves_hyper() {
    run(async {
        let (listener, address) = listen();
        drop(spawn(serve(listener)));
        let mut sender = connect(TcpStream::connect(address).await.unwrap()).await;
        let (status, body) = ask(&mut sender, Method::GET, "/", "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.starts_with(b"<!doctype html>"));
        let megabyte = vec![7; 1 << 20];
        let (_, body) = ask(&mut sender, Method::POST, "/echo", megabyte.clone()).await;
        assert!(body == megabyte);
        let (_, body) = ask(&mut sender, Method::GET, "/count", "").await;
        assert_eq!(&*body, b"0 1 2 ");
        let (status, _) = ask(&mut sender, Method::GET, "/nowhere", "").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    })
    .unwrap();
}

/// Many connections at once, while one of them does not say a word.
#[test]
fn hyper_serves_many() {
    run(async {
        let (listener, address) = listen();
        drop(spawn(serve(listener)));
        let _silent = TcpStream::connect(address).await.unwrap();
        let clients: Vec<_> = (0..32)
            .map(|n| {
                spawn(async move {
                    let stream = TcpStream::connect(address).await.unwrap();
                    let mut sender = connect(stream).await;
                    for _ in 0..4 {
                        let text = format!("client {n}");
                        let echo = ask(&mut sender, Method::POST, "/echo", text.clone());
                        assert_eq!(echo.await.1, text);
                    }
                })
            })
            .collect();
        for client in clients {
            client.await;
        }
    })
    .unwrap();
}

/// Somebody who speaks HTTP by hand, byte by byte and from elsewhere, and asks to close.
#[test]
fn hyper_serves_a_client_that_is_not_hyper() {
    fn client(address: SocketAddr) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        for byte in b"GET /count HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n" {
            stream.write_all(&[*byte]).unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
    run(async {
        let (listener, address) = listen();
        let client = std::thread::spawn(move || client(address));
        drop(spawn(serve(listener)));
        while !client.is_finished() {
            later().await;
        }
        let answer = client.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("transfer-encoding: chunked"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n2\r\n0 \r\n2\r\n1 \r\n2\r\n2 \r\n0\r\n\r\n"));
    })
    .unwrap();
}

/// A client that hangs up half-way: whoever reads what it says is told.
#[test]
fn hyper_is_told_of_a_client_that_hangs_up() {
    run(async {
        let (listener, address) = listen();
        let client = TcpStream::connect(address).await.unwrap();
        let stream = Interpreter(listener.accept().await.unwrap());
        let service = service_fn(|request| web::answer(request, 0));
        let task = spawn(server::Builder::new().serve_connection(stream, service));
        client.write_all(b"POST /echo HTTP/1.1\r\ncontent-length: 9\r\n\r\nhalf").await?;
        later().await;
        drop(client);
        let error = task.await.unwrap_err();
        assert!(error.is_user(), "{error:?}");
        assert!(format!("{error:?}").contains("IncompleteBody"), "{error:?}");
        io::Result::Ok(())
    })
    .unwrap()
    .unwrap();
}

/// Pages and talk on one loop: each guest hears what is said once it is there, itself too.
#[test]
fn hyper_and_a_websocket_are_one_site() {
    let told = [
        "/count: 200 OK, \"0 1 2 \"",
        "/nowhere: 404 Not Found, \"no such page\\n\"",
        "the one hears \"the one is here\"",
        "the other hears \"the other is here\"",
        "the one hears \"the other is here\"",
    ];
    assert_eq!(web::story().unwrap(), told);
}
