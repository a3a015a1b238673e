//! An echo server: `cargo run --example interlude-echo`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use interlude_greenlets::net::{TcpListener, TcpStream};
use interlude_greenlets::time::sleep;
use interlude_greenlets::{block_on, run, spawn};
use site::Control;

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(move || {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        drop(spawn(move || accept(&listener)));
        block_on(poll_fn(|context| control.poll_stopped(context)));
        Ok(())
    })?
}

fn accept(listener: &TcpListener) {
    loop {
        match listener.accept() {
            // A peer that breaks off is nobody's failure.
            Ok(stream) => drop(spawn(move || drop(echo(&stream)))),
            // No descriptors left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)),
        }
    }
}

fn echo(stream: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
    }
}
