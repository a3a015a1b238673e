//! What fidelity needs beyond the core.
//!
//! Many at a time: [`gather`], [`wait`], [`completed`], [`shield`]; `wait_for` is
//! [`timeout`](fn@crate::time::timeout), in the core. Between tasks: [`lock`], [`event`],
//! [`condition`], [`semaphore`], [`queue`]. About tasks and calls: [`tasks`], [`handle`]. From
//! other threads: [`remote`], [`signal`]. What goes wrong: [`errors`], [`depth`].

mod as_error;
mod awaiting;
pub(crate) mod callback;
pub(crate) mod cancel;
pub mod completed;
pub mod condition;
pub(crate) mod deadlock;
mod debug;
pub mod depth;
mod endpoints;
pub mod errors;
pub mod event;
pub mod gather;
pub mod generator;
pub mod handle;
mod io_error;
pub(crate) mod lasting;
pub(crate) mod left;
pub(crate) mod line;
pub mod lock;
mod methods;
pub(crate) mod panics;
pub mod queue;
pub mod remote;
pub(crate) mod reports;
pub mod semaphore;
pub mod shield;
pub mod signal;
pub mod tasks;
pub(crate) mod turn;
mod unseen;
pub mod wait;
pub(crate) mod waiters;
pub(crate) mod watch;
