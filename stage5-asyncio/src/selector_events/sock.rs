//! Calls on sockets that stay the caller's: asyncio's `sock_recv` and the like.
//!
//! Whoever has a socket already, from another library or with options of its own, need not give
//! it away. Each call tries first; if that would block, the loop watches a copy of the
//! descriptor, for as long as the call lasts. So these calls get along with readers and writers
//! of [`add_reader`](EventLoop::add_reader), which asyncio's replace.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsFd;

use reactor::Direction;
use reactor::trace::Place;
use socket2::{SockAddr, SockRef, Socket};

use crate::base_events::is_under_way;
use crate::event_loop::EventLoop;
use crate::net::{Side, retry_at};
use crate::tasks::within;
use crate::transports::{
    FilePart, SendfileOptions, Sending, has_no_fallback, has_to_be_read,
};

/// Sockets of the caller's. All have to be non-blocking: `set_nonblocking(true)`.
impl EventLoop {
    /// Receives up to `n` bytes: what is there, once there is something. Nothing means that the
    /// peer is done.
    ///
    /// # Errors
    ///
    /// What the call answers; `Unsupported` on a backend that is invented.
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_recv(
        &self,
        socket: &impl AsFd,
        n: usize,
    ) -> impl Future<Output = io::Result<Vec<u8>>> {
        let mut buffer = vec![0; n];
        let socket = SockRef::from(socket);
        self.until_done(socket, Direction::Read, move |mut socket| {
            let received = socket.read(&mut buffer)?;
            buffer.truncate(received);
            Ok(std::mem::take(&mut buffer))
        })
    }

    /// The same into a buffer of the caller's; gives how many bytes came.
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](Self::sock_recv).
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_recv_into(
        &self,
        socket: &impl AsFd,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>> {
        let socket = SockRef::from(socket);
        self.until_done(socket, Direction::Read, |mut socket| socket.read(buffer))
    }

    /// Sends all of `bytes`, as fast as the peer reads. If it is cancelled meanwhile, nobody
    /// knows how much was sent.
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](Self::sock_recv).
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_sendall(
        &self,
        socket: &impl AsFd,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>> {
        let (socket, mut sent) = (SockRef::from(socket), 0);
        self.until_done(socket, Direction::Write, move |mut socket| {
            while sent < bytes.len() {
                sent += socket.write(&bytes[sent..])?;
            }
            Ok(())
        })
    }

    /// Connects a socket to an address: an `std::net::SocketAddr`, or any that socket2 knows.
    ///
    /// # Errors
    ///
    /// Why it could not be connected; otherwise as [`sock_recv`](Self::sock_recv).
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_connect(
        &self,
        socket: &impl AsFd,
        address: impl Into<SockAddr>,
    ) -> impl Future<Output = io::Result<()>> {
        let mut address = Some(address.into());
        let socket = SockRef::from(socket);
        self.until_done(socket, Direction::Write, move |socket| match address.take() {
            Some(address) => begin(socket, &address),
            None => connected(socket),
        })
    }

    /// Accepts a connection; gives a socket that does not block, and its peer's address, if
    /// that is one of the internet. What kind of socket, the caller says: a
    /// `std::net::TcpStream`, a `std::os::unix::net::UnixStream`, a [`Socket`].
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](Self::sock_recv).
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_accept<S: From<Socket>>(
        &self,
        listener: &impl AsFd,
    ) -> impl Future<Output = io::Result<(S, Option<SocketAddr>)>> {
        let listener = SockRef::from(listener);
        self.until_done(listener, Direction::Read, |listener| {
            let (accepted, peer) = listener.accept()?;
            accepted.set_nonblocking(true)?;
            Ok((accepted.into(), peer.as_socket()))
        })
    }

    /// Sends all of a file over a connected socket; gives how many bytes that was. The kernel does,
    /// on Linux; elsewhere, and where it cannot, the file is read on a thread. As
    /// [`sendfile`](Self::sendfile), it leaves the file's position behind the last byte sent.
    ///
    /// # Errors
    ///
    /// As [`sock_recv`](Self::sock_recv); what the file cannot be read for.
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_sendfile(
        &self,
        socket: &impl AsFd,
        file: &File,
    ) -> impl Future<Output = io::Result<u64>> {
        self.sock_sendfile_with(SendfileOptions::default(), socket, file)
    }

    /// The same, by these options.
    ///
    /// # Errors
    ///
    /// As [`sock_sendfile`](Self::sock_sendfile); `Unsupported` where there is to be no fallback,
    /// and the kernel cannot.
    ///
    /// # Panics
    ///
    /// Panics if the socket blocks.
    #[track_caller]
    pub fn sock_sendfile_with(
        &self,
        options: SendfileOptions,
        socket: &impl AsFd,
        file: &File,
    ) -> impl Future<Output = io::Result<u64>> {
        expect_nonblocking(&SockRef::from(socket));
        let (place, sending) = (Place::here(), FilePart::new(file, options).map(Sending));
        within(place, async move {
            let sending = sending?;
            let part = &sending.0;
            let send = |socket: &Socket| {
                part.send_by(|file, from, most| send_file(socket, file, from, most))
            };
            let tried = SockRef::from(socket);
            match self.until_done(tried, Direction::Write, send).await {
                Err(error) if part.sent() == 0 && has_to_be_read(&error) => {
                    if !options.fallback {
                        return Err(has_no_fallback());
                    }
                    self.read_and_send(socket, part).await?;
                }
                ended => ended?,
            }
            Ok(part.sent())
        })
    }

    async fn read_and_send(&self, socket: &impl AsFd, part: &FilePart) -> io::Result<()> {
        let mut buffer = Vec::new();
        loop {
            buffer = part.read(buffer).await?;
            if buffer.is_empty() {
                return Ok(());
            }
            self.sock_sendall(socket, &buffer).await?;
            part.was_sent(buffer.len());
        }
    }

    /// Tries `operation` until it no longer would block. Nothing is watched while nothing has to
    /// be waited for.
    #[track_caller]
    fn until_done<T>(
        &self,
        socket: SockRef<'_>,
        direction: Direction,
        mut operation: impl FnMut(&Socket) -> io::Result<T>,
    ) -> impl Future<Output = io::Result<T>> {
        expect_nonblocking(&socket);
        let (event_loop, place) = (self.clone(), Place::here());
        async move {
            match operation(&socket) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result,
            }
            let copy = socket.as_fd().try_clone_to_owned()?;
            let watched = event_loop.reactor().watch(copy)?;
            let side = Side::new(watched.key(), direction);
            retry_at(place, &side, || operation(&socket)).await
        }
    }
}

/// A socket that blocks would keep everybody else waiting.
#[track_caller]
fn expect_nonblocking(socket: &Socket) {
    let is_so = socket.nonblocking().unwrap_or(true); // whatever is wrong, the call will tell
    assert!(is_so, "the socket must be non-blocking: call set_nonblocking(true) before");
}

#[cfg(target_os = "linux")]
fn send_file(socket: &Socket, file: &File, from: u64, most: usize) -> io::Result<usize> {
    let mut from = from;
    Ok(rustix::fs::sendfile(socket, file, Some(&mut from), most)?)
}

#[cfg(not(target_os = "linux"))]
fn send_file(_: &Socket, _: &File, _: u64, _: usize) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Asks for a connection, which takes its time.
fn begin(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    match socket.connect(address) {
        Err(error) if is_under_way(&error) => Err(ErrorKind::WouldBlock.into()),
        result => result,
    }
}

/// Asks how that has ended, if it has.
fn connected(socket: &Socket) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    match socket.peer_addr() {
        Err(error) if error.kind() == ErrorKind::NotConnected => {
            Err(ErrorKind::WouldBlock.into())
        }
        other => other.map(drop),
    }
}
