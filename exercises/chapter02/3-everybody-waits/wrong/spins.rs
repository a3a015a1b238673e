use std::io::{self, ErrorKind};
use std::net::Shutdown;

use reactor::{Direction, Reactor, TcpStream};

/// Sends `message`, and gives what comes back until the other side hangs up.
pub fn converse(
    reactor: &Reactor<()>,
    stream: &TcpStream<()>,
    message: &[u8],
) -> io::Result<Vec<u8>> {
    let (mut written, mut answer, mut buffer) = (0, Vec::new(), [0; 512]);
    let mut is_done = false;
    loop {
        // Try both, as long as one of them goes on.
        let mut goes_on = false;
        if written < message.len() {
            if let Some(n) = unless_it_blocks(stream.write(&message[written..]))? {
                written += n;
                goes_on = true;
            }
        } else if !is_done {
            stream.shutdown(Shutdown::Write)?;
            is_done = true;
        }
        match unless_it_blocks(stream.read(&mut buffer))? {
            Some(0) => return Ok(answer),
            Some(n) => {
                answer.extend_from_slice(&buffer[..n]);
                goes_on = true;
            }
            None => {}
        }
        if !goes_on {
            // Never sleeps.
            reactor.select(Some(std::time::Duration::ZERO), &mut Vec::new())?;
        }
    }
}

fn unless_it_blocks(attempt: io::Result<usize>) -> io::Result<Option<usize>> {
    match attempt {
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
