//! An echo server: `cargo run --example stage2-echo`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use site::Control;
use stage2_generators::net::{TcpListener, TcpStream};
use stage2_generators::time::sleep;
use stage2_generators::{Deferred, inline_callbacks, remote, run, stop, yield_};

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
        drop(accept(listener));
        Ok(())
    })
}

fn accept(listener: TcpListener) -> Deferred<()> {
    inline_callbacks(async move {
        loop {
            match yield_(listener.accept()).await {
                Ok(stream) => drop(echo(stream).add_errback(|_| ())), // the peer is gone
                Err(failure) => {
                    // A cancel goes on; no descriptors left: let somebody finish.
                    failure.trap::<io::Error>()?;
                    yield_(sleep(Duration::from_millis(50))).await?;
                }
            }
        }
    })
}

fn echo(stream: TcpStream) -> Deferred<()> {
    inline_callbacks(async move {
        loop {
            let bytes = yield_(stream.read()).await?;
            if bytes.is_empty() {
                return Ok(());
            }
            yield_(stream.write_all(bytes)).await?;
        }
    })
}
