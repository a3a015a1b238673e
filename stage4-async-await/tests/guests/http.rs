//! hyper: HTTP/1.1, a server and a client. It asks for traits of its own, so somebody has to
//! stand between.

use std::convert::Infallible;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::{run, spawn};

use super::{later, listen};

/// Speaks hyper's language to the one side, and that of the futures crate to the other.
pub(crate) struct Interpreter<S>(pub(crate) S);

impl<S: AsyncRead + Unpin> hyper::rt::Read for Interpreter<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // There may be nothing in hyper's own buffer, not even zeros: without `unsafe`, the
        // bytes go through another one.
        let mut buffer = [0; 8192];
        let most = buffer.len().min(cursor.remaining());
        let reader = Pin::new(&mut self.0);
        let n = ready!(reader.poll_read(context, &mut buffer[..most]))?;
        cursor.put_slice(&buffer[..n]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> hyper::rt::Write for Interpreter<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

/// Some body. It stays on this thread, so it need not be `Send`.
type Body = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Infallible>>>;

/// Greets, gives back what it is sent, or counts slowly.
pub(crate) async fn answer(
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, full("hello")),
        (&Method::POST, "/echo") => {
            (StatusCode::OK, full(request.into_body().collect().await?.to_bytes()))
        }
        (&Method::GET, "/count") => (StatusCode::OK, count()),
        _ => (StatusCode::NOT_FOUND, full("")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Box::pin(Full::new(bytes.into()))
}

/// A body whose length nobody knows beforehand, and that takes its time.
fn count() -> Body {
    let frames = stream::unfold(0, |n| async move {
        later().await;
        let frame = Frame::data(Bytes::from(format!("{n} ")));
        (n < 3).then_some((Ok(frame), n + 1))
    });
    Box::pin(StreamBody::new(frames))
}

async fn serve(listener: TcpListener) {
    loop {
        let stream = Interpreter(listener.accept().await.unwrap());
        let connection =
            server::Builder::new().serve_connection(stream, service_fn(answer));
        drop(spawn(async move { connection.await.unwrap() }));
    }
}

pub(crate) async fn connect<S>(stream: S) -> SendRequest<Full<Bytes>>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = client::handshake(Interpreter(stream)).await.unwrap();
    drop(spawn(async move { connection.await.unwrap() }));
    sender
}

pub(crate) async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> (StatusCode, Bytes) {
    let request = Request::builder().method(method).uri(path).header("host", "here");
    let request = request.body(Full::new(body.into())).unwrap();
    let response = sender.send_request(request).await.unwrap();
    (response.status(), response.into_body().collect().await.unwrap().to_bytes())
}

/// One connection, kept alive: a small answer, a megabyte there and back, one in chunks.
#[test]
fn hyper_serves_hyper() {
    run(async {
        let (listener, address) = listen();
        drop(spawn(serve(listener)));
        let mut sender = connect(TcpStream::connect(address).await.unwrap()).await;
        let (status, body) = ask(&mut sender, Method::GET, "/", "").await;
        assert_eq!((status, &*body), (StatusCode::OK, &b"hello"[..]));
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
        let connection =
            server::Builder::new().serve_connection(stream, service_fn(answer));
        let task = spawn(connection);
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
