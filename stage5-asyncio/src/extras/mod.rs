//! What the toolbox needs underneath: the way in from other threads, the words for a loop that
//! nobody can wake, and for errors that nobody awaits.

pub mod async_generator;
#[cfg(unix)]
pub(crate) mod child;
pub mod deadlock;
pub(crate) mod line;
pub(crate) mod live;
#[cfg(unix)]
pub(crate) mod readers;
pub mod remote;
pub mod report;
pub(crate) mod request;
pub(crate) mod scope;
pub(crate) mod sources;
pub(crate) mod waiter;
#[cfg(unix)]
pub(crate) mod worker;
