//! What fidelity needs beyond the core.

mod debug;
pub mod remote;
pub mod signal;
