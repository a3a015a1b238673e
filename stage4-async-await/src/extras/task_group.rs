//! Children that cannot outlive their group: its exit waits for each of them.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use reactor::trace;

use crate::cancel::{Manager, with};
use crate::extras::channel::oneshot;
use crate::extras::join_set::JoinSet;
use crate::extras::outcome::{AbortHandle, JoinError};
use crate::extras::race::{Either, select};
use crate::extras::report::report_panic;

/// Starts tasks that end before the group does: Python's `asyncio.TaskGroup` (3.11), which
/// took it from Trio's nurseries. A clone is the same group, so a child can start others.
///
/// - The group ends when its body and all its children have, with their exits.
/// - The first error, of a child or of the body, cancels all the others, and the body. New
///   children are cancelled before their first step from then on.
/// - All errors are given together, in the order in which they were made.
/// - A child that panics counts as one that fails; the group then panics as it did.
/// - If whoever runs the group is cancelled, so are the children, and their exits are awaited
///   before the task counts as finished. asyncio gets there by an error that is thrown into
///   the `async with`; here the group is a [manager](crate::cancel::Manager), and its exit is
///   left behind like any other. Errors of the children are then
///   [reported](super::report::on_report), since nobody is there to hear of them.
///
/// Children are tasks, and so they are `'static`. What is to borrow goes into a
/// [`join`](super::together::join).
///
/// ```
/// use stage4_async_await::{extras::task_group::TaskGroup, run, time::sleep};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// # let clock = reactor::backend::Clockwork::new();
/// # reactor::backend::scope(clock, || {
/// run(async {
///     let sum = TaskGroup::run(async |group| {
///         let [one, two] = [1, 2].map(|number| {
///             group.spawn(async move {
///                 sleep(Duration::from_millis(number)).await;
///                 Ok(number)
///             })
///         });
///         Ok::<_, &str>(one.await.unwrap() + two.await.unwrap())
///     });
///     assert_eq!(sum.await, Ok(3));
///
///     let failed = TaskGroup::run(async |group| {
///         group.spawn(std::future::pending::<Result<(), _>>());
///         group.spawn(async { Err::<(), _>("disk full") });
///         Ok(())
///     });
///     assert_eq!(failed.await.unwrap_err().into_vec(), ["disk full"]);
/// })
/// # })
/// # }
/// ```
#[doc(alias = "nursery")]
pub struct TaskGroup<E: 'static>(Rc<Group<E>>);

struct Group<E: 'static> {
    children: JoinSet<Result<(), E>>,
    /// Of the children and of the body, in order; taken by the exit.
    errors: RefCell<Vec<E>>,
    /// The first panic of a child.
    panic: Cell<Option<Box<dyn Any + Send>>>,
    state: Cell<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Something failed, or the group was cancelled: all are to end.
    Ending,
    /// The exit is over.
    Over,
}

/// The errors of a group: at least one.
#[doc(alias = "ExceptionGroup")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors<E>(Vec<E>);

impl<E: fmt::Debug + 'static> TaskGroup<E> {
    /// Runs `body` in a new group, and ends when the body and all children have ended.
    ///
    /// # Errors
    ///
    /// All errors that there were, if there was one.
    ///
    /// # Panics
    ///
    /// Panics as the first child did that panicked, when the others have ended.
    #[doc(alias = "async with")]
    #[track_caller]
    pub fn run<T: 'static>(
        body: impl AsyncFnOnce(Self) -> Result<T, E>,
    ) -> impl Future<Output = Result<T, Errors<E>>> {
        let at = trace::Place::here();
        let group = Self(Rc::new(Group {
            children: JoinSet::new(),
            errors: RefCell::default(),
            panic: Cell::default(),
            state: Cell::new(State::Open),
        }));
        with(Scope { group, at }, async move |scope| scope.body(body).await)
    }

    /// Starts a child. It takes its first step in a later turn.
    ///
    /// Dropping what is returned lets the child run on; the group awaits it all the same.
    ///
    /// # Panics
    ///
    /// Panics if the group is over: nobody would await the child.
    #[doc(alias = "create_task")]
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        child: impl Future<Output = Result<T, E>> + 'static,
    ) -> Child<T> {
        let state = self.0.state.get();
        assert!(state != State::Over, "a task group that is over takes no children");
        let (sender, answer) = oneshot::channel();
        let task = self.0.children.spawn(Answering { child, answer: Some(sender) });
        if state == State::Ending {
            task.abort();
        }
        Child { answer, task }
    }

    /// Cancels the children that there are, which is no error. The body goes on, and may start
    /// others.
    #[track_caller]
    pub fn abort_all(&self) {
        self.0.children.abort_all();
    }
}

impl<E> Group<E> {
    /// Has all end.
    #[track_caller]
    fn end(&self) {
        self.state.set(State::Ending);
        self.children.abort_all();
    }

    #[track_caller]
    fn fail(&self, error: E) {
        self.errors.borrow_mut().push(error);
        self.end();
    }

    /// Takes note of the end of a child.
    #[track_caller]
    fn note(&self, end: Result<Result<(), E>, JoinError>) {
        match end {
            Ok(Ok(())) | Err(JoinError::Cancelled) => {}
            Ok(Err(error)) => self.fail(error),
            Err(JoinError::Panicked(panic)) => {
                match self.panic.take() {
                    None => self.panic.set(Some(panic)),
                    first => {
                        report_panic("Another child of a task group panicked", &*panic);
                        self.panic.set(first);
                    }
                }
                self.end();
            }
        }
    }

    /// Takes note of whoever has ended. Ready when nobody is left.
    fn poll(&self, context: &Context<'_>, at: trace::Place) -> Poll<()> {
        while let Some(end) = ready!(self.children.poll_next(context, at)) {
            self.note(end);
        }
        Poll::Ready(())
    }
}

/// A group as its manager: the exit waits for the children.
struct Scope<E: 'static> {
    group: TaskGroup<E>,
    /// Where the group was made.
    at: trace::Place,
}

impl<E: fmt::Debug + 'static> Scope<E> {
    /// Runs the body until it ends, or until a child fails.
    async fn body<T>(
        &self,
        body: impl AsyncFnOnce(TaskGroup<E>) -> Result<T, E>,
    ) -> Result<T, Errors<E>> {
        let group = &self.group.0;
        let a_child_failed = poll_fn(|context| {
            // Whether there are children now or not, there may be others later.
            let _ = group.poll(context, self.at);
            let is_ending = group.state.get() == State::Ending;
            if is_ending { Poll::Ready(()) } else { Poll::Pending }
        });
        match select(a_child_failed, body(self.group.clone())).await {
            Either::Right(Ok(output)) => return Ok(output),
            Either::Right(Err(error)) => group.fail(error),
            Either::Left(()) => {}
        }
        // The exit has them all.
        Err(Errors(Vec::new()))
    }
}

impl<E: fmt::Debug + 'static> Manager for Scope<E> {
    type Error = Errors<E>;

    async fn enter(&mut self) -> Result<(), Errors<E>> {
        Ok(())
    }

    async fn exit(self, end: Option<Result<(), &Errors<E>>>) -> Result<(), Errors<E>> {
        let group = &self.group.0;
        if !matches!(end, Some(Ok(()))) {
            group.end();
        }
        poll_fn(|context| group.poll(context, self.at)).await;
        group.state.set(State::Over);
        if let Some(panic) = group.panic.take() {
            resume_unwind(panic);
        }
        let errors = group.errors.take();
        if errors.is_empty() { Ok(()) } else { Err(Errors(errors)) }
    }
}

pin_project! {
    /// A child that tells its value to whoever awaits it, and its error to the group.
    struct Answering<F, T> {
        #[pin]
        child: F,
        // Gone once it has answered.
        answer: Option<oneshot::Sender<T>>,
    }
}

impl<T, E, F: Future<Output = Result<T, E>>> Future for Answering<F, T> {
    type Output = Result<(), E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), E>> {
        let this = self.project();
        let value = ready!(this.child.poll(context));
        let answer =
            this.answer.take().expect("a future is not polled after it finished");
        // Nobody need be there.
        Poll::Ready(value.map(|value| drop(answer.send(value))))
    }
}

/// Awaits the value of a child. `None`: it failed, or was cancelled, and so the group ends.
#[derive(Debug)]
pub struct Child<T> {
    answer: oneshot::Receiver<T>,
    task: AbortHandle,
}

impl<T> Child<T> {
    /// Cancels this child alone, which is no error for the group.
    #[doc(alias = "cancel")]
    #[track_caller]
    pub fn abort(&self) {
        self.task.abort();
    }
}

impl<T> Future for Child<T> {
    type Output = Option<T>;

    #[track_caller]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        Pin::new(&mut self.answer).poll(context).map(Result::ok)
    }
}

impl<E> Errors<E> {
    /// The errors, in the order in which they were made.
    pub fn into_vec(self) -> Vec<E> {
        self.0
    }
}

impl<E> Deref for Errors<E> {
    type Target = [E];

    fn deref(&self) -> &[E] {
        &self.0
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("children", &self.0.children.len()).finish()
    }
}

impl<E: fmt::Display> fmt::Display for Errors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "{} failed in a task group: {}", self.0.len(), texts.join("; "))
    }
}

impl<E: fmt::Debug + fmt::Display> Error for Errors<E> {}
