//! Waiting for several tasks, whatever they come to.

use std::time::Duration;

use reactor::trace::Place;

use crate::extras::handle::Alarm;
use crate::extras::watch::Watch;
use crate::task::{Coroutine, Task, coroutine};

/// When [`wait`] is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnWhen {
    /// Once one of them has ended.
    #[doc(alias = "FIRST_COMPLETED")]
    FirstCompleted,
    /// Once one of them has failed, or all have ended. A cancel is no failure.
    #[doc(alias = "FIRST_EXCEPTION")]
    FirstException,
    /// Once all of them have ended.
    #[doc(alias = "ALL_COMPLETED")]
    AllCompleted,
}

/// Those that have ended, and those that have not, both in the order in which they were given.
pub type DoneAndPending<T> = (Vec<Task<T>>, Vec<Task<T>>);

/// Waits until `return_when` says that it is enough, or `timeout` has passed. It cancels nobody,
/// not even if it is cancelled itself, and raises nobody's error: look at the tasks that it
/// gives.
///
/// ```
/// use stage3_yield_from::extras::wait::{ReturnWhen, wait};
/// use stage3_yield_from::{coroutine, run, spawn, time::sleep, yield_from};
/// # use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// run(coroutine(async {
///     let tasks = [1, 3600].map(|n| spawn(sleep(Duration::from_secs(n) / 100)));
///     let first = wait(tasks, None, ReturnWhen::FirstCompleted);
///     let (done, pending) = yield_from(first).await?;
///     assert_eq!((done.len(), pending.len()), (1, 1));
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics if there are no tasks: which of them should end?
#[track_caller]
pub fn wait<T: 'static>(
    tasks: impl IntoIterator<Item = Task<T>>,
    timeout: Option<Duration>,
    return_when: ReturnWhen,
) -> Coroutine<DoneAndPending<T>> {
    let (place, tasks) = (Place::here(), tasks.into_iter().collect::<Vec<_>>());
    assert!(!tasks.is_empty(), "there are no tasks to wait for");
    let is_enough: fn(&Task<T>) -> bool = match return_when {
        ReturnWhen::FirstCompleted => |_| true,
        ReturnWhen::FirstException => |task| task.failed() && !task.cancelled(),
        ReturnWhen::AllCompleted => |_| false,
    };
    coroutine(async move {
        let watch = Watch::over(&tasks, is_enough);
        let _alarm = timeout.map(|timeout| {
            let done = watch.done();
            // It may be over already.
            Alarm::set(place, timeout, move || _ = done.set_result(()))
        });
        watch.wait(place).await?;
        drop(watch);
        Ok(tasks.into_iter().partition(Task::done))
    })
}
