//! The results of many, in the order in which they come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::trace::Place;

use crate::extras::errors::Elapsed;
use crate::extras::handle::Alarm;
use crate::extras::queue::Queue;
use crate::future::{CallbackId, InvalidState};
use crate::task::{Coroutine, Task, coroutine};

/// Gives as many coroutines as there are children, each for the next result that comes. The
/// children become tasks here and now, and are not cancelled: not by a `timeout` either, after
/// which the coroutines that are left raise [`Elapsed`]. (In Python up to 3.12 the clock starts
/// with the first coroutine, and not here.)
///
/// ```
/// use stage3_yield_from::extras::completed::as_completed;
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
/// run(coroutine(async {
///     let mut came = Vec::new();
///     for next in as_completed([after(20), after(0)], None) {
///         came.push(yield_from(next).await?);
///     }
///     assert_eq!(came, [0, 20]);
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
pub fn as_completed<T: 'static, C: Into<Task<T>>>(
    children: impl IntoIterator<Item = C>,
    timeout: Option<Duration>,
) -> AsCompleted<T> {
    let place = Place::here();
    let _place = place.enter();
    let tasks: Vec<Task<T>> = children.into_iter().map(Into::into).collect();
    let left = tasks.len();
    let completing = Rc::new(Completing {
        came: Queue::new(0),
        todo: RefCell::default(),
        alarm: Cell::default(),
    });
    tasks.into_iter().enumerate().for_each(|(n, task)| completing.watch(n, task));
    if let (Some(timeout), true) = (timeout, left > 0) {
        let late = Rc::downgrade(&completing);
        let time_is_up = move || late.upgrade().iter().for_each(|it| it.time_is_up());
        completing.alarm.set(Some(Alarm::set(place, timeout, time_is_up)));
    }
    AsCompleted { completing, place, left }
}

/// See [`as_completed`].
pub struct AsCompleted<T: 'static> {
    completing: Rc<Completing<T>>,
    place: Place,
    /// How many coroutines have not been given.
    left: usize,
}

struct Completing<T: 'static> {
    /// Those that have ended, as they come; `None`: one that was too late.
    came: Queue<Option<Task<T>>>,
    /// Those that have not, and what was left with each.
    todo: RefCell<BTreeMap<usize, (Task<T>, CallbackId)>>,
    /// Taken back by the last that comes.
    alarm: Cell<Option<Alarm>>,
}

impl<T: 'static> Completing<T> {
    fn watch(self: &Rc<Self>, n: usize, task: Task<T>) {
        let watching = Rc::downgrade(self);
        let id = task.add_done_callback(move || {
            if let Some(completing) = watching.upgrade() {
                completing.ended(n);
            }
        });
        self.todo.borrow_mut().insert(n, (task, id));
    }

    fn ended(&self, n: usize) {
        let Some((task, _)) = self.todo.borrow_mut().remove(&n) else { return };
        self.put(Some(task));
        if self.todo.borrow().is_empty() {
            drop(self.alarm.take());
        }
    }

    fn time_is_up(&self) {
        let late = self.todo.take();
        for (task, id) in late.into_values() {
            task.remove_done_callback(id);
            self.put(None);
        }
    }

    fn put(&self, ended: Option<Task<T>>) {
        assert!(self.came.put_nowait(ended).is_ok(), "the queue has no end");
    }
}

impl<T: 'static> Iterator for AsCompleted<T> {
    type Item = Coroutine<T>;

    fn next(&mut self) -> Option<Coroutine<T>> {
        self.left = self.left.checked_sub(1)?;
        let (place, completing) = (self.place, Rc::clone(&self.completing));
        Some(coroutine(async move {
            match completing.came.get_at(place).await? {
                Some(task) => task.take().unwrap_or(Err(InvalidState.into())),
                None => Err(Elapsed.into()),
            }
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T: 'static> ExactSizeIterator for AsCompleted<T> {}

/// Nobody wants the rest.
impl<T: 'static> Drop for Completing<T> {
    fn drop(&mut self) {
        for (task, id) in self.todo.take().into_values() {
            task.remove_done_callback(id);
        }
    }
}

impl<T: 'static> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("left", &self.left).finish_non_exhaustive()
    }
}
