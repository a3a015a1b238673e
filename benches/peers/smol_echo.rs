//! The same echo server on smol's executor for one thread.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use site::Control;
use smol::LocalExecutor;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

type Executor = Rc<LocalExecutor<'static>>;

pub(crate) fn serve(address: SocketAddr, control: Control) -> io::Result<()> {
    let executor = Executor::default();
    let spawner = Rc::clone(&executor);
    smol::block_on(executor.run(async move {
        let listener = TcpListener::bind(address).await?;
        control.listening(listener.local_addr()?);
        spawner.spawn(accept(listener, Rc::clone(&spawner))).detach();
        poll_fn(|context| control.poll_stopped(context)).await;
        Ok(())
    }))
}

async fn accept(listener: TcpListener, executor: Executor) {
    while let Ok((stream, _)) = listener.accept().await {
        executor.spawn(echo(stream)).detach();
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}
