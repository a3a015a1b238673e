//! What only Unix has: sockets in the file system, and pipes.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reactor::Direction;
use reactor::trace::Place;

use crate::base_events::{Bound, Connected, Endpoint, Server, ServerOptions};
use crate::event_loop::EventLoop;
use crate::protocols::{DatagramProtocol, Protocol};
use crate::tasks::within;
use crate::time::sleep;
use crate::transports::Channel;

/// How long to wait before another attempt where too many wait to be accepted.
const BREATHER: Duration = Duration::from_millis(10);

/// Sockets in the file system, and pipes.
impl EventLoop {
    /// Connects to the socket at `path`.
    ///
    /// # Errors
    ///
    /// `NotFound`, `ConnectionRefused`; `Unsupported` on a backend that is invented.
    #[track_caller]
    pub fn create_unix_connection<P: Protocol>(
        &self,
        factory: impl FnOnce() -> P,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        self.create_unix_connection_at(Place::here(), factory, path)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn create_unix_connection_at<P: Protocol>(
        &self,
        place: Place,
        factory: impl FnOnce() -> P,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        within(place, async move {
            let path = path.as_ref();
            let stream = loop {
                match self.reactor().connect_unix(path) {
                    // Too many wait there, and nobody will say when to try again.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        sleep(BREATHER).await;
                    }
                    result => break result?,
                }
            };
            stream.connected()?;
            self.begin(place, Channel::Socket(stream), factory).await
        })
    }

    /// Listens at `path`. A socket that is left there by a server that is gone is replaced; the
    /// file is removed when this server is closed.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when there is a file of that name that is no socket; whatever else `bind`
    /// answers; `Unsupported` on a backend that is invented.
    #[track_caller]
    pub fn create_unix_server<P: Protocol>(
        &self,
        factory: impl Fn() -> P + 'static,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Server>> {
        let options = ServerOptions::default();
        self.create_unix_server_at(Place::here(), options, factory, path)
    }

    /// The same, by these options: of them, `start_serving`.
    ///
    /// # Errors
    ///
    /// As [`create_unix_server`](Self::create_unix_server).
    #[track_caller]
    pub fn create_unix_server_with<P: Protocol>(
        &self,
        options: ServerOptions,
        factory: impl Fn() -> P + 'static,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Server>> {
        self.create_unix_server_at(Place::here(), options, factory, path)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn create_unix_server_at<P: Protocol>(
        &self,
        place: Place,
        options: ServerOptions,
        factory: impl Fn() -> P + 'static,
        path: impl AsRef<Path>,
    ) -> impl Future<Output = io::Result<Server>> {
        within(place, async move {
            let path = path.as_ref();
            remove_socket(path)?;
            let listener = self.reactor().listen_unix(path)?;
            let file = SocketFile::at(path)?;
            Ok(Server::new(
                self,
                place,
                options,
                vec![(listener, Bound::Path(file))],
                factory,
            ))
        })
    }

    /// Opens a socket for datagrams in the file system. It is bound to `local`, or has no name: then
    /// nobody can answer, and whoever receives what it sends is told an empty path. It is connected
    /// to `remote`, if there is one. A socket that is left at `local` is replaced; as asyncio's, it
    /// stays when this one is closed.
    ///
    /// # Errors
    ///
    /// `AddrInUse` when there is a file of that name that is no socket; `NotFound` and
    /// `ConnectionRefused` for `remote`; `Unsupported` on a backend that is invented.
    #[doc(alias = "create_datagram_endpoint")]
    #[track_caller]
    pub fn create_unix_datagram_endpoint<P: DatagramProtocol<PathBuf>>(
        &self,
        factory: impl FnOnce() -> P,
        local: Option<impl AsRef<Path>>,
        remote: Option<impl AsRef<Path>>,
    ) -> impl Future<Output = io::Result<Endpoint<P, PathBuf>>> {
        let place = Place::here();
        within(place, async move {
            let local = local.as_ref().map(AsRef::as_ref);
            local.map_or(Ok(()), remove_socket)?;
            let socket = self.reactor().bind_unix(local)?;
            let remote = remote.map(|it| it.as_ref().to_owned());
            self.begin_datagrams(place, socket, remote, factory).await
        })
    }

    /// Has a protocol told what comes out of a pipe, of which that is the end for reading. It
    /// does not block from now on, and neither do its clones.
    ///
    /// # Errors
    ///
    /// What the registration answers: a regular file cannot be waited for.
    #[track_caller]
    pub fn connect_read_pipe<P: Protocol>(
        &self,
        factory: impl FnOnce() -> P,
        pipe: impl Into<OwnedFd>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        let place = Place::here();
        within(place, async move {
            let pipe = self.reactor().adopt(pipe.into(), Direction::Read)?;
            self.begin(place, Channel::ReadPipe(pipe), factory).await
        })
    }

    /// Has a protocol write into a pipe, of which that is the end for writing. When nobody reads
    /// any more, it is lost.
    ///
    /// # Errors
    ///
    /// As [`connect_read_pipe`](Self::connect_read_pipe).
    #[track_caller]
    pub fn connect_write_pipe<P: Protocol>(
        &self,
        factory: impl FnOnce() -> P,
        pipe: impl Into<OwnedFd>,
    ) -> impl Future<Output = io::Result<Connected<P>>> {
        let place = Place::here();
        within(place, async move {
            let pipe = self.reactor().adopt(pipe.into(), Direction::Write)?;
            self.begin(place, Channel::WritePipe(pipe), factory).await
        })
    }
}

/// What a socket has left that is gone.
fn remove_socket(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|it| it.file_type().is_socket()) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The file of a socket: dropped, it is removed, if it still is the same.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Tells it from another one of that name.
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), inode: fs::metadata(path)?.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::metadata(&self.path).is_ok_and(|it| it.ino() == self.inode) {
            // Somebody else may have been faster.
            let _ = fs::remove_file(&self.path);
        }
    }
}
