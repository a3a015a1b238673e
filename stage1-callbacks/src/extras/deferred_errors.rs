//! What goes wrong with a deferred itself.

use thiserror::Error;

/// A deferred fires once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a deferred fires only once")]
pub struct AlreadyCalled;

/// A deferred was to wait for itself, or for one that waits for it, as when a callback gives back
/// its own: neither would ever fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this would wait for itself, for ever: it is to wait for one that waits for it")]
pub struct WaitsForItself;

/// Somebody did not want to wait any longer.
#[doc(alias = "CancelledError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("cancelled")]
pub struct Cancelled;
