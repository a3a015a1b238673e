//! What fidelity needs beyond the core.

pub mod signal;
