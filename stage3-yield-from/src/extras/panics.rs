//! A panic on its way to whoever handles it: as the failure it is turned into.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use thiserror::Error;

use crate::failure::Failure;

/// A panic that was caught at the edge of a callback.
#[derive(Debug, Error)]
#[error("panicked: {0}")]
pub struct Panicked(String);

/// Calls `body`, and turns a panic into a failure.
pub(crate) fn guard<T>(body: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| Panicked(text(payload)).into())
}

/// What a panic says. A payload that is no text may panic in its turn, as it is dropped.
fn text(payload: Box<dyn Any + Send>) -> String {
    let payload = match payload.downcast::<String>() {
        Ok(text) => return *text,
        Err(payload) => payload,
    };
    if let Some(text) = payload.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        Box::leak(again);
    }
    "something that is no text".to_owned()
}
