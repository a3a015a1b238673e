//! What fidelity needs beyond the core.

pub(crate) mod block_on;
mod close;
pub(crate) mod deadlock;
pub mod errors;
mod kill;
pub(crate) mod message;
pub(crate) mod name;
mod net;
mod parent;
pub(crate) mod report;
pub mod stack;
mod state;
pub(crate) mod unwinding;
pub(crate) mod wait;
