//! # Stage 6: uvloop
//!
//! *uvloop (2016): libuv and Cython under the same programs.* asyncio's loop is a part that can be
//! exchanged (PEP 3156), and uvloop is what it was exchanged for: not one line of a program
//! changes. It took the interpreter out of the loop. Here there is none to take out; what is left
//! to ask is what another *engine* is worth.
//!
//! An engine has two halves, and each can be exchanged for itself: what runs whoever is ready (an
//! [`AbstractEventLoop`]), and what waits for the
//! world (a [`Backend`](reactor::backend::Backend)).
//!
//! 1. [`event_loop`]: the fast loop, which looks at the world only every so often;
//! 2. [`engine`]: which way to wait, and what is said where the kernel does not let us;
//! 3. `uring`: the other way to wait, on Linux. epoll says when a call would not block; io_uring
//!    is given the call, and says when it is done;
//! 4. [`light`]: tasks that promise less than asyncio's, and cost less.
//!
//! ```
//! async fn main() -> &'static str {
//!     stage5_asyncio::time::sleep(std::time::Duration::from_millis(1)).await;
//!     "the same program"
//! }
//!
//! # fn main_() -> std::io::Result<()> {
//! assert_eq!(stage5_asyncio::run(main())?, stage6_uvloop::run(main())?);
//! # Ok(())
//! # }
//! # main_().unwrap();
//! ```
pub mod engine;
pub mod event_loop;
pub mod light;
#[cfg(target_os = "linux")]
pub mod uring;

use std::io;

use reactor::Reactor;
use stage5_asyncio::EventLoop;
use stage5_asyncio::events::{self, AbstractEventLoop};

use event_loop::FastEventLoop;

/// Opens a fast loop. Close it when it has served.
///
/// # Errors
///
/// What opening the backend answers.
#[doc(alias = "uvloop.new_event_loop")]
pub fn new_event_loop() -> io::Result<EventLoop> {
    events::with_loop_factory(open, events::new_event_loop)
}

/// Has every loop of this process be a fast one, unless a scope says otherwise.
#[doc(alias = "uvloop.install")]
pub fn install() {
    events::install(open);
}

/// Runs `main` on a fast loop, as `asyncio.run` does: to its end, and what it leaves behind, too.
///
/// # Errors
///
/// As [`stage5_asyncio::run`].
///
/// # Panics
///
/// As [`stage5_asyncio::run`].
#[doc(alias = "uvloop.run")]
#[track_caller]
pub fn run<T: 'static>(main: impl Future<Output = T> + 'static) -> io::Result<T> {
    events::with_loop_factory(open, || stage5_asyncio::run(main))
}

/// Opens the engine alone, on the backend that the reactor is told to use: a
/// [`LoopFactory`](events::LoopFactory).
///
/// # Errors
///
/// What opening the backend answers.
pub fn open() -> io::Result<Box<dyn AbstractEventLoop>> {
    Ok(Box::new(FastEventLoop::new(Reactor::new()?)))
}
