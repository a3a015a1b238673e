//! What fidelity needs beyond the core.

pub(crate) mod cancelling;
pub mod cooperate;
mod debug;
pub mod depth;
pub mod errors;
pub mod generator;
pub mod lists;
pub(crate) mod nesting;
mod pausing;
pub mod trampoline;
