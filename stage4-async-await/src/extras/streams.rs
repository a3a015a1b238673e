//! What a stream of bytes can do beyond the core: one write, an exact read, two halves.

use std::io;
use std::net::Shutdown;
use std::rc::Rc;

use reactor::trace::Place;

use crate::extras::lines::Lines;
use crate::net::{TcpStream, retry};

impl TcpStream {
    /// Writes what fits, once something fits: perhaps less than all of it. Zero bytes are
    /// written at once.
    #[doc(alias = "sock_send")]
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        retry(Place::here(), &self.writes, || self.inner.write(bytes))
    }

    /// Reads until `buffer` is full. Whoever drops this half-way loses what has been read.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the peer is done before that.
    #[doc(alias = "readexactly")]
    #[track_caller]
    pub fn read_exact(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>> {
        let mut filled = 0;
        retry(Place::here(), &self.reads, move || {
            while filled < buffer.len() {
                match self.inner.read(&mut buffer[filled..])? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    n => filled += n,
                }
            }
            Ok(())
        })
    }

    /// Two halves, for two tasks.
    ///
    /// A server that echoes lines, one task for each client:
    ///
    /// ```
    /// use stage4_async_await::net::{TcpListener, TcpStream};
    /// use stage4_async_await::{run, spawn};
    /// use std::io;
    ///
    /// async fn serve(listener: TcpListener) -> io::Result<()> {
    ///     loop {
    ///         let stream = listener.accept().await?;
    ///         drop(spawn(async move {
    ///             if let Err(error) = echo(stream).await {
    ///                 eprintln!("a client is gone: {error}");
    ///             }
    ///         }));
    ///     }
    /// }
    ///
    /// async fn echo(stream: TcpStream) -> io::Result<()> {
    ///     let (reader, writer) = stream.split();
    ///     let mut lines = reader.lines();
    ///     while let Some(line) = lines.next().await {
    ///         writer.write_all(format!("you said {}\n", line?).as_bytes()).await?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # fn main() -> io::Result<()> {
    /// run(async {
    ///     let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    ///     let address = listener.local_addr()?;
    ///     drop(spawn(serve(listener)));
    ///
    ///     let (reader, writer) = TcpStream::connect(address).await?.split();
    ///     writer.write_all(b"hello\nworld").await?;
    ///     drop(writer); // the end of what is said, even if the last line has no end
    ///     let mut lines = reader.lines();
    ///     assert_eq!(lines.next().await.unwrap()?, "you said hello");
    ///     assert_eq!(lines.next().await.unwrap()?, "you said world");
    ///     assert!(lines.next().await.is_none());
    ///     Ok(())
    /// })?
    /// # }
    /// ```
    ///
    /// The lib's [first page](crate) shows how tasks are made; a server for ever is the same,
    /// with `run(serve(listener))`.
    pub fn split(self) -> (ReadHalf, WriteHalf) {
        let stream = Rc::new(self);
        (ReadHalf(Rc::clone(&stream)), WriteHalf(stream))
    }

    /// Whether to send a few bytes at once. If not, they wait, for as long as the peer has not
    /// confirmed the last ones, for more to come: an answer in two writes comes 40 ms late, if
    /// the other side confirms late, too. asyncio sends at once, std does not.
    #[doc(alias = "TCP_NODELAY")]
    pub fn set_nodelay(&self, at_once: bool) -> io::Result<()> {
        self.inner.set_nodelay(at_once)
    }
}

/// The half of a stream that is read.
#[doc(alias = "StreamReader")]
#[derive(Debug)]
pub struct ReadHalf(pub(crate) Rc<TcpStream>);

impl ReadHalf {
    /// As [`TcpStream::read`].
    #[track_caller]
    pub fn read(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        self.0.read(buffer)
    }

    /// As [`TcpStream::read_exact`].
    #[track_caller]
    pub fn read_exact(&self, buffer: &mut [u8]) -> impl Future<Output = io::Result<()>> {
        self.0.read_exact(buffer)
    }

    /// What comes, line by line.
    pub fn lines(self) -> Lines<Self> {
        Lines::new(self)
    }
}

/// The half of a stream that is written. Dropped, it tells the peer that nothing more will be.
#[doc(alias = "StreamWriter")]
#[derive(Debug)]
pub struct WriteHalf(pub(crate) Rc<TcpStream>);

impl WriteHalf {
    /// As [`TcpStream::write`].
    #[track_caller]
    pub fn write(&self, bytes: &[u8]) -> impl Future<Output = io::Result<usize>> {
        self.0.write(bytes)
    }

    /// As [`TcpStream::write_all`].
    #[track_caller]
    pub fn write_all(&self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        self.0.write_all(bytes)
    }
}

impl Drop for WriteHalf {
    fn drop(&mut self) {
        // If the peer broke off, it is over anyway.
        let _ = self.0.inner.shutdown(Shutdown::Write);
    }
}
