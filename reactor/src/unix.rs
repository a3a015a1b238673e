//! Sockets in the file system: streams, listeners and datagrams like any other.

use crate::backend::UnixAddr;
use crate::datagram::DatagramSocket;
use crate::net::{TcpListener, TcpStream};

/// A listening socket in the file system. Its address is a path
/// ([`local_unix_addr`](TcpListener::local_unix_addr)); its file remains when it is closed.
pub type UnixListener<T> = TcpListener<T>;

/// A connected socket in the file system. All that tells it from one of TCP is that its addresses
/// are paths ([`local_unix_addr`](TcpStream::local_unix_addr),
/// [`peer_unix_addr`](TcpStream::peer_unix_addr)).
pub type UnixStream<T> = TcpStream<T>;

/// A socket for datagrams in the file system. Whom it is to send to needs a path.
pub type UnixDatagram<T> = DatagramSocket<T, UnixAddr>;
