//! An echo server: `cargo run --example stage5-echo`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use site::Control;
use stage5_asyncio::run;
use stage5_asyncio::streams::{StreamReader, StreamWriter, start_server};

fn main() -> io::Result<()> {
    site::demo::echo(serve)
}

/// Serves on `address` until `control` says stop.
pub fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    run(async move {
        let server = start_server(echo, address).await?;
        control.listening(server.sockets()[0]);
        poll_fn(|context| control.poll_stopped(context)).await;
        Ok(())
    })?
}

async fn echo(mut reader: StreamReader, writer: StreamWriter) -> io::Result<()> {
    // Whoever breaks off is done as well.
    while let Ok(data) = reader.read(4096).await
        && !data.is_empty()
    {
        writer.write(&data);
        if writer.drain().await.is_err() {
            break;
        }
    }
    Ok(())
}
