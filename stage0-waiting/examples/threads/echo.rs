//! An echo server, a thread for each client: `cargo run --example stage0-threads-echo`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use site::Control;

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    // 128 may wait to be accepted, as std has it; of a larger burst, most try again in a second.
    let listener = TcpListener::bind(address)?;
    let here = listener.local_addr()?;
    control.listening(here);
    // Nobody can tell a thread in `accept` anything; a connection brings it back.
    control.on_stop(move || drop(TcpStream::connect(here)));
    for (stream, thread) in accept(&listener, &control) {
        // Nor a thread in `read`; to be cut off from its client does.
        drop(stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both)));
        drop(thread.join());
    }
    Ok(())
}

/// A stream, for as long as its thread has it, and the thread.
type Client = (Weak<TcpStream>, JoinHandle<io::Result<()>>);

/// Gives every client a thread, until it is told to stop: then, the clients that are left.
fn accept(listener: &TcpListener, control: &Control) -> Vec<Client> {
    let mut clients = Vec::new();
    while !control.stopped() {
        match listener.accept().and_then(|(stream, _)| client(stream)) {
            Ok(client) => clients.push(client),
            // No descriptors or no threads left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)),
        }
        clients.retain(|(_, thread)| !thread.is_finished());
    }
    clients
}

fn client(stream: TcpStream) -> io::Result<Client> {
    let stream = Arc::new(stream);
    let weak = Arc::downgrade(&stream);
    let thread = thread::Builder::new().stack_size(64 * 1024);
    Ok((weak, thread.spawn(move || echo(&stream))?))
}

fn echo(mut stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}
