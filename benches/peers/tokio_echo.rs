//! The same echo server on tokio's current-thread runtime.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use site::Control;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// With as much room for a message as mio by hand has.
pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    serve_with::<{ 16 * 1024 }>(address, control)
}

/// With a buffer of that many bytes for each connection.
pub(crate) fn serve_with<const BUFFER: usize>(
    address: SocketAddr,
    control: Control,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = TcpListener::bind(address).await?;
        control.listening(listener.local_addr()?);
        tokio::spawn(accept::<BUFFER>(listener));
        poll_fn(|context| control.poll_stopped(context)).await;
        Ok(())
    })
}

async fn accept<const BUFFER: usize>(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(echo::<BUFFER>(stream));
    }
}

async fn echo<const BUFFER: usize>(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; BUFFER];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}
