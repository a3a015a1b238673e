//! Several tasks that are waited for together.

use std::cell::Cell;
use std::rc::Rc;

use reactor::trace::Place;

use crate::failure::Failure;
use crate::future::{CallbackId, Future};
use crate::task::{Coroutine, Task, spawn, yield_from_at};

/// What is a task, or can be made one: asyncio's `ensure_future`.
impl<T: 'static> From<Coroutine<T>> for Task<T> {
    #[track_caller]
    fn from(coroutine: Coroutine<T>) -> Self {
        spawn(coroutine)
    }
}

/// Tasks that somebody watches. Dropped, it watches no more.
pub(crate) struct Watch<'a, T: 'static> {
    tasks: &'a [Task<T>],
    /// What was left with each of them.
    callbacks: Vec<CallbackId>,
    seen: Rc<Seen>,
}

/// What has been seen of them.
struct Seen {
    /// How many have not ended.
    left: Cell<usize>,
    /// The first one whose end was enough.
    first: Cell<Option<usize>>,
    /// Done once that is there, or all have ended.
    done: Future<()>,
}

impl<'a, T: 'static> Watch<'a, T> {
    /// Watches until a task has ended whose end `is_enough`, or all have.
    pub(crate) fn over(tasks: &'a [Task<T>], is_enough: fn(&Task<T>) -> bool) -> Self {
        let seen = Rc::new(Seen {
            left: Cell::new(tasks.len()),
            first: Cell::new(None),
            done: Future::named("other tasks"),
        });
        let watch = |(index, task): (usize, &Task<T>)| {
            // A task that kept itself would never be dropped.
            let (seen, ended) = (Rc::clone(&seen), Rc::downgrade(&task.0));
            task.add_done_callback(move || {
                let ended = ended.upgrade().map(Task);
                seen.saw(index, ended.is_some_and(|task| is_enough(&task)));
            })
        };
        let callbacks = tasks.iter().enumerate().map(watch).collect();
        Self { tasks, callbacks, seen }
    }

    /// Waits for that. A cancel ends the waiting, and no task.
    pub(crate) async fn wait(&self, place: Place) -> Result<Option<usize>, Failure> {
        if self.seen.left.get() > 0 {
            yield_from_at(place, &self.seen.done).await?;
        }
        Ok(self.seen.first.get())
    }

    /// What `wait` waits for: to set it is to end that.
    pub(crate) fn done(&self) -> Future<()> {
        self.seen.done.clone()
    }
}

impl Seen {
    fn saw(&self, index: usize, is_enough: bool) {
        self.left.set(self.left.get() - 1);
        if is_enough {
            self.first.set(self.first.get().or(Some(index)));
        }
        if is_enough || self.left.get() == 0 {
            // Others may have been enough before, and whoever waited may have been cancelled.
            let _ = self.done.set_result(());
        }
    }
}

impl<T: 'static> Drop for Watch<'_, T> {
    fn drop(&mut self) {
        for (task, id) in self.tasks.iter().zip(&self.callbacks) {
            task.remove_done_callback(*id);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::extras::completed::as_completed;
    use crate::extras::shield::shield;
    use crate::extras::wait::{ReturnWhen, wait};
    use crate::time::{sleep, timeout};
    use crate::{coroutine, run, spawn, yield_from};

    #[test]
    fn whoever_gives_up_watching_leaves_nothing_with_the_tasks() {
        let main = coroutine(async {
            let (task, soon) = (spawn(sleep(Duration::MAX)), Duration::from_millis(1));
            let waits = wait([task.clone()], Some(soon), ReturnWhen::AllCompleted);
            yield_from(waits).await?;
            let shielded = yield_from(timeout(soon, shield(task.clone()))).await;
            assert!(shielded.is_err());
            let mut late = as_completed([task.clone()], Some(soon));
            assert!(yield_from(late.next().expect("one for each")).await.is_err());
            drop(as_completed([task.clone()], None));
            assert!(task.0.result.0.callbacks.borrow().is_empty());
            Ok(())
        });
        run(main).expect("a loop can be opened").expect("nothing fails");
    }
}
