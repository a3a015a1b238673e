//! A group of tasks that nobody leaves before all of them are done.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::task::Poll;

use reactor::trace::Place;

use crate::cancel::{Cancelled, End, Scope, Settle, catch_cancel, leave_behind};
pub use crate::exceptions::ExceptionGroup;
use crate::extras::waiter::Waiter;
use crate::futures::{Future as Promise, Teller};
use crate::tasks::{self, AnyTask, Task, TaskId, WaitsFor, create_task, waits};

type Panic = Box<dyn std::any::Any + Send>;

/// Runs `body`, which may start tasks in the group that it is given, and waits for them. The
/// first error, of a child or of the body, cancels all others, the body too.
///
/// # Errors
///
/// All errors, after everybody is done.
///
/// # Panics
///
/// Panics as the first child did that panicked, after everybody is done.
#[doc(alias("asyncio.TaskGroup", "nursery"))]
#[track_caller]
pub fn task_group<T, E: 'static>(
    body: impl AsyncFnOnce(&TaskGroup<E>) -> Result<T, E>,
) -> impl Future<Output = Result<T, ExceptionGroup<E>>> {
    in_group(Place::here(), body)
}

async fn in_group<T, E: 'static>(
    place: Place,
    body: impl AsyncFnOnce(&TaskGroup<E>) -> Result<T, E>,
) -> Result<T, ExceptionGroup<E>> {
    let parent = tasks::running();
    let group = TaskGroup(Rc::new(Group { parent, ..Group::new(place) }));
    let entered = Entered(group.clone());
    let body = Settle::within(Rc::clone(&group.0.scope), body(&group));
    let end = body.await;
    group.0.is_in_body.set(false);
    let (mut value, mut is_cancelled) = (None, false);
    match end {
        End::Finished(Ok(output)) => value = Some(output),
        End::Finished(Err(error)) => group.0.failed(error),
        End::Cancelled => is_cancelled = true,
        End::Panicked(panic) => group.0.panicked(panic),
    }
    if is_cancelled {
        group.0.abort();
    }
    while catch_cancel(group.0.all_done()).await.is_err() {
        // A second cancel adds nothing: everybody has been asked to stop.
        if !group.0.is_aborting.get() {
            is_cancelled = true;
            group.0.abort();
        }
    }
    drop(entered);
    let Group { panic, errors, .. } = &*group.0;
    if let Some(panic) = panic.take() {
        resume_unwind(panic);
    }
    let exceptions = errors.take();
    if !exceptions.is_empty() {
        return Err(ExceptionGroup { exceptions });
    }
    match value {
        Some(value) if !is_cancelled => Ok(value),
        _ => Cancelled.raise().await,
    }
}

/// The group that a [`task_group`] has. Its clones are the same group: a child may have one.
pub struct TaskGroup<E: 'static>(Rc<Group<E>>);

struct Group<E> {
    /// The line that made it, which is the one that waits.
    place: Place,
    /// The task that made it, which will wait for the children: for the tree of tasks.
    parent: Option<TaskId>,
    /// The body's: where a child's error cancels it.
    scope: Rc<Scope>,
    is_in_body: Cell<bool>,
    is_closed: Cell<bool>,
    /// Set by the first error; from then on, new children are cancelled at once.
    is_aborting: Cell<bool>,
    /// Those that are not done: in `create_task` they come, in `child_done` they go.
    children: RefCell<Vec<AnyTask>>,
    errors: RefCell<Vec<E>>,
    /// The first.
    panic: Cell<Option<Panic>>,
    /// Left by `all_done`; woken by the last child.
    waiter: Cell<Option<Waiter>>,
}

impl<E> Group<E> {
    fn new(place: Place) -> Self {
        Self {
            place,
            parent: None,
            scope: Rc::default(),
            is_in_body: Cell::new(true),
            is_closed: Cell::default(),
            is_aborting: Cell::default(),
            children: RefCell::default(),
            errors: RefCell::default(),
            panic: Cell::default(),
            waiter: Cell::default(),
        }
    }
}

impl<E: 'static> TaskGroup<E> {
    /// Starts a task in the group. The task has `None` for a result if it failed: the error is
    /// the group's.
    ///
    /// # Panics
    ///
    /// Panics if everybody has left the group.
    #[track_caller]
    pub fn create_task<T: 'static>(
        &self,
        coroutine: impl Future<Output = Result<T, E>> + 'static,
    ) -> Task<Option<T>> {
        assert!(
            !self.0.is_closed.get(),
            "the task group is finished: start its tasks in its body, or in its other tasks"
        );
        let group = Rc::downgrade(&self.0);
        let task = create_task(async move {
            let error = match coroutine.await {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            if let Some(group) = group.upgrade() {
                group.failed(error);
            }
            None
        });
        self.0.watch(&task);
        task
    }
}

impl<E: 'static> Group<E> {
    fn watch<T: 'static>(self: &Rc<Self>, task: &Task<T>) {
        self.children.borrow_mut().push(task.erased());
        let (group, child) = (Rc::clone(self), task.erased());
        task.add_teller(Box::new(Child { group, child }));
        if self.is_aborting.get() {
            task.cancel();
        }
    }

    fn child_done(&self, child: &AnyTask, panic: Option<Panic>) {
        self.children.borrow_mut().retain(|it| it != child);
        if let Some(panic) = panic {
            self.panicked(panic);
        }
        let is_last = self.children.borrow().is_empty();
        if is_last && let Some(waiter) = self.waiter.take() {
            waiter.wake();
        }
    }

    fn failed(&self, error: E) {
        self.errors.borrow_mut().push(error);
        self.abort();
    }

    fn panicked(&self, panic: Panic) {
        let first = self.panic.take().unwrap_or(panic);
        self.panic.set(Some(first));
        self.abort();
    }

    /// Cancels everybody, once.
    fn abort(&self) {
        if self.is_aborting.replace(true) {
            return;
        }
        let children = self.children.borrow().clone();
        for child in &children {
            child.cancel();
        }
        if self.is_in_body.get() {
            self.scope.request();
        }
    }

    /// Waits until no child is left.
    async fn all_done(&self) {
        poll_fn(|context| {
            if self.children.borrow().is_empty() {
                return Poll::Ready(());
            }
            let before = self.waiter.replace(Some(Waiter::of(context)));
            drop(before);
            waits(WaitsFor::Other("a task group"), self.place);
            Poll::Pending
        })
        .await;
    }
}

/// One of the children is done.
struct Child<E: 'static> {
    group: Rc<Group<E>>,
    child: AnyTask,
}

impl<T: 'static, E: 'static> Teller<T> for Child<E> {
    fn call(self: Box<Self>, future: &Promise<T>) {
        let panic = future.outcome().take_panic();
        self.group.child_done(&self.child, panic);
    }

    fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        self.group.parent.into_iter().for_each(|it| visit(&Waiter::Task(it)));
    }
}

/// A group whose tasks are under way. Dropped, because a `select` let it go, it cancels them,
/// and leaves it to the task to wait for them.
struct Entered<E: 'static>(TaskGroup<E>);

impl<E: 'static> Drop for Entered<E> {
    fn drop(&mut self) {
        let group = Rc::clone(&self.0.0);
        group.is_closed.set(true);
        if !group.children.borrow().is_empty() {
            group.is_in_body.set(false);
            group.abort();
            leave_behind(Box::pin(async move { group.all_done().await }));
        }
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let children = self.0.children.borrow().len();
        f.debug_struct("TaskGroup").field("children", &children).finish_non_exhaustive()
    }
}
