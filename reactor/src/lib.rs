//! Readiness, and nothing else.
//!
//! A [`Reactor<T>`] answers one question: *which of the things I wait for can make
//! progress?* It has never heard of a task, a callback or a coroutine. Whoever waits leaves
//! a value of type `T` behind and gets it back when it is worth trying again, as
//! `selectors.register(sock, event, data)` does in Python. What a stage chooses for `T` is
//! what the stage is about: a callback, a greenlet's id, a future, a waker.
//!
//! # The protocol
//!
//! 1. **Try first**: [`TcpStream::read`], [`TcpStream::write`], [`TcpListener::accept`].
//! 2. Told `WouldBlock`? Leave a `T` with [`Reactor::wait_for`], and do something else.
//! 3. [`Reactor::select`] sleeps until something happens, and hands the `T`s back.
//! 4. **Try again.** Being handed back is a hint, never a promise.
//!
//! ```
//! use reactor::{Direction, Reactor};
//! use std::io::{ErrorKind, Write};
//!
//! # fn main() -> std::io::Result<()> {
//! let reactor = Reactor::new()?;
//! let listener = reactor.listen(([127, 0, 0, 1], 0).into())?;
//! assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
//! let displaced = reactor.wait_for(listener.key(), Direction::Read, "somebody came");
//! assert_eq!(displaced, None);
//!
//! let mut client = std::net::TcpStream::connect(listener.local_addr()?)?;
//! client.write_all(b"hello")?;
//!
//! let mut ready = Vec::new();
//! reactor.select(None, &mut ready)?;
//! assert_eq!(ready, ["somebody came"]);
//! let stream = listener.accept()?;
//! # let _ = stream;
//! # Ok(())
//! # }
//! ```
//!
//! # Reading order
//!
//! [`Reactor`] (the file `reactor.rs`) is the heart. Then `waiting.rs`: who waits on which
//! socket; `timers.rs`: who waits for the clock; `net.rs`: the sockets; [`backend`]: the
//! seam below which the platform begins; `mio.rs`: the platform; `wake.rs`: the one door
//! through which a task is woken; [`trace`]: how a loop tells its story; [`sim`]: a
//! network that is invented, for tests and for the book. What TCP is not: `datagram.rs`,
//! `unix.rs`, `pipe.rs`, and `descriptor.rs` for whatever else the kernel gives a number.

#![forbid(unsafe_code)]

pub mod backend;
mod clockwork;
mod datagram;
#[cfg(unix)]
mod descriptor;
mod mio;
mod net;
#[cfg(unix)]
mod pipe;
mod reactor;
pub mod sim;
mod timers;
pub mod trace;
#[cfg(unix)]
mod unix;
mod waiting;
mod wake;

pub use datagram::{DatagramSocket, UdpSocket};
#[cfg(unix)]
pub use descriptor::Descriptor;
pub use net::{TcpListener, TcpStream};
#[cfg(unix)]
pub use pipe::Pipe;
pub use reactor::Reactor;
pub use timers::TimerId;
#[cfg(unix)]
pub use unix::{UnixDatagram, UnixListener, UnixStream};
pub use waiting::{Direction, Key};
pub use wake::{wake, wake_by_ref};
