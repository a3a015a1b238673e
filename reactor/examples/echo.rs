//! An echo server with no stage at all: `cargo run --example reactor-echo`.
//!
//! What a program looks like when the loop is its own: who waits for what, and how far
//! each client has come, is kept by hand in a table. Every stage exists to keep it for you.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::mem;
use std::net::SocketAddr;

use reactor::{Direction, Reactor, TcpListener, TcpStream};
use site::Control;

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let mut server = Server::listen(address)?;
    control.listening(server.listener.local_addr()?);
    let waker = server.reactor.waker();
    control.on_stop(move || waker.wake());

    let mut todos = vec![Todo::Accept];
    while !control.stopped() {
        for todo in mem::take(&mut todos) {
            match todo {
                Todo::Accept => server.accept(),
                Todo::Serve(client) => server.echo(client),
            }
        }
        server.reactor.select(None, &mut todos)?;
    }
    Ok(())
}

/// What is left with the reactor: what is to be done then.
#[derive(Clone, Copy)]
enum Todo {
    Accept,
    Serve(u64),
}

struct Server {
    reactor: Reactor<Todo>,
    listener: TcpListener<Todo>,
    clients: HashMap<u64, Client>,
    accepted: u64,
    /// Lent to whichever client is served.
    buffer: Box<[u8]>,
}

struct Client {
    stream: TcpStream<Todo>,
    /// What was read and did not fit into the socket.
    owed: Vec<u8>,
}

impl Server {
    fn listen(address: SocketAddr) -> io::Result<Self> {
        let reactor = Reactor::new()?;
        let listener = reactor.listen(address)?;
        let buffer = vec![0; 16 * 1024].into_boxed_slice();
        Ok(Self { reactor, listener, clients: HashMap::new(), accepted: 0, buffer })
    }

    /// Takes every connection that has arrived, then waits for the next.
    fn accept(&mut self) {
        while let Ok(stream) = self.listener.accept() {
            self.accepted += 1;
            self.clients.insert(self.accepted, Client { stream, owed: Vec::new() });
            self.echo(self.accepted);
        }
        let _ = self.reactor.wait_for(self.listener.key(), Direction::Read, Todo::Accept);
    }

    /// Goes on with a client until it would block, then waits for what it lacks.
    fn echo(&mut self, name: u64) {
        let client = self.clients.get_mut(&name).expect("who waits is in the table");
        let (direction, error) = client.echo(&mut self.buffer);
        if error.kind() == ErrorKind::WouldBlock {
            let key = client.stream.key();
            let _ = self.reactor.wait_for(key, direction, Todo::Serve(name));
        } else {
            self.clients.remove(&name);
        }
    }
}

impl Client {
    /// Goes on until something fails, be it that it would block, and says which way.
    fn echo(&mut self, buffer: &mut [u8]) -> (Direction, io::Error) {
        loop {
            while !self.owed.is_empty() {
                match self.stream.write(&self.owed) {
                    Ok(n) => drop(self.owed.drain(..n)),
                    Err(error) => return (Direction::Write, error),
                }
            }
            let n = match self.stream.read(buffer) {
                Ok(0) => return (Direction::Read, ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(error) => return (Direction::Read, error),
            };
            // What is not written now is owed, and tried again at once: then it says why.
            let written = self.stream.write(&buffer[..n]).unwrap_or(0);
            self.owed.extend_from_slice(&buffer[written..n]);
        }
    }
}
