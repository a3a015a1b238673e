//! What tasks share, beyond the programs' needs: no atomics, since there is one thread.
//!
//! Everything here is fair: whoever came first is served first, and nobody slips in between.
//! Everything may be cancelled, which is to say dropped, at any moment, even between being
//! woken and being polled: what was meant for it goes to the next.
//!
//! The price is `Send`. Nothing here can leave its thread, nor can a future that holds any of
//! it; between threads take a channel of std's, or a crate's, which this loop runs as well.

mod barrier;
mod condition;
mod event;
mod mutex;
mod semaphore;

pub use barrier::{Barrier, Broken};
pub use condition::Condition;
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use semaphore::OwnedPermit;
