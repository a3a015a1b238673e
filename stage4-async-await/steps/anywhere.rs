//! A client and a server that know no loop, on three of them: this one, tokio's and smol's.
//! `cargo run --example stage4-anywhere`.
//!
//! An `async fn` is tied to nobody: it is polled, with a waker, and that is all it knows. What
//! ties a program to a loop are the leaves: sockets, clocks, `spawn`. Two traits for sockets
//! and one for whatever comes again and again are agreed on; for clocks and tasks nothing is.

#![allow(clippy::print_stdout, reason = "it is run to be read")]

use std::io;
use std::net::SocketAddr;

use futures_util::{
    AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Stream,
    StreamExt, TryStreamExt, future, io::BufReader, stream,
};
use tokio_util::compat::TokioAsyncReadCompatExt;

const PAGES: [&str; 3] = ["/", "/about", "/contact"];

fn main() -> io::Result<()> {
    for (name, run) in LOOPS {
        println!("{name}: {:?}", run()?);
    }
    Ok(())
}

/// Asks for a page, over whatever carries bytes.
pub async fn fetch(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
) -> io::Result<String> {
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    body.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Answers whoever comes, all of them at once. There is no `spawn` that every loop has, so they
/// all are parts of this one future.
async fn serve<S>(incoming: impl Stream<Item = io::Result<S>>) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    incoming.try_for_each_concurrent(None, answer).await
}

/// Reads a request, of which the path is all that counts.
pub async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut head = BufReader::new(&mut stream).lines();
    let request = head.next().await.ok_or(io::ErrorKind::UnexpectedEof)??;
    while head.try_next().await?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).unwrap_or("nothing");
    let answer = format!("HTTP/1.0 200 OK\r\n\r\nthis is {path}");
    stream.write_all(answer.as_bytes()).await?;
    stream.close().await
}

/// A server, and a client for each page, until all pages are there.
async fn conversation<S>(
    incoming: impl Stream<Item = io::Result<S>>,
    connect: impl AsyncFn() -> io::Result<S>,
) -> io::Result<Vec<String>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pages = PAGES.map(async |path| fetch(connect().await?, path).await);
    let served = serve(incoming.take(PAGES.len()));
    let ((), pages) = future::try_join(served, future::try_join_all(pages)).await?;
    Ok(pages)
}

type Run = fn() -> io::Result<Vec<String>>;

/// Each loop lends its sockets. Nothing above here knows which.
pub const LOOPS: [(&str, Run); 3] =
    [("this stage", on_this_stage), ("tokio", on_tokio), ("smol", on_smol)];

fn anywhere() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

fn on_this_stage() -> io::Result<Vec<String>> {
    use stage4_async_await::net::{TcpListener, TcpStream};

    stage4_async_await::run(async {
        let mut listener = TcpListener::bind(anywhere())?;
        let address = listener.local_addr()?;
        conversation(listener.incoming(), || TcpStream::connect(address)).await
    })?
}

/// tokio has traits of its own, and `compat` stands between them and these.
fn on_tokio() -> io::Result<Vec<String>> {
    use tokio::net::{TcpListener, TcpStream};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(anywhere()).await?;
        let address = listener.local_addr()?;
        let incoming = stream::try_unfold(listener, async |listener| {
            let (stream, _) = listener.accept().await?;
            Ok(Some((stream.compat(), listener)))
        });
        let connect = async || Ok(TcpStream::connect(address).await?.compat());
        conversation(incoming, connect).await
    })
}

fn on_smol() -> io::Result<Vec<String>> {
    use smol::net::{TcpListener, TcpStream};

    smol::block_on(async {
        let listener = TcpListener::bind(anywhere()).await?;
        let address = listener.local_addr()?;
        conversation(listener.incoming(), || TcpStream::connect(address)).await
    })
}
