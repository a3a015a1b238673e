//! A turn of the loop, for whoever waits for nothing else.

use crate::coroutine::Co;
use crate::failure::Failure;
use crate::future::{AnyFuture, Future};
use crate::task::Awaitable;

/// The next turn. It is waited for as asyncio waits in `sleep(0)`, by a bare `yield`.
pub(crate) struct NextTurn;

impl Awaitable for NextTurn {
    type Output = ();

    async fn wait_through(self, door: &Co<AnyFuture, ()>) -> Result<(), Failure> {
        let done = Future::new();
        done.set_result(())?;
        door.yield_(done.erased()).await
    }
}
