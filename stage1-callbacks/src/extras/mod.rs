//! What fidelity needs beyond the core.

pub(crate) mod cancelling;
pub mod clock;
pub mod cooperate;
pub mod cooperator;
pub(crate) mod deadlock;
mod debug;
pub mod deferred_list;
pub mod delayed;
mod endpoints;
pub(crate) mod fired;
mod firers;
pub(crate) mod line;
mod links;
pub mod lists;
pub mod lock;
pub mod looping;
pub(crate) mod nesting;
mod outcomes;
pub(crate) mod panics;
mod pausing;
pub mod queue;
pub mod race;
pub mod remote;
pub(crate) mod reports;
pub mod signal;
pub mod threads;
mod time_limit;
