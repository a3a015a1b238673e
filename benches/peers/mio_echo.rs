//! The echo server that nobody helps: mio, a slab, a loop. The floor to compare with.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use site::Control;
use slab::Slab;

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

struct Client {
    stream: TcpStream,
    owed: Vec<u8>,
}

pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    control.listening(listener.local_addr()?);
    let waker = Arc::new(Waker::new(poll.registry(), STOP)?);
    control.on_stop(move || waker.wake().expect("an eventfd can be written"));
    let mut events = Events::with_capacity(1024);
    let mut clients = Slab::new();
    while !control.stopped() {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                STOP => {}
                LISTENER => accept(&poll, &listener, &mut clients)?,
                Token(index) => {
                    let client = &mut clients[index];
                    if echo(client).is_err_and(|it| it.kind() != ErrorKind::WouldBlock) {
                        clients.remove(index);
                    }
                }
            }
        }
    }
    Ok(())
}

fn accept(
    poll: &Poll,
    listener: &TcpListener,
    clients: &mut Slab<Client>,
) -> io::Result<()> {
    while let Ok((mut stream, _)) = listener.accept() {
        let entry = clients.vacant_entry();
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(entry.key()), both)?;
        entry.insert(Client { stream, owed: Vec::new() });
    }
    Ok(())
}

fn echo(client: &mut Client) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        while !client.owed.is_empty() {
            let n = client.stream.write(&client.owed)?;
            client.owed.drain(..n);
        }
        let n = client.stream.read(&mut buffer)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        client.owed.extend_from_slice(&buffer[..n]);
    }
}
