//! What fidelity needs beyond the core.

pub(crate) mod cancelling;
pub mod clock;
pub mod cooperate;
pub(crate) mod deadlock;
mod debug;
pub mod delayed;
pub(crate) mod line;
pub mod lists;
pub(crate) mod nesting;
mod pausing;
pub mod remote;
pub(crate) mod reports;
