//! What fidelity needs beyond the core.

mod awaiting;
pub(crate) mod cancel;
pub(crate) mod deadlock;
mod debug;
pub mod depth;
pub mod errors;
pub mod generator;
pub mod handle;
pub(crate) mod lasting;
pub(crate) mod left;
pub(crate) mod line;
mod methods;
pub mod remote;
pub(crate) mod reports;
pub mod signal;
pub(crate) mod turn;
pub(crate) mod waiters;
