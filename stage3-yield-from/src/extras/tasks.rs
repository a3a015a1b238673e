//! Which task is running, and which others there are.

use std::fmt;
use std::rc::{Rc, Weak};

use crate::event_loop::current;
use crate::extras::lasting::Lasting;
use crate::extras::left::Leave;
use crate::future::AnyFuture;

thread_local! {
    /// The task that is running; set by `step`.
    pub(crate) static RUNNING: Lasting<Rc<dyn Leave>> = const { Lasting::new() };
}

/// A task, whatever it returns.
#[derive(Clone)]
pub struct AnyTask(Rc<dyn Leave>);

impl AnyTask {
    /// Its number and the function that it runs, as a loop that nobody can wake calls it.
    #[doc(alias = "get_name")]
    pub fn name(&self) -> String {
        self.0.what()
    }

    /// Whether it has come to an end.
    pub fn done(&self) -> bool {
        self.0.done()
    }

    /// Asks it to give up, as [`Task::cancel`](crate::Task::cancel).
    pub fn cancel(&self) -> bool {
        AnyFuture(Rc::clone(&self.0) as _).cancel()
    }
}

/// The task that is running. `None`: a callback of the loop is, or nobody.
///
/// ```
/// use stage3_yield_from::extras::tasks::current_task;
/// use stage3_yield_from::{coroutine, run};
///
/// # fn main() -> std::io::Result<()> {
/// assert_eq!(current_task(), None);
/// run(coroutine(async {
///     let task = current_task().expect("this is one");
///     assert!(task.name().starts_with("task 1"));
///     Ok(())
/// }))?.unwrap();
/// # Ok(())
/// # }
/// ```
pub fn current_task() -> Option<AnyTask> {
    RUNNING.with(Lasting::get).map(AnyTask)
}

/// All tasks of the running loop that have not ended, in the order in which they were spawned.
/// (asyncio gives a set.)
///
/// # Panics
///
/// Panics when no loop is running on this thread.
pub fn all_tasks() -> Vec<AnyTask> {
    let event_loop = current();
    let tasks = event_loop.tasks.borrow();
    let live = tasks.iter().filter_map(Weak::upgrade).map(AnyTask);
    live.filter(|task| !task.done()).collect()
}

impl PartialEq for AnyTask {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for AnyTask {}

impl fmt::Debug for AnyTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyTask").field(&self.name()).finish()
    }
}
