//! An echo server: `cargo run --example stage3-echo`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use site::Control;
use stage3_yield_from::extras::signal::signal;
use stage3_yield_from::net::{TcpListener, TcpStream};
use stage3_yield_from::time::sleep;
use stage3_yield_from::{Coroutine, coroutine, run, spawn, yield_from};

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(coroutine(async move {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        spawn(accept(listener));
        let (stop, stopped) = signal();
        control.on_stop(move || stop.set());
        yield_from(&stopped).await
    }))?
    .map_err(io::Error::from)
}

fn accept(listener: TcpListener) -> Coroutine<()> {
    coroutine(async move {
        loop {
            match yield_from(listener.accept()).await {
                Ok(stream) => drop(spawn(echo(stream))),
                Err(failure) => {
                    // A cancel goes on; no descriptors left: let somebody finish.
                    failure.trap::<io::Error>()?;
                    yield_from(sleep(Duration::from_millis(50))).await?;
                }
            }
        }
    })
}

fn echo(stream: TcpStream) -> Coroutine<()> {
    coroutine(async move {
        loop {
            let bytes = yield_from(stream.read()).await?;
            if bytes.is_empty() {
                return Ok(());
            }
            yield_from(stream.write_all(bytes)).await?;
        }
    })
}
