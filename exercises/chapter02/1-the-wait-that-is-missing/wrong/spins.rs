use std::io::{self, ErrorKind};

use reactor::{Direction, Reactor, TcpStream};

/// Gives all that each stream says until it hangs up.
pub fn listen_to_all(
    reactor: &Reactor<usize>,
    streams: &[TcpStream<usize>],
) -> io::Result<Vec<Vec<u8>>> {
    let mut said = vec![Vec::new(); streams.len()];
    let mut talking = streams.len();
    for (n, stream) in streams.iter().enumerate() {
        listen(stream, &mut said[n])?;
        let _ = reactor.wait_for(stream.key(), Direction::Read, n);
    }
    while talking > 0 {
        // Asks everybody, all the time.
        reactor.select(Some(std::time::Duration::ZERO), &mut Vec::new())?;
        talking = 0;
        for (n, stream) in streams.iter().enumerate() {
            if !listen(stream, &mut said[n])? {
                talking += 1;
            }
        }
    }
    Ok(said)
}

/// Takes all that has arrived. Says whether that was the end.
fn listen(stream: &TcpStream<usize>, said: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(n) => said.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
