//! # Stage 6: uvloop
//!
//! *uvloop (2016): libuv and Cython under the same programs.* asyncio's loop is a part that can be
//! exchanged (PEP 3156), and uvloop is what it was exchanged for: not one line of a program
//! changes. It took the interpreter out of the loop. Here there is none to take out; what is left
//! to ask is what another *engine* is worth.
//!
//! An engine has two halves, and each can be exchanged for itself: what runs whoever is ready (an
//! [`AbstractEventLoop`](stage5_asyncio::events::AbstractEventLoop)), and what waits for the
//! world (a [`Backend`](reactor::backend::Backend)).
//!
//! - `uring`: the other way to wait, on Linux. epoll says when a call would not block; io_uring is
//!   given the call, and says when it is done.
#![cfg_attr(
    target_os = "linux",
    doc = "
```
use stage5_asyncio::net::{TcpListener, TcpStream};
use stage5_asyncio::{create_task, run};
use stage6_uvloop::uring::Uring;
use std::rc::Rc;

# fn main() -> std::io::Result<()> {
async fn conversation() -> std::io::Result<()> {
    let listener = TcpListener::bind(([127, 0, 0, 1], 0).into())?;
    let address = listener.local_addr()?;
    let server = create_task(async move { listener.accept().await?.write_all(b\"hello\").await });
    let mut buffer = [0; 5];
    assert_eq!(TcpStream::connect(address).await?.read(&mut buffer).await?, 5);
    assert_eq!(&buffer, b\"hello\");
    server.await
}

if let Ok(ring) = Uring::new() {
    reactor::backend::scope(Rc::new(ring), || run(conversation()))??;
}
# Ok(())
# }
```"
)]

#[cfg(target_os = "linux")]
pub mod uring;
