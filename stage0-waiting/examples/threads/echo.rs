//! An echo server, a thread for each client: `cargo run --example stage0-threads-echo`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, sleep};
use std::time::Duration;

use site::Control;

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop. Clients that are left then keep their
/// threads until they are done, or until the process ends.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    let here = listener.local_addr()?;
    control.listening(here);
    // Nobody can tell a thread in `accept` anything; a connection brings it back.
    control.on_stop(move || drop(TcpStream::connect(here)));
    accept(&listener, &control);
    Ok(())
}

fn accept(listener: &TcpListener, control: &Control) {
    while !control.stopped() {
        let client = listener.accept().and_then(|(stream, _)| {
            thread::Builder::new().stack_size(64 * 1024).spawn(|| echo(stream))
        });
        if client.is_err() {
            // No descriptors or no threads left: let somebody finish.
            sleep(Duration::from_millis(50));
        }
    }
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}
