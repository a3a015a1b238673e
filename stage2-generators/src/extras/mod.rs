//! What fidelity needs beyond the core.

pub mod lists;
pub mod trampoline;
