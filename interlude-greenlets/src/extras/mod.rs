//! What fidelity needs beyond the core.

pub mod async_result;
pub(crate) mod block_on;
mod close;
pub mod condition;
pub(crate) mod deadlock;
pub mod errors;
pub mod event;
pub mod join;
pub mod kill;
pub mod later;
pub mod link;
pub mod local;
pub mod lock;
pub(crate) mod message;
pub(crate) mod name;
mod net;
mod parent;
pub mod pool;
pub mod queue;
pub(crate) mod report;
pub mod stack;
mod state;
pub mod threadpool;
pub(crate) mod unwinding;
pub(crate) mod wait;
pub(crate) mod waiters;
