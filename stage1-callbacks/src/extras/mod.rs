//! What fidelity needs beyond the core.

pub mod cooperate;
pub mod lists;
