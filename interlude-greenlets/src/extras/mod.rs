//! What fidelity needs beyond the core, by the names of its ancestors.
//!
//! greenlet: `throw`, parents, and what can be seen of one are methods of
//! [`Greenlet`](crate::Greenlet); [`stack`] says how large they are and how many there can be;
//! [`errors`] is what goes wrong between them.
//!
//! gevent: [`join`] waits for one, several or the first of many, [`kill`] ends them, [`link`]
//! has something called at their end, [`later`] begins them later. What they share: [`event`],
//! [`async_result`], [`queue`], [`lock`], [`condition`]; what each has of its own: [`local`].
//! Many together: [`pool`]. Calls that block: [`threadpool`].
//!
//! Stackless: [`tasklet`], [`channel`].

mod as_error;
pub mod async_result;
pub(crate) mod block_on;
pub mod channel;
mod close;
pub mod condition;
pub(crate) mod current;
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
pub mod tasklet;
pub mod threadpool;
mod throw;
pub(crate) mod unwinding;
pub(crate) mod wait;
pub(crate) mod waiters;
pub(crate) mod waiting;
