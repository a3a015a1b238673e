//! The results of many, in the order in which they were given.

use reactor::trace::Place;

use crate::extras::watch::Watch;
use crate::failure::Failure;
use crate::future::{Cancelled, InvalidState};
use crate::task::{Coroutine, Task, coroutine};

/// Runs them all, at the same time, and gives what each came to, in the order of `children`.
/// Coroutines become tasks here and now.
///
/// The first error is raised at once; the others go on, and what they fail with is nobody's. A
/// cancel goes to all children.
///
/// ```
/// use stage3_yield_from::extras::gather::gather;
/// use stage3_yield_from::{Coroutine, coroutine, run, time::sleep, yield_from};
/// # use std::time::Duration;
///
/// fn after(millis: u64) -> Coroutine<u64> {
///     coroutine(async move {
///         yield_from(sleep(Duration::from_millis(millis))).await?;
///         Ok(millis)
///     })
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let gathered = run(coroutine(async {
///     yield_from(gather([after(2), after(1), after(0)])).await
/// }))?;
/// assert_eq!(gathered.unwrap(), [2, 1, 0]);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[track_caller]
pub fn gather<T: 'static, C: Into<Task<T>>>(
    children: impl IntoIterator<Item = C>,
) -> Coroutine<Vec<T>> {
    let (place, children) = (Place::here(), tasks(children));
    coroutine(async move {
        if let Some(failed) = all(place, &children, Task::failed).await? {
            children.iter().for_each(Task::forgive);
            return Err(result(&children[failed]).err().unwrap_or(InvalidState.into()));
        }
        children.iter().map(result).collect()
    })
}

/// The same, and errors are results like any other: each in the place of its child.
///
/// ```
/// use stage3_yield_from::extras::gather::gather_all;
/// use stage3_yield_from::{Failure, coroutine, run, yield_from};
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let luck = coroutine(async { Ok(1) });
///     let none = coroutine(async { Err(Failure::from("no luck")) });
///     let ends = yield_from(gather_all([luck, none])).await?;
///     assert!(ends[0].is_ok() && ends[1].is_err());
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread.
#[doc(alias = "return_exceptions")]
#[track_caller]
pub fn gather_all<T: 'static, C: Into<Task<T>>>(
    children: impl IntoIterator<Item = C>,
) -> Coroutine<Vec<Result<T, Failure>>> {
    let (place, children) = (Place::here(), tasks(children));
    coroutine(async move {
        all(place, &children, |_| false).await?;
        Ok(children.iter().map(result).collect())
    })
}

#[track_caller]
fn tasks<T: 'static, C: Into<Task<T>>>(
    children: impl IntoIterator<Item = C>,
) -> Vec<Task<T>> {
    let place = Place::here();
    let spawn = |child: C| {
        let _place = place.enter();
        child.into()
    };
    children.into_iter().map(spawn).collect()
}

/// Waits for them, and gives the first one whose end was enough. Whoever cancels this cancels
/// them, and then it is raised here once that is over.
async fn all<T: 'static>(
    place: Place,
    children: &[Task<T>],
    is_enough: fn(&Task<T>) -> bool,
) -> Result<Option<usize>, Failure> {
    let mut cancelled = None;
    loop {
        let watch = Watch::over(children, is_enough);
        match watch.wait(place).await {
            Ok(first) => return cancelled.map_or(Ok(first), Err),
            Err(failure) if failure.is::<Cancelled>() => cancelled = Some(failure),
            Err(failure) => return Err(failure),
        }
        children.iter().for_each(|child| _ = child.cancel());
    }
}

fn result<T: 'static>(child: &Task<T>) -> Result<T, Failure> {
    child.take().unwrap_or(Err(InvalidState.into()))
}
