//! Streams: a connection as something to await, built on a protocol that only remembers.
//!
//! A [protocol](crate::protocols) is told; a coroutine asks. In between stands an object that
//! does both: told of data, it keeps them and wakes whoever asks; told to pause, it has whoever
//! writes wait in [`drain`](StreamWriter::drain).

mod reader;
mod writer;

use std::io;
#[cfg(unix)]
use std::os::fd::OwnedFd;
#[cfg(unix)]
use std::path::Path;
use std::rc::Rc;

use reactor::trace::Place;

use crate::base_events::{Address, ConnectOptions, Connected, Server, ServerOptions};
use crate::events::get_running_loop;
use crate::extras::report::{guard, report, report_panic};
use crate::futures::Future as Promise;
use crate::tasks::create_task;

pub use crate::exceptions::{IncompleteRead, LimitOverrun};
pub(crate) use reader::again;
pub use reader::{ReadError, StreamReader};
pub(crate) use writer::StreamReaderProtocol;
pub use writer::StreamWriter;

/// How long a line may be, in bytes, and half of what is read ahead: asyncio's `_DEFAULT_LIMIT`.
pub const DEFAULT_LIMIT: usize = 64 * 1024;

/// How to make streams.
#[derive(Clone, Copy, Debug)]
pub struct StreamOptions {
    /// How long a line may be, in bytes; twice as much is read ahead.
    pub limit: usize,
    /// How to connect.
    pub connect: ConnectOptions,
    /// How to serve.
    pub serve: ServerOptions,
}

impl Default for StreamOptions {
    fn default() -> Self {
        let (connect, serve) = Default::default();
        Self { limit: DEFAULT_LIMIT, connect, serve }
    }
}

/// The two halves of a connection.
pub type Streams = (StreamReader, StreamWriter);

/// Connects to `address`.
///
/// ```
/// use stage5_asyncio::run;
/// use stage5_asyncio::streams::{StreamReader, StreamWriter, open_connection, start_server};
/// use std::io;
///
/// async fn echo(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
///     while let Some(line) = reader.next().await? {
///         writer.write(&line);
///         writer.drain().await?;
///     }
///     Ok(())
/// }
///
/// # fn main() -> io::Result<()> {
/// run(async {
///     let server = start_server(echo, ("127.0.0.1", 0)).await?;
///     // A server alone: `server.serve_forever().await`.
///     let (mut reader, writer) = open_connection(server.sockets()[0]).await?;
///     writer.write(b"hello\nworld\n");
///     writer.write_eof();
///     assert_eq!(reader.read_to_end().await?, b"hello\nworld\n");
///     Ok(())
/// })?
/// # }
/// ```
///
/// # Errors
///
/// As [`EventLoop::create_connection`](crate::EventLoop::create_connection).
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "asyncio.open_connection")]
#[track_caller]
pub fn open_connection(
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Streams>> {
    open_connection_with(StreamOptions::default(), address)
}

/// The same, by these options.
///
/// # Errors
///
/// As [`open_connection`].
#[track_caller]
pub fn open_connection_with(
    options: StreamOptions,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Streams>> {
    let place = Place::here();
    async move {
        let (event_loop, (reader, protocol)) = (get_running_loop(), idle(options.limit));
        let connect = options.connect;
        let connecting =
            event_loop.create_connection_at(place, connect, || protocol, address);
        Ok(halves(reader, connecting.await?))
    }
}

/// Listens at `address`, and has `client_connected` called with the streams of each connection:
/// what it gives is run as a task. The connection is closed when that drops its writer. An error
/// that it ends with is told to the loop's exception handler. See [`open_connection`] for an
/// example.
///
/// # Errors
///
/// As [`EventLoop::create_server`](crate::EventLoop::create_server).
#[doc(alias = "asyncio.start_server")]
#[track_caller]
pub fn start_server<F>(
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Server>>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    start_server_with(StreamOptions::default(), client_connected, address)
}

/// The same, by these options.
///
/// # Errors
///
/// As [`start_server`].
#[track_caller]
pub fn start_server_with<F>(
    options: StreamOptions,
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
    address: impl Into<Address>,
) -> impl Future<Output = io::Result<Server>>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let (place, listen) = (Place::here(), options.serve);
    let factory = serving(options.limit, client_connected);
    async move { get_running_loop().create_server_at(place, listen, factory, address).await }
}

/// Connects to the socket at `path`.
///
/// # Errors
///
/// As [`EventLoop::create_unix_connection`](crate::EventLoop::create_unix_connection).
#[cfg(unix)]
#[doc(alias = "asyncio.open_unix_connection")]
#[track_caller]
pub fn open_unix_connection(
    path: impl AsRef<Path>,
) -> impl Future<Output = io::Result<Streams>> {
    let place = Place::here();
    async move {
        let (event_loop, (reader, protocol)) = (get_running_loop(), idle(DEFAULT_LIMIT));
        let connecting = event_loop.create_unix_connection_at(place, || protocol, path);
        Ok(halves(reader, connecting.await?))
    }
}

/// As [`start_server`], at a path in the file system.
///
/// # Errors
///
/// As [`EventLoop::create_unix_server`](crate::EventLoop::create_unix_server).
#[cfg(unix)]
#[doc(alias = "asyncio.start_unix_server")]
#[track_caller]
pub fn start_unix_server<F>(
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
    path: impl AsRef<Path>,
) -> impl Future<Output = io::Result<Server>>
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let (place, listen) = (Place::here(), ServerOptions::default());
    let factory = serving(DEFAULT_LIMIT, client_connected);
    async move { get_running_loop().create_unix_server_at(place, listen, factory, path).await }
}

/// What is read of a pipe, and what reads it.
#[cfg(unix)]
pub(crate) async fn read_pipe(
    limit: usize,
    pipe: impl Into<OwnedFd>,
) -> io::Result<StreamReader> {
    let (reader, protocol) = idle(limit);
    reader.is_the_only_end();
    get_running_loop().connect_read_pipe(|| protocol, pipe).await?;
    Ok(reader)
}

/// What is written to a pipe.
#[cfg(unix)]
pub(crate) async fn write_pipe(pipe: impl Into<OwnedFd>) -> io::Result<StreamWriter> {
    let (reader, protocol) = idle(DEFAULT_LIMIT);
    let event_loop = get_running_loop();
    let connected = event_loop.connect_write_pipe(|| protocol, pipe).await?;
    Ok(halves(reader, connected).1)
}

/// A reader, and a protocol that feeds it.
pub(crate) fn idle(limit: usize) -> (StreamReader, Rc<StreamReaderProtocol>) {
    let reader = StreamReader::new(limit);
    let protocol = StreamReaderProtocol::new(&reader, None);
    (reader, protocol)
}

pub(crate) fn halves(
    reader: StreamReader,
    (transport, protocol): Connected<Rc<StreamReaderProtocol>>,
) -> Streams {
    (reader, StreamWriter::new(transport, Rc::clone(&protocol)))
}

/// Makes protocols, each of which starts a task once it is connected.
pub(crate) fn serving<F>(
    limit: usize,
    client_connected: impl Fn(StreamReader, StreamWriter) -> F + 'static,
) -> impl Fn() -> Rc<StreamReaderProtocol> + 'static
where
    F: Future<Output = io::Result<()>> + 'static,
{
    let client_connected = Rc::new(client_connected);
    move || {
        let client_connected = Rc::clone(&client_connected);
        let start = move |reader, writer| {
            let task = create_task(client_connected(reader, writer));
            task.add_done_callback(say_if_it_failed);
        };
        let reader = StreamReader::new(limit);
        StreamReaderProtocol::new(&reader, Some(Box::new(start)))
    }
}

/// Nobody awaits what serves a client.
fn say_if_it_failed(served: &Promise<io::Result<()>>) {
    const WHAT: &str = "Unhandled exception in client_connected_cb";
    match guard(|| served.take()) {
        Ok(Ok(Err(error))) => report(format_args!("{WHAT}: {error}")),
        Err(panic) => report_panic(WHAT, &*panic),
        Ok(Ok(Ok(())) | Err(_)) => {}
    }
}
