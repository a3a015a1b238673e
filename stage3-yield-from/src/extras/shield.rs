//! Something that a cancel does not reach.

use reactor::trace::Place;

use crate::extras::watch::Watch;
use crate::future::InvalidState;
use crate::task::{Coroutine, Task, coroutine};

/// Waits for `inner`, which becomes a task here and now. Whoever is cancelled meanwhile waits no
/// longer; `inner` goes on. What it fails with is nobody's then, as in Python up to 3.14.
///
/// A cancel of `inner` itself is raised here.
///
/// ```
/// use stage3_yield_from::extras::shield::shield;
/// use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};
/// # use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let inner = spawn(coroutine(async {
///         yield_from(sleep(Duration::from_millis(1))).await?;
///         Ok("saved")
///     }));
///     let outer = spawn(shield(inner.clone()));
///     yield_from(sleep(Duration::ZERO)).await?;
///     outer.cancel();
///     assert!(yield_from(&outer).await.is_err());
///     assert_eq!(yield_from(&inner).await?, "saved");
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn shield<T: 'static>(inner: impl Into<Task<T>>) -> Coroutine<T> {
    let place = Place::here();
    let inner = {
        let _place = place.enter();
        inner.into()
    };
    coroutine(async move {
        let ended = Watch::over(std::slice::from_ref(&inner), |_| true).wait(place).await;
        ended.inspect_err(|_| inner.forgive())?;
        inner.take().unwrap_or(Err(InvalidState.into()))
    })
}
