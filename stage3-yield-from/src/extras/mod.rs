//! What fidelity needs beyond the core.

mod debug;
pub(crate) mod line;
pub mod remote;
pub mod signal;
