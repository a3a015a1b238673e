//! A website where people talk, of crates that have never heard of this loop: hyper for the
//! pages, async-tungstenite for the talk.
//!
//! `cargo run --example stage4-web` opens it and visits it; `cargo run --example stage4-web --
//! 127.0.0.1:8080` leaves it open, for a browser, curl or wrk.
//!
//! They ask for the futures crate's traits, or for traits of their own, and somebody has to
//! stand between: here that is [`Interpreter`].

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is run to be read")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_tungstenite::tungstenite::Message;
use async_tungstenite::{accept_async, client_async};
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::rt::ReadBufCursor;
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use stage4_async_await::extras::channel::mpsc;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::task::JoinHandle;
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let Some(address) = std::env::args().nth(1) else {
        story()?.into_iter().for_each(|line| println!("{line}"));
        return Ok(());
    };
    let address = address.parse()?;
    run(async move {
        let site = Site::open(address)?;
        println!("pages: http://{}\ntalk: ws://{}", site.pages, site.talk);
        site.served.await;
        Ok(())
    })?
}

/// A site that is open.
#[derive(Debug)]
pub struct Site {
    /// Where its pages are.
    pub pages: SocketAddr,
    /// Where its websocket is.
    pub talk: SocketAddr,
    /// Ends when the loop does.
    pub served: JoinHandle<()>,
}

impl Site {
    /// Opens the pages at `address`, and the talk beside them.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let pages = TcpListener::bind(address)?;
        let talk = TcpListener::bind((address.ip(), 0).into())?;
        let places = (pages.local_addr()?, talk.local_addr()?);
        let room = Room::default();
        drop(spawn(each(talk, move |stream| attend(stream, room.clone()))));
        let served = spawn(each(pages, move |stream| show(stream, places.1.port())));
        Ok(Self { pages: places.0, talk: places.1, served })
    }
}

/// Has a task for each connection. What goes wrong there is no business of the others.
async fn each<F>(listener: TcpListener, handle: impl Fn(TcpStream) -> F)
where
    F: Future<Output = Result<(), Failed>> + 'static,
{
    loop {
        let Ok(stream) = listener.accept().await else {
            // No descriptors left: let somebody finish.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let handled = handle(stream);
        drop(spawn(async move {
            if let Err(error) = handled.await {
                eprintln!("a visitor is gone: {error}");
            }
        }));
    }
}

/// The pages, for one visitor: as many as it asks for.
async fn show(stream: TcpStream, talk: u16) -> Result<(), Failed> {
    stream.set_nodelay(true)?;
    let service = service_fn(move |request| answer(request, talk));
    Ok(server::Builder::new().serve_connection(Interpreter(stream), service).await?)
}

/// Some body. It stays on this thread, so it need not be `Send`.
type Body = Pin<Box<dyn hyper::body::Body<Data = Bytes, Error = Infallible>>>;

/// Shows the page, gives back what it is sent, or counts slowly.
pub async fn answer(
    request: Request<Incoming>,
    talk: u16,
) -> Result<Response<Body>, hyper::Error> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, full(page(talk))),
        (&Method::POST, "/echo") => {
            (StatusCode::OK, full(request.into_body().collect().await?.to_bytes()))
        }
        (&Method::GET, "/count") => (StatusCode::OK, count()),
        _ => (StatusCode::NOT_FOUND, full("no such page\n")),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    Ok(response)
}

/// Somewhere to talk, for a browser.
fn page(talk: u16) -> String {
    format!(
        "<!doctype html><title>talk</title><input autofocus><pre></pre><script>\n\
         const socket = new WebSocket(`ws://${{location.hostname}}:{talk}`);\n\
         const [input, said] = ['input', 'pre'].map(it => document.querySelector(it));\n\
         socket.onmessage = it => said.append(it.data + '\\n');\n\
         input.onchange = () => {{ socket.send(input.value); input.value = ''; }};\n\
         </script>\n"
    )
}

fn full(bytes: impl Into<Bytes>) -> Body {
    Box::pin(Full::new(bytes.into()))
}

/// A body whose length nobody knows beforehand, and that takes its time.
fn count() -> Body {
    let frames = stream::unfold(0, |n| async move {
        sleep(Duration::from_millis(1)).await;
        let frame = Frame::data(Bytes::from(format!("{n} ")));
        (n < 3).then_some((Ok(frame), n + 1))
    });
    Box::pin(StreamBody::new(frames))
}

/// Who is there, each with a way to tell them something.
#[derive(Clone, Default)]
struct Room(Rc<RefCell<BTreeMap<SocketAddr, mpsc::Sender<Message>>>>);

impl Room {
    /// Tells all of them. Who has sixteen messages to read already misses this one.
    fn tell(&self, message: &Message) {
        for guest in self.0.borrow().values() {
            let _ = guest.try_send(message.clone());
        }
    }
}

/// The talk, for one guest: a task tells what is said, while this one hears.
async fn attend(stream: TcpStream, room: Room) -> Result<(), Failed> {
    let name = stream.peer_addr()?;
    let (mut sink, mut messages) = accept_async(stream).await?.split();
    let (guest, mut news) = mpsc::channel(16);
    room.0.borrow_mut().insert(name, guest);
    let telling = spawn(async move {
        while let Some(message) = news.recv().await {
            sink.send(message).await?;
        }
        sink.close(None).await
    });
    while let Some(Ok(message)) = messages.next().await {
        if message.is_text() {
            room.tell(&message);
        }
    }
    room.0.borrow_mut().remove(&name);
    // However that ends: a guest that has hung up cannot be told.
    let _ = telling.await;
    Ok(())
}

/// Speaks hyper's language to the one side, and that of the futures crate to the other.
#[derive(Debug)]
pub struct Interpreter<S>(pub S);

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

/// What hyper's client says of a stream to a site.
pub async fn connect<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, hyper::Error>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = client::handshake(Interpreter(stream)).await?;
    drop(spawn(connection));
    Ok(sender)
}

/// One request, and all of its answer.
pub async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    method: Method,
    path: &str,
    body: impl Into<Bytes>,
) -> Result<(StatusCode, Bytes), Failed> {
    let request = Request::builder().method(method).uri(path).header("host", "here");
    let request = request.body(Full::new(body.into()))?;
    let response = sender.send_request(request).await?;
    Ok((response.status(), response.into_body().collect().await?.to_bytes()))
}

/// Visits the site: reads two pages, and has two guests talk.
pub fn story() -> Result<Vec<String>, Failed> {
    run(async {
        let mut told = Vec::new();
        let site = Site::open(([127, 0, 0, 1], 0).into())?;
        let mut pages = connect(TcpStream::connect(site.pages).await?).await?;
        for path in ["/count", "/nowhere"] {
            let (status, body) = ask(&mut pages, Method::GET, path, "").await?;
            told.push(format!("{path}: {status}, {:?}", str::from_utf8(&body)?));
        }
        let mut guests = Vec::new();
        for name in ["one", "other"] {
            let stream = TcpStream::connect(site.talk).await?;
            let (mut guest, _) = client_async("ws://here/", stream).await?;
            // Whoever has heard itself is in the room.
            guest.send(Message::text(format!("the {name} is here"))).await?;
            let heard = guest.next().await.ok_or("nothing to hear")??;
            told.push(format!("the {name} hears {:?}", heard.to_text()?));
            guests.push(guest);
        }
        let heard = guests[0].next().await.ok_or("nothing to hear")??;
        told.push(format!("the one hears {:?}", heard.to_text()?));
        Ok(told)
    })?
}
