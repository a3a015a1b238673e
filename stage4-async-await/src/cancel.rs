//! To cancel is to drop; what must still be awaited is left behind for the task.
//!
//! A drop cannot await. So the exit of a [`with`] that is dropped half way goes to a list,
//! and whoever drops the future, or polls what drops it (its task, or a
//! [`timeout`](crate::time::timeout)), picks it up and awaits it, inner exits before outer
//! ones, before it counts as finished itself.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use pin_project_lite::pin_project;

use crate::extras::report::{bury, guard, report, report_panic};
use crate::task::{End, JoinHandle, Step, Task};

pub use crate::extras::handle::Cancelling;
pub use crate::extras::with::{Manager, with};

pub(crate) type Exit<T = ()> = Pin<Box<dyn Future<Output = T>>>;

thread_local! {
    /// Filled by dropped `with`s, inner ones first; emptied by `Exits::left_by`.
    static LEFT_BEHIND: RefCell<Vec<Exit>> = const { RefCell::new(Vec::new()) };

    /// How many calls of `left_by` are under way: without any, nobody picks up what is left.
    static PICKING_UP: Cell<usize> = const { Cell::new(0) };
}

/// Why a task has to stop: it is cancelled, or else it is to end in this panic.
pub(crate) type Stop = thread::Result<()>;

impl<T: 'static> JoinHandle<T> {
    /// Cancels the task: its future is dropped at its next step, which is soon, whether the
    /// returned future is awaited or not. Await it to wait for the exits that are left; it
    /// gives the output if the task was faster.
    #[track_caller]
    pub fn cancel(self) -> Cancelling<T> {
        self.0.stop(Ok(()));
        Cancelling(self)
    }
}

impl<B: Step + ?Sized> Task<B> {
    /// Has the future dropped by the next step, which is soon. The first to say why is heard.
    #[track_caller]
    pub(crate) fn stop(&self, why: Stop) {
        let first = self.known.must_stop.take();
        self.known.must_stop.set(first.or_else(|| Some(Box::new(why))));
        if !self.known.is_finished.get() {
            self.known.wake();
        }
    }
}

pin_project! {
    /// A future that can be dropped half way, in its place: then it leaves exits behind, and
    /// has ended when they have.
    pub(crate) struct Cancellable<F: Future> {
        #[pin]
        stage: Stage<F>,
        exits: Exits,
    }
}

pin_project! {
    #[project = Staged]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        // How it ended, until that is told.
        Leaving { end: Option<End<F::Output>> },
    }
}

impl<F: Future> Cancellable<F> {
    pub(crate) fn new(future: F) -> Self {
        Self { stage: Stage::Running { future }, exits: Exits::default() }
    }

    /// Drops the future, if it is there, and keeps what it leaves behind.
    pub(crate) fn end(mut self: Pin<&mut Self>, how: End<F::Output>) {
        match self.as_mut().project().stage.project() {
            Staged::Running { .. } => self.leave(how),
            Staged::Leaving { .. } => bury(how),
        }
    }

    /// The same. If a destructor panics, that is how it ended.
    fn leave(self: Pin<&mut Self>, how: End<F::Output>) {
        let mut this = self.project();
        let nothing = Stage::Leaving { end: None };
        let dropped = this.exits.left_by(|| this.stage.set(nothing));
        this.stage.set(Stage::Leaving { end: Some(dropped.and(how)) });
    }
}

impl<F: Future> Future for Cancellable<F> {
    type Output = End<F::Output>;

    /// Polls the future until it ends or panics; then the exits that are left.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.as_mut().project();
        match this.exits.left_by(|| this.stage.as_mut().poll(context)) {
            Ok(Poll::Ready(())) => {}
            Ok(Poll::Pending) => {
                // A part of it may have been dropped: a select's loser.
                let _ = this.exits.poll(context);
                return Poll::Pending;
            }
            Err(panic) => self.as_mut().leave(Err(panic)),
        }
        let this = self.project();
        ready!(this.exits.poll(context));
        let Staged::Leaving { end } = this.stage.project() else {
            unreachable!("it has ended, and leaves");
        };
        Poll::Ready(end.take().expect("a future is not polled after it finished"))
    }
}

impl<F: Future> Stage<F> {
    /// Polls the future, and drops it where it stands when it has ended.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if let Staged::Running { future } = self.as_mut().project() {
            let output = ready!(future.poll(context));
            self.set(Self::Leaving { end: Some(Ok(Some(output))) });
        }
        Poll::Ready(())
    }
}

/// Leaves an exit for whoever has the drop done that is under way.
pub(crate) fn leave_behind(exit: Exit) {
    if PICKING_UP.get() > 0 {
        LEFT_BEHIND.with_borrow_mut(|left| left.push(exit));
    } else {
        report("An exit was left behind where nobody awaits it: outside of every task");
        bury(exit);
    }
}

/// Exits that are still to be awaited, in the order in which they were left. There are none for
/// most, and so it is no more than a pointer.
#[derive(Default)]
#[expect(clippy::box_collection, reason = "every task has one, and few use it")]
pub(crate) struct Exits(Option<Box<VecDeque<Exit>>>);

impl Exits {
    /// Calls `body`, and picks up what it leaves behind. Gives what it panicked with.
    pub(crate) fn left_by<R>(&mut self, body: impl FnOnce() -> R) -> thread::Result<R> {
        LEFT_BEHIND.with(|left| {
            let before = left.borrow().len();
            PICKING_UP.set(PICKING_UP.get() + 1);
            let result = guard(body);
            PICKING_UP.set(PICKING_UP.get() - 1);
            if left.borrow().len() > before {
                let left = left.borrow_mut().split_off(before);
                self.0.get_or_insert_default().extend(left);
            }
            result
        })
    }

    /// Awaits them one after the other, and what they leave behind themselves.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(mut first) = self.pop() {
            let polled = self.left_by(|| first.as_mut().poll(context));
            if let Ok(Poll::Pending) = polled {
                self.0.get_or_insert_default().push_front(first);
                return Poll::Pending;
            }
            // One that panics has ended, and the others go on.
            if let Err(panic) = polled.and_then(|_| self.left_by(|| drop(first))) {
                report_panic("An exit panicked", &*panic);
            }
        }
        Poll::Ready(())
    }

    fn pop(&mut self) -> Option<Exit> {
        self.0.as_mut()?.pop_front()
    }
}

impl Drop for Exits {
    /// The rest is for whoever is further out.
    fn drop(&mut self) {
        while let Some(exit) = self.pop() {
            leave_behind(exit);
        }
    }
}
