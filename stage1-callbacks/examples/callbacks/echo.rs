//! An echo server: `cargo run --example stage1-callbacks-echo`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use site::Control;
use stage1_callbacks::net::{TcpListener, TcpStream};
use stage1_callbacks::{call_later, remote, run, stop};

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
    listener.clone().accept_then(move |stream| match stream {
        Ok(stream) => {
            echo(stream);
            accept(listener);
        }
        // No descriptors left: let somebody finish.
        Err(_) => drop(call_later(Duration::from_millis(50), || accept(listener))),
    });
}

fn echo(stream: TcpStream) {
    stream.clone().read_then(move |bytes| match bytes {
        Ok(bytes) if !bytes.is_empty() => {
            stream.clone().write_all_then(bytes, move |written| {
                if written.is_ok() {
                    echo(stream);
                }
            });
        }
        // The peer is done, or gone: the last clone of the stream goes, and closes it.
        _ => {}
    });
}
