//! An echo server: `cargo run --example stage4-echo`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use site::Control;
use stage4_async_await::net::{TcpListener, TcpStream};
use stage4_async_await::time::sleep;
use stage4_async_await::{run, spawn};

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(async move {
        let listener = TcpListener::bind(address)?;
        control.listening(listener.local_addr()?);
        drop(spawn(accept(listener)));
        poll_fn(|context| control.poll_stopped(context)).await;
        Ok(())
    })?
}

async fn accept(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok(stream) => drop(spawn(echo(stream))),
            // No descriptors left: let somebody finish.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}
