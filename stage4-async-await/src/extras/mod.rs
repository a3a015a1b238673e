//! What fidelity needs beyond the core: the words for a loop that nobody can wake, the way in
//! from other threads, what becomes of errors that nobody awaits; sockets that are not TCP, and
//! the futures crate's traits; and what is syntax in Python and a library here.

pub mod datagram;
pub(crate) mod deadlock;
mod debug;
pub(crate) mod foreign;
pub mod generator;
pub mod handle;
pub mod incoming;
pub(crate) mod known;
pub mod lines;
pub(crate) mod live;
pub mod manager;
mod polled;
pub(crate) mod remote;
pub mod report;
pub mod streams;
#[cfg(unix)]
pub mod unix;
pub(crate) mod waiter;
