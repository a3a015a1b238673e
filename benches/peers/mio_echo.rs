//! The echo server that nobody helps: mio, a slab, a loop. The floor to compare with, and so
//! as good as it can be written: one buffer for all clients, and a read that did not fill it
//! has taken all there was.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use site::Control;
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

struct Server {
    poll: Poll,
    listener: TcpListener,
    clients: Slab<Client>,
    /// Lent to whichever client has its turn.
    buffer: Box<[u8]>,
}

struct Client {
    stream: TcpStream,
    /// What was read and did not fit into the socket.
    owed: Vec<u8>,
}

pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let mut server = Server::listen(address)?;
    control.listening(server.listener.local_addr()?);
    // Kept to the end: with the last waker goes the wake that nobody has seen yet.
    let waker = Arc::new(Waker::new(server.poll.registry(), STOP)?);
    let remote = Arc::clone(&waker);
    control.on_stop(move || remote.wake().expect("an eventfd can be written"));
    let mut events = Events::with_capacity(1024);
    while !control.stopped() {
        match server.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            asked => asked?,
        }
        for event in &events {
            match event.token() {
                STOP => {}
                LISTENER => server.accept()?,
                Token(index) => server.echo(index, event),
            }
        }
    }
    drop(waker);
    Ok(())
}

impl Server {
    fn listen(address: SocketAddr) -> io::Result<Self> {
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(address)?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let buffer = vec![0; 16 * 1024].into_boxed_slice();
        Ok(Self { poll, listener, clients: Slab::new(), buffer })
    }

    fn accept(&mut self) -> io::Result<()> {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let entry = self.clients.vacant_entry();
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(entry.key()), both)?;
            entry.insert(Client { stream, owed: Vec::new() });
        }
        Ok(())
    }

    fn echo(&mut self, index: usize, event: &Event) {
        let client = &mut self.clients[index];
        let echoed = client.echo(&mut self.buffer, event.is_read_closed());
        if echoed.is_err_and(|error| error.kind() != ErrorKind::WouldBlock) {
            self.clients.remove(index);
        }
    }
}

impl Client {
    /// Goes on until there is nothing to do. A short read is the end of what is there, unless
    /// the peer has closed: no new event will tell of an end that came with the bytes.
    fn echo(&mut self, buffer: &mut [u8], closed: bool) -> io::Result<()> {
        self.settle()?;
        loop {
            let n = self.stream.read(buffer)?;
            if n == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.write(&buffer[..n])?;
            if n < buffer.len() && !closed {
                return Ok(());
            }
        }
    }

    /// Writes what was owed before.
    fn settle(&mut self) -> io::Result<()> {
        while !self.owed.is_empty() {
            let n = self.stream.write(&self.owed)?;
            self.owed.drain(..n);
        }
        Ok(())
    }

    /// Writes what fits, and owes the rest.
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) => {
                    self.owed.extend_from_slice(bytes);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
