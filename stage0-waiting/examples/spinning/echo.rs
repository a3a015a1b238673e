//! An echo server on one thread that asks everybody, all the time:
//! `cargo run --example stage0-spinning`.
//!
//! It serves many clients at once, and it is wrong: it never sleeps. When it ends, it says
//! how often it asked in vain.

#![allow(clippy::print_stdout, reason = "the figure is what it is for")]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use site::Control;

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    control.listening(listener.local_addr()?);
    let (mut clients, mut served, mut in_vain) = (Vec::new(), 0_u64, 0_u64);
    while !control.stopped() {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(true)?;
            clients.push(Client { stream, owed: Vec::new() });
        } else {
            in_vain += 1;
        }
        clients.retain_mut(|client| match client.echo() {
            Ok(()) => {
                served += 1;
                true
            }
            Err(error) => {
                in_vain += 1;
                error.kind() == ErrorKind::WouldBlock
            }
        });
    }
    println!("asked {in_vain} times in vain to be of use {served} times");
    Ok(())
}

struct Client {
    stream: TcpStream,
    /// What was read and is not yet written back.
    owed: Vec<u8>,
}

impl Client {
    /// Moves some bytes, or says that there is nothing to do, or that it is over.
    fn echo(&mut self) -> io::Result<()> {
        if self.owed.is_empty() {
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                n => self.owed.extend_from_slice(&buffer[..n]),
            }
        }
        let n = self.stream.write(&self.owed)?;
        self.owed.drain(..n);
        Ok(())
    }
}
