//! An echo server, one client after the other: `cargo run --example stage0-blocking-echo`.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::sleep;
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
    let client = Client::default();
    let served = Arc::clone(&client);
    control.on_stop(move || {
        // Nobody can tell a blocked thread anything. What it waits for has to happen: the
        // client it reads from is cut off, and the `accept` after that gets a connection.
        let served = served.lock().unwrap_or_else(PoisonError::into_inner);
        drop(served.upgrade().map(|stream| stream.shutdown(Shutdown::Both)));
        drop(TcpStream::connect(here));
    });
    accept(&listener, &client, &control);
    Ok(())
}

/// The client that is being served, for whoever wants to stop that.
type Client = Arc<Mutex<Weak<TcpStream>>>;

fn accept(listener: &TcpListener, client: &Client, control: &Control) {
    while !control.stopped() {
        match listener.accept() {
            Ok((stream, _)) => {
                let stream = Arc::new(stream);
                let mut served = client.lock().unwrap_or_else(PoisonError::into_inner);
                *served = Arc::downgrade(&stream);
                drop(served);
                // If it was asked to stop before the client was known, nobody cuts it off.
                if !control.stopped() {
                    drop(echo(&stream));
                }
            }
            // No descriptors left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
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
