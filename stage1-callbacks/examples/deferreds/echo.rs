//! An echo server: `cargo run --example stage1-deferreds-echo`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use site::Control;
use stage1_callbacks::deferred::succeed;
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::time::sleep;
use stage1_callbacks::{remote, run, stop};

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(move || {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        let remote = remote();
        control.on_stop(move || remote.call_soon_threadsafe(stop));
        accept(listener);
        Ok(())
    })
}

fn accept(listener: TcpListener) {
    let accepted = listener.accept().add_callback(echo);
    // No descriptors left: let somebody finish.
    let paused = accepted.add_errback(|_| sleep(Duration::from_millis(50)));
    drop(paused.add_callback(move |()| accept(listener)));
}

/// Each round is a chain of its own, which begins the next: one chain for all of them would
/// grow with every message.
fn echo(stream: TcpStream) {
    let reply = stream.clone();
    let round = stream.read().add_callback(move |bytes| match &*bytes {
        [] => succeed(false),
        _ => reply.write_all(bytes).add_callback(|()| Ok(true)),
    });
    let ended = round.add_errback(|_| Ok(false)); // the peer is gone
    drop(ended.add_callback(move |goes_on| {
        if goes_on {
            echo(stream);
        }
    }));
}
