use std::io::{self, ErrorKind};
use std::net::Shutdown;

use reactor::{Direction, Reactor, TcpStream};

/// Sends `message`, and gives what comes back until the other side hangs up.
pub fn converse(
    reactor: &Reactor<()>,
    stream: &TcpStream<()>,
    message: &[u8],
) -> io::Result<Vec<u8>> {
    let mut written = 0;
    while written < message.len() {
        match stream.write(&message[written..]) {
            Ok(n) => written += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                // Waits to read, and then does not read.
                let _ = reactor.wait_for(stream.key(), Direction::Read, ());
                reactor.select(None, &mut Vec::new())?;
            }
            Err(error) => return Err(error),
        }
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 512]);
    stream.shutdown(Shutdown::Write)?;
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(answer),
            Ok(n) => answer.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = reactor.wait_for(stream.key(), Direction::Read, ());
                reactor.select(None, &mut Vec::new())?;
            }
            Err(error) => return Err(error),
        }
    }
}
