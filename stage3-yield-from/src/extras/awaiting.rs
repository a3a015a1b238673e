//! What else can be waited for: a task; and a future or a task whose result is taken, not copied.

use std::rc::Rc;

use reactor::trace;

use crate::coroutine::State;
use crate::failure::Failure;
use crate::future::{AnyFuture, Future, InvalidState};
use crate::task::{Awaitable, AwaitsItself, Door, Task};

impl<T: 'static> Task<T> {
    /// Waits until it is done.
    async fn done_through(&self, door: &Door) -> Result<(), Failure> {
        if !self.done() {
            if self.0.coroutine.state() == State::Running {
                return Err(AwaitsItself.into());
            }
            trace::waits_for(self.0.subject);
            door.yield_(AnyFuture(Rc::clone(&self.0) as _)).await?;
        }
        Ok(())
    }
}

/// A task is a future that somebody is working on.
impl<T: Clone + 'static> Awaitable for &Task<T> {
    type Output = T;

    async fn wait_through(self, door: &Door) -> Result<T, Failure> {
        self.done_through(door).await?;
        self.result()
    }
}

/// Whoever gives the handle away takes the result, which need not be `Clone`. Who asks later, by
/// another handle, is told [`InvalidState`].
///
/// ```
/// use stage3_yield_from::{coroutine, run, spawn, yield_from};
///
/// struct NotClone;
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let task = spawn(coroutine(async { Ok(NotClone) }));
///     let NotClone = yield_from(task).await?;
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
impl<T: 'static> Awaitable for Task<T> {
    type Output = T;

    async fn wait_through(self, door: &Door) -> Result<T, Failure> {
        self.done_through(door).await?;
        self.take().unwrap_or(Err(InvalidState.into()))
    }
}

/// Likewise: the result is taken.
impl<T: 'static> Awaitable for Future<T> {
    type Output = T;

    async fn wait_through(self, door: &Door) -> Result<T, Failure> {
        if !self.done() {
            door.yield_(self.erased()).await?;
        }
        self.take().unwrap_or(Err(InvalidState.into()))
    }
}
