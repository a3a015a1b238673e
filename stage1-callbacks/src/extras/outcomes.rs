//! What a callback may give, and how the chain goes on with it.

use crate::deferred::{Deferred, Next, Outcome};
use crate::failure::Failure;

impl<T: 'static> Outcome for Result<T, Failure> {
    type Value = T;

    fn into_next(self) -> Next<T> {
        Next::Done(self)
    }
}

impl<T: 'static> Outcome for Deferred<T> {
    type Value = T;

    fn into_next(self) -> Next<T> {
        Next::Wait(self)
    }
}

impl<T: 'static> Outcome for Next<T> {
    type Value = T;

    fn into_next(self) -> Self {
        self
    }
}

impl Outcome for () {
    type Value = ();

    fn into_next(self) -> Next<()> {
        Next::Done(Ok(()))
    }
}
