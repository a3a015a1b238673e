//! A server that writes faster than its client reads: without `drain`, and with it.
//!
//! ```console
//! $ cargo run -q --example stage5-flood
//! ```

#![expect(clippy::print_stdout, reason = "a program prints")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use stage5_asyncio::run;
use stage5_asyncio::streams::{StreamWriter, open_connection, start_server};
use stage5_asyncio::time::sleep;

/// 192 pieces of 64 KiB are 12 MiB.
const PIECES: usize = 192;
const PIECE: usize = 64 * 1024;

fn main() -> io::Result<()> {
    run(async {
        for drains in [false, true] {
            let most = serve(drains).await?;
            let how = if drains { "with drain:   " } else { "without drain:" };
            println!("{how} {:>5} KiB kept at most", most / 1024);
        }
        Ok(())
    })?
}

/// Serves one client, and gives how much was kept at the worst moment, in bytes.
async fn serve(drains: bool) -> io::Result<usize> {
    let most = Rc::new(Cell::new(0));
    let its = Rc::clone(&most);
    let server = start_server(
        move |_, writer| pour(writer, drains, Rc::clone(&its)),
        ("127.0.0.1", 0),
    )
    .await?;
    sip(server.sockets()[0]).await?;
    Ok(most.get())
}

/// Writes all it has.
async fn pour(
    writer: StreamWriter,
    drains: bool,
    most: Rc<Cell<usize>>,
) -> io::Result<()> {
    let piece = vec![0; PIECE];
    for _ in 0..PIECES {
        writer.write(&piece);
        most.set(most.get().max(writer.transport().get_write_buffer_size()));
        if drains {
            writer.drain().await?;
        }
    }
    Ok(())
}

/// Reads all of it, not too fast.
async fn sip(server: std::net::SocketAddr) -> io::Result<()> {
    let (mut reader, _writer) = open_connection(server).await?;
    let mut left = PIECES * PIECE;
    while left > 0 {
        sleep(Duration::from_millis(1)).await;
        left -= reader.read(PIECE).await?.len();
    }
    Ok(())
}
