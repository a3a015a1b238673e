//! Files over transports: by the kernel where it can, by reading and writing where it cannot.

use std::fs::File;
use std::io;
use std::rc::Rc;

use reactor::trace::Place;

use crate::event_loop::EventLoop;
use crate::locks::Event;
use crate::protocols::{BufferedProtocol, Protocol};
use crate::tasks::within;
use crate::transports::{
    FilePart, SendfileOptions, Sending, Transport, has_no_fallback, has_to_be_read,
};

/// Files.
impl EventLoop {
    /// Sends all of a file, after what was written before; gives how many bytes that was. Where the
    /// kernel can, it does: over a socket on Linux, by epoll and without TLS. Then nothing of the
    /// file comes by this program; but what is not in the kernel's memory yet, the loop waits for,
    /// as asyncio's does. Elsewhere the file is read on a thread.
    ///
    /// Meanwhile nothing is received, and nothing may be written. One file at a time. To
    /// [close](Transport::close) the transport gives it up.
    ///
    /// The file's position is behind the last byte sent, also when this fails or is cancelled: it
    /// says how far it has come.
    ///
    /// ```
    /// use stage5_asyncio::run;
    /// use stage5_asyncio::streams::{open_connection, start_server};
    /// use stage5_asyncio::get_running_loop;
    /// use std::fs::File;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let served = run(async {
    ///     let server = start_server(
    ///         async |_, writer| {
    ///             writer.write(b"here it comes:\n");
    ///             let file = File::open("Cargo.toml")?;
    ///             get_running_loop().sendfile(&**writer.transport(), &file).await?;
    ///             Ok(())
    ///         },
    ///         ("127.0.0.1", 0),
    ///     );
    ///     let (mut reader, _writer) = open_connection(server.await?.sockets()[0]).await?;
    ///     assert_eq!(reader.readline().await?, b"here it comes:\n");
    ///     reader.read_to_end().await
    /// })??;
    /// assert_eq!(served, std::fs::read("Cargo.toml")?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `NotConnected` if the transport is closing already; what broke the connection; what the file
    /// cannot be read for.
    ///
    /// # Panics
    ///
    /// Panics after [`write_eof`](Transport::write_eof), and while another file is being sent.
    #[track_caller]
    pub fn sendfile(
        &self,
        transport: &dyn Transport,
        file: &File,
    ) -> impl Future<Output = io::Result<u64>> {
        within(Place::here(), send(SendfileOptions::default(), transport, file))
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`sendfile`](Self::sendfile); `Unsupported` where there is to be no fallback, and the
    /// kernel cannot.
    ///
    /// # Panics
    ///
    /// As [`sendfile`](Self::sendfile).
    #[track_caller]
    pub fn sendfile_with(
        &self,
        options: SendfileOptions,
        transport: &dyn Transport,
        file: &File,
    ) -> impl Future<Output = io::Result<u64>> {
        within(Place::here(), send(options, transport, file))
    }
}

async fn send(
    options: SendfileOptions,
    transport: &dyn Transport,
    file: &File,
) -> io::Result<u64> {
    if transport.is_closing() {
        let message = "the transport is closing";
        return Err(io::Error::new(io::ErrorKind::NotConnected, message));
    }
    let _quiet = Quiet::make(transport);
    let sending = Sending(FilePart::new(file, options)?);
    let part = &sending.0;
    let by_the_kernel = match transport.send_file(part) {
        Some(sent) => sent.await,
        None => Err(io::ErrorKind::Unsupported.into()),
    };
    match by_the_kernel {
        Err(error) if part.sent() == 0 && has_to_be_read(&error) => {
            if !options.fallback {
                return Err(has_no_fallback());
            }
            read_and_write(transport, part).await?;
        }
        ended => ended?,
    }
    Ok(part.sent())
}

/// A transport that does not receive for now: whoever is told of data may answer.
struct Quiet<'a> {
    transport: &'a dyn Transport,
    was_reading: bool,
}

impl<'a> Quiet<'a> {
    fn make(transport: &'a dyn Transport) -> Self {
        let was_reading = transport.is_reading();
        transport.pause_reading();
        Self { transport, was_reading }
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        if self.was_reading {
            self.transport.resume_reading();
        }
    }
}

#[doc(alias = "_sendfile_fallback")]
async fn read_and_write(transport: &dyn Transport, part: &FilePart) -> io::Result<()> {
    let stand_in = StandIn::take_over(transport)?;
    let mut buffer = Vec::new();
    loop {
        stand_in.drain().await?;
        buffer = part.read(buffer).await?;
        if buffer.is_empty() {
            return Ok(());
        }
        stand_in.expect_open()?;
        transport.write(&buffer);
        part.was_sent(buffer.len());
    }
}

/// Hears what the protocol is told, for as long as it stands in for it.
struct StandIn<'a> {
    transport: &'a dyn Transport,
    listener: Rc<Listener>,
}

#[doc(alias = "_SendfileFallbackProtocol")]
struct Listener {
    protocol: Rc<dyn Protocol>,
    has_room: Event,
}

impl<'a> StandIn<'a> {
    fn take_over(transport: &'a dyn Transport) -> io::Result<Self> {
        let protocol = transport.get_protocol().ok_or(io::ErrorKind::NotConnected)?;
        let listener = Rc::new(Listener { protocol, has_room: Event::new() });
        transport.set_protocol(Rc::clone(&listener) as _);
        Ok(Self { transport, listener })
    }

    fn expect_open(&self) -> io::Result<()> {
        if self.transport.is_closing() {
            let message = "the connection was closed";
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, message));
        }
        Ok(())
    }

    /// Waits until there is room. Above the high water, somebody will be told to go on, whoever was
    /// told to pause.
    async fn drain(&self) -> io::Result<()> {
        let (_, high) = self.transport.get_write_buffer_limits();
        if self.transport.get_write_buffer_size() > high {
            self.listener.has_room.clear();
            self.listener.has_room.wait().await;
        }
        self.expect_open()
    }
}

impl Drop for StandIn<'_> {
    fn drop(&mut self) {
        self.transport.set_protocol(Rc::clone(&self.listener.protocol));
    }
}

impl Protocol for Listener {
    fn connection_made(&self, transport: Rc<dyn Transport>) {
        self.protocol.connection_made(transport);
    }

    fn data_received(&self, data: &[u8]) {
        self.protocol.data_received(data);
    }

    fn eof_received(&self) -> bool {
        self.protocol.eof_received()
    }

    fn connection_lost(&self, reason: Option<io::Error>) {
        self.has_room.set();
        self.protocol.connection_lost(reason);
    }

    fn pause_writing(&self) {
        self.protocol.pause_writing();
    }

    fn resume_writing(&self) {
        self.has_room.set();
        self.protocol.resume_writing();
    }

    fn buffered(&self) -> Option<&dyn BufferedProtocol> {
        self.protocol.buffered()
    }

    fn server_closes(&self, transport: &dyn Transport) {
        self.protocol.server_closes(transport);
    }
}
