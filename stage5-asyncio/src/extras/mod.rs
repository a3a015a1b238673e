//! What the toolbox needs underneath: the way in from other threads, and the words for errors
//! that nobody awaits.

pub(crate) mod line;
#[cfg(unix)]
pub(crate) mod readers;
pub mod remote;
pub mod report;
pub(crate) mod scope;
