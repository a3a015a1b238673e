//! Real crates that have never heard of this loop, over real handshakes on it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, unreachable_pub, reason = "an example: its `main` is for running it")]

mod codecs;
mod http;
mod tls;
#[path = "../../steps/web.rs"]
mod web;
mod websocket;

use std::net::SocketAddr;
use std::time::Duration;

use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::time::sleep;

/// A listener of the loop, and how to get there.
fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Two ends of a connection, both of the loop.
async fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listen();
    let client = TcpStream::connect(address).await.unwrap();
    (client, listener.accept().await.unwrap())
}

/// Lets the others go first.
async fn later() {
    sleep(Duration::from_millis(1)).await;
}
