//! The echo server that nobody helps, on a ring: the other floor to compare with. It is told
//! addresses, so it stands where `unsafe` may: in stage 6.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use site::Control;
use stage6_uvloop::uring::by_hand::Server;

pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let server = Server::listen(address)?;
    control.listening(server.local_addr()?);
    let (mut stops, stopped) = UnixStream::pair()?;
    control.on_stop(move || stops.write_all(b"x").expect("the other end is there"));
    server.serve_until(stopped)
}
