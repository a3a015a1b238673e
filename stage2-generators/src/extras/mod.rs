//! What fidelity needs beyond the core.

mod as_error;
pub(crate) mod cancelling;
#[cfg(feature = "coroutines")]
pub mod compiler;
pub mod cooperate;
pub(crate) mod deadlock;
mod debug;
pub(crate) mod deferred_errors;
pub mod delayed;
pub mod depth;
mod endpoints;
pub mod errors;
pub(crate) mod fired;
mod firers;
pub mod generator;
mod io_error;
pub(crate) mod lasting;
pub(crate) mod line;
pub(crate) mod linked;
mod links;
pub mod lists;
pub(crate) mod nesting;
mod outcomes;
pub(crate) mod panics;
mod pausing;
pub mod remote;
pub(crate) mod reports;
pub mod requests;
pub mod signal;
pub(crate) mod slot;
pub mod trampoline;
pub(crate) mod waits_for;
