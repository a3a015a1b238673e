//! What the toolbox needs underneath: the way in from other threads, and the words for errors
//! that nobody awaits.

pub(crate) mod line;
pub mod remote;
pub mod report;
pub(crate) mod scope;
