//! What fidelity needs beyond the core.

pub mod errors;
mod kill;
mod parent;
