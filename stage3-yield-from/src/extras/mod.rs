//! What fidelity needs beyond the core.

pub(crate) mod deadlock;
mod debug;
pub mod depth;
pub mod errors;
pub mod generator;
pub(crate) mod lasting;
pub(crate) mod left;
pub(crate) mod line;
pub mod remote;
pub(crate) mod reports;
pub mod signal;
pub(crate) mod turn;
