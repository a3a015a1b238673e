//! Lines: what most protocols that people type are made of. They come as a `Stream`, and go
//! into a `Sink`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_io::{AsyncRead, AsyncWrite};
use futures_sink::Sink;
use reactor::trace::Place;

/// How many bytes a line may have, its end included: asyncio's limit.
const LIMIT: usize = 64 * 1024;

/// How much is read at once.
const CHUNK: usize = 4096;

/// How many bytes wait to be written before a sink takes no more: asyncio's high water.
const HIGH_WATER: usize = 64 * 1024;

/// The lines that come out of `R`, without their ends, `\n` or `\r\n`. A last line needs none.
///
/// To drop what [`next`](Self::next) gives loses nothing: what has been read is kept here.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    /// What has been read and not been given.
    buffer: Vec<u8>,
    /// How much of the buffer has no end of a line in it.
    searched: usize,
    /// Whether nothing more is to be read: the end was there, or an error.
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The lines of `reader`.
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), searched: 0, ended: false }
    }

    /// Waits for the next line. `None`: there are no more.
    ///
    /// # Errors
    ///
    /// What reading answers; `InvalidData` when a line is not UTF-8, or longer than 64 KiB.
    /// After a line that is not UTF-8 the next one comes; after any other error, none.
    #[doc(alias("readline", "__anext__"))]
    #[expect(
        clippy::should_implement_trait,
        reason = "it is `next` of an async iterator"
    )]
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Option<io::Result<String>>> {
        let place = Place::here();
        std::future::poll_fn(move |context| {
            let _place = place.enter();
            self.poll_line(context)
        })
    }

    fn poll_line(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<String>>> {
        loop {
            if let Some(line) = self.take_line() {
                return Poll::Ready(Some(text(line)));
            }
            if self.ended {
                return Poll::Ready(self.take_rest().map(text));
            }
            if self.buffer.len() >= LIMIT {
                return Poll::Ready(Some(Err(self.fail(too_long()))));
            }
            if let Err(error) = ready!(self.poll_fill(context)) {
                return Poll::Ready(Some(Err(self.fail(error))));
            }
        }
    }

    /// Reads what there is, or takes note that it was the end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let length = self.buffer.len();
        self.buffer.resize(LIMIT.min(length + CHUNK), 0);
        let reader = Pin::new(&mut self.reader);
        let read = reader.poll_read(context, &mut self.buffer[length..]);
        let n = if let Poll::Ready(Ok(n)) = read { n } else { 0 };
        self.buffer.truncate(length + n);
        read.map_ok(|n| self.ended = n == 0)
    }

    /// The first line, if its end is there.
    fn take_line(&mut self) -> Option<Vec<u8>> {
        let is_end = |byte: &u8| *byte == b'\n';
        let Some(at) = self.buffer[self.searched..].iter().position(is_end) else {
            self.searched = self.buffer.len();
            return None;
        };
        let rest = self.buffer.split_off(self.searched + at + 1);
        let mut line = std::mem::replace(&mut self.buffer, rest);
        self.searched = 0;
        line.pop();
        line.pop_if(|byte| *byte == b'\r');
        Some(line)
    }

    /// What is behind the last end of a line.
    fn take_rest(&mut self) -> Option<Vec<u8>> {
        self.searched = 0;
        Some(std::mem::take(&mut self.buffer)).filter(|rest| !rest.is_empty())
    }

    /// It goes on no more.
    fn fail(&mut self, error: io::Error) -> io::Error {
        self.buffer.clear();
        (self.searched, self.ended) = (0, true);
        error
    }
}

fn text(line: Vec<u8>) -> io::Result<String> {
    String::from_utf8(line)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a line has more than 64 KiB")
}

impl<R: AsyncRead + Unpin> Stream for Lines<R> {
    type Item = io::Result<String>;

    #[track_caller]
    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        let _place = Place::here().enter();
        self.poll_line(context)
    }
}

/// Writes lines, each with a `\n` behind it.
///
/// A sink takes apart what `write_all` does in one: to wait for room, to hand over, and to wait
/// until it is gone. So lines can be handed over as they come, and whoever hands over waits only
/// while more than 64 KiB are on their way.
///
/// ```
/// use futures_util::{SinkExt, StreamExt, TryStreamExt, future};
/// use stage4_async_await::extras::lines::LineSink;
/// use stage4_async_await::net::{TcpListener, TcpStream};
/// use stage4_async_await::{run, spawn};
/// use std::io;
///
/// # fn main() -> io::Result<()> {
/// run(async {
///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
///     let address = listener.local_addr()?;
///     let echo = spawn(async move {
///         let (reader, writer) = listener.accept().await?.split();
///         // A whole server for lines: out of a stream, into a sink.
///         reader.lines().map_ok(|line| line.to_uppercase()).forward(LineSink::new(writer)).await
///     });
///     let (reader, writer) = TcpStream::connect(address).await?.split();
///     let mut sink = LineSink::new(writer);
///     sink.feed("hello").await?;
///     sink.feed("world").await?;
///     SinkExt::<&str>::close(&mut sink).await?;
///     assert_eq!(reader.lines().try_collect::<Vec<_>>().await?, ["HELLO", "WORLD"]);
///     echo.await
/// })?
/// # }
/// ```
#[derive(Debug)]
pub struct LineSink<W> {
    writer: W,
    /// Filled by `start_send`; emptied as fast as the writer takes it.
    buffer: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> LineSink<W> {
    /// A sink that writes to `writer`.
    pub fn new(writer: W) -> Self {
        Self { writer, buffer: Vec::new() }
    }

    /// Writes what is left until no more than `enough` is.
    #[track_caller]
    fn poll_drain(
        &mut self,
        context: &mut Context<'_>,
        enough: usize,
    ) -> Poll<io::Result<()>> {
        let _place = Place::here().enter();
        while self.buffer.len() > enough {
            let writer = Pin::new(&mut self.writer);
            match ready!(writer.poll_write(context, &self.buffer))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => drop(self.buffer.drain(..n)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite + Unpin, L: AsRef<str>> Sink<L> for LineSink<W> {
    type Error = io::Error;

    /// Waits for room.
    #[track_caller]
    fn poll_ready(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_drain(context, HIGH_WATER)
    }

    /// Hands a line over. Nothing is written yet.
    fn start_send(mut self: Pin<&mut Self>, line: L) -> io::Result<()> {
        self.buffer.extend_from_slice(line.as_ref().as_bytes());
        self.buffer.push(b'\n');
        Ok(())
    }

    /// Waits until all is written.
    #[track_caller]
    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context, 0))?;
        Pin::new(&mut self.writer).poll_flush(context)
    }

    /// Waits until all is written, and says that it was all.
    #[track_caller]
    fn poll_close(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context, 0))?;
        Pin::new(&mut self.writer).poll_close(context)
    }
}
