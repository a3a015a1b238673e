//! Facts about Linux that the reactor leans on, asked of the kernel itself.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (listener.accept().unwrap().0, client)
}

fn epoll_on(stream: &TcpStream, flags: EpollFlags) -> Epoll {
    let epoll = Epoll::new(EpollCreateFlags::empty()).unwrap();
    epoll.add(stream, EpollEvent::new(flags, 0)).unwrap();
    epoll
}

fn events(epoll: &Epoll) -> Vec<EpollFlags> {
    let mut events = [EpollEvent::empty(); 4];
    let n = epoll.wait(&mut events, 20_u16).unwrap();
    events[..n].iter().map(EpollEvent::events).collect()
}

/// M7.15: three looks at a socket with bytes to read. The second without reading, the third
/// after a new byte.
#[test]
fn level_edge_and_oneshot_differ_in_how_often_they_tell() {
    let kinds = [EpollFlags::empty(), EpollFlags::EPOLLET, EpollFlags::EPOLLONESHOT];
    let told = kinds.map(|kind| {
        let (stream, mut peer) = pair();
        let epoll = epoll_on(&stream, EpollFlags::EPOLLIN | kind);
        peer.write_all(b"a").unwrap();
        let first = events(&epoll).len();
        let second = events(&epoll).len();
        peer.write_all(b"b").unwrap();
        [first, second, events(&epoll).len()]
    });
    assert_eq!(told, [[1, 1, 1], [1, 0, 1], [1, 0, 0]]);
}

/// M7.16: a peer that stops writing, and a peer that closes.
#[test]
fn a_shutdown_and_a_close_look_different() {
    let interest = EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP;
    let (mut stream, peer) = pair();
    let epoll = epoll_on(&stream, interest);
    peer.shutdown(Shutdown::Write).unwrap();
    assert_eq!(events(&epoll), [EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP]);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    stream.shutdown(Shutdown::Write).unwrap();
    drop(peer);
    let both = interest | EpollFlags::EPOLLHUP;
    assert_eq!(events(&epoll), [both]);
}
