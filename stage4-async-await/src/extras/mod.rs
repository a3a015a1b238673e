//! What fidelity needs beyond the core: the words for a loop that nobody can wake, the way in
//! from other threads, what becomes of errors that nobody awaits.

pub(crate) mod deadlock;
mod debug;
pub(crate) mod foreign;
pub mod handle;
pub(crate) mod known;
pub(crate) mod remote;
pub mod report;
pub(crate) mod waiter;
