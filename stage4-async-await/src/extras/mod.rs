//! What fidelity needs beyond the core: the words for a loop that nobody can wake, the way in
//! from other threads, what becomes of errors that nobody awaits; sockets that are not TCP, and
//! the futures crate's traits; and what is syntax in Python and a library here: an
//! [`async_generator`], and all of `async with` ([`manager`]).
//!
//! And what many tasks need of each other: to wait for all of them ([`together`]), for the first
//! ([`race`]), for each in its turn ([`join_set`]), for none to be left ([`task_group`]); to be
//! told to stop ([`cancel_token`]), or not to be stopped ([`shield`]); [`channel`]s, and
//! what is shared ([`sync`]).

pub mod async_generator;
pub mod cancel_token;
pub mod channel;
pub mod datagram;
pub(crate) mod deadlock;
mod debug;
mod endpoints;
pub(crate) mod foreign;
pub(crate) mod handle;
pub mod incoming;
pub mod interval;
pub mod join_set;
pub(crate) mod known;
pub(crate) mod left;
pub mod lines;
pub(crate) mod live;
pub mod manager;
pub mod outcome;
pub mod outside;
mod polled;
pub(crate) mod queue;
pub mod race;
pub(crate) mod remote;
pub mod report;
pub(crate) mod seat;
pub mod shield;
pub mod streams;
pub mod sync;
pub mod task_group;
pub mod ticks;
pub mod together;
pub(crate) mod turn;
#[cfg(unix)]
pub mod unix;
pub(crate) mod waiter;
pub(crate) mod with;
