//! Work in small steps, taken in turn, so that a long piece of it blocks nobody: Twisted's
//! `Cooperator`.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use super::line::Line;
use crate::deferred::{Deferred, Firer, Next, Outcome, fail, succeed};
use crate::event_loop::call_soon;
use crate::failure::{Failure, bury, guard};

/// Takes steps of many tasks, in every turn of the loop one of each. (Twisted's takes steps for
/// ten milliseconds; [`with_share`](Self::with_share) is for that.) Its clones are one
/// cooperator.
///
/// ```
/// use stage1_callbacks::extras::{clock::Clock, cooperator::Cooperator};
/// use std::{cell::RefCell, rc::Rc, time::Duration};
///
/// let (clock, cooperator) = (Clock::new(), Cooperator::new());
/// let said = Rc::new(RefCell::new(Vec::new()));
/// let count = |name| {
///     let said = Rc::clone(&said);
///     (1..=2).map(move |step| said.borrow_mut().push((name, step)))
/// };
/// let one = cooperator.cooperate(count("one"));
/// cooperator.cooperate(count("two"));
/// clock.advance(Duration::ZERO);
/// assert_eq!(*said.borrow(), [("one", 1), ("two", 1), ("one", 2), ("two", 2)]);
/// one.when_done().try_take().unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct Cooperator(Rc<Shared>);

struct Shared {
    /// Those that can go on, in the order in which they will.
    line: RefCell<Line<Rc<Task>>>,
    /// How many there are in the line.
    in_line: Cell<usize>,
    is_stopped: Cell<bool>,
    is_scheduled: Cell<bool>,
    /// Says when enough steps have been taken in a turn; `None`: one for each.
    share: Option<Share>,
}

type Share = Box<dyn Fn() -> Box<dyn FnMut() -> bool>>;

/// A task of a [`Cooperator`]. Dropping it changes nothing.
///
/// ```
/// use stage1_callbacks::extras::clock::Clock;
/// use stage1_callbacks::extras::cooperator::{Cooperator, TaskFinished};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// let clock = Clock::new();
/// let taken = Rc::new(Cell::new(0));
/// let count = Rc::clone(&taken);
/// let task = Cooperator::new().cooperate((0..3).map(move |n| count.set(n + 1)));
/// task.pause().unwrap();
/// clock.advance(Duration::ZERO); // lets everybody run who can
/// assert_eq!(taken.get(), 0);
///
/// task.resume().unwrap();
/// let done = task.when_done();
/// clock.advance(Duration::ZERO);
/// assert_eq!(taken.get(), 3);
/// assert!(done.try_take().unwrap().is_ok());
/// assert_eq!(task.stop(), Err(TaskFinished::Done)); // there is nothing left to stop
/// ```
#[derive(Clone)]
pub struct CooperativeTask {
    task: Rc<Task>,
    cooperator: Cooperator,
}

struct Task {
    /// Taken for the length of a step; gone once it has come to its end.
    work: Cell<Option<Box<dyn Iterator<Item = Next<()>>>>>,
    /// By those who asked, and one by a deferred that is waited for.
    pauses: Cell<usize>,
    /// Where it stands in line, if it does.
    place: Cell<Option<u64>>,
    end: RefCell<Option<(TaskFinished, Result<(), Failure>)>>,
    /// Fired at the end.
    waiting: RefCell<Vec<Firer<()>>>,
}

/// How a task came to its end: there is nothing to pause or to stop any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFinished {
    /// There were no more steps.
    #[doc(alias = "TaskDone")]
    Done,
    /// Somebody stopped it.
    #[doc(alias = "TaskStopped")]
    Stopped,
    /// A step failed.
    #[doc(alias = "TaskFailed")]
    Failed,
    /// Somebody stopped the cooperator, with all its tasks.
    SchedulerStopped,
}

/// A task that is not paused is resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotPaused;

impl Cooperator {
    /// A cooperator that takes one step of each task in a turn.
    pub fn new() -> Self {
        Self::of(None)
    }

    /// A cooperator that asks, at the beginning of each turn, for somebody who says after each
    /// step whether that is enough. It says so some time, or the turn never ends.
    #[doc(alias = "terminationPredicateFactory")]
    pub fn with_share<F: FnMut() -> bool + 'static>(
        share: impl Fn() -> F + 'static,
    ) -> Self {
        Self::of(Some(Box::new(move || Box::new(share()))))
    }

    fn of(share: Option<Share>) -> Self {
        let (line, in_line, is_stopped, is_scheduled) = Default::default();
        Self(Rc::new(Shared { line, in_line, is_stopped, is_scheduled, share }))
    }

    /// Takes the steps of `work`, one after the other, from the next turn on. A step that gives
    /// a deferred is over when that has fired; one that fails or panics ends the task.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[doc(alias = "coiterate")]
    pub fn cooperate<R: Outcome<Value = ()> + 'static>(
        &self,
        work: impl Iterator<Item = R> + 'static,
    ) -> CooperativeTask {
        let work: Box<dyn Iterator<Item = _>> = Box::new(work.map(Outcome::into_next));
        let task = Rc::new(Task {
            work: Cell::new(Some(work)),
            pauses: Cell::default(),
            place: Cell::default(),
            end: RefCell::default(),
            waiting: RefCell::default(),
        });
        let task = CooperativeTask { task, cooperator: self.clone() };
        task.join();
        task
    }

    /// Takes no more steps, and ends all that could go on; whoever comes or resumes later is
    /// ended at once.
    pub fn stop(&self) {
        self.0.is_stopped.set(true);
        while let Some(task) = self.next() {
            let failure = TaskFinished::SchedulerStopped.into();
            task.finish(TaskFinished::SchedulerStopped, Err(failure));
        }
    }

    /// Takes steps again after a [`stop`](Self::stop).
    pub fn start(&self) {
        self.0.is_stopped.set(false);
    }

    /// Whether it takes steps.
    pub fn running(&self) -> bool {
        !self.0.is_stopped.get()
    }

    fn next(&self) -> Option<CooperativeTask> {
        let task = self.0.line.borrow_mut().next()?;
        self.0.in_line.set(self.0.in_line.get() - 1);
        task.place.set(None);
        Some(CooperativeTask { task, cooperator: self.clone() })
    }

    fn schedule(&self) {
        if self.0.in_line.get() > 0 && !self.0.is_scheduled.replace(true) {
            let own = self.clone();
            call_soon(move || own.take_turn());
        }
    }

    fn take_turn(&self) {
        self.0.is_scheduled.set(false);
        let mut left = self.0.in_line.get();
        let mut is_enough = match &self.0.share {
            Some(share) => share(),
            None => Box::new(move || {
                left -= 1;
                left == 0
            }),
        };
        while let Some(task) = self.next() {
            task.step();
            if is_enough() {
                break;
            }
        }
        self.schedule();
    }
}

impl CooperativeTask {
    /// Fires when the task has come to its end: well when it is done, and else with what went
    /// wrong. As often as you ask.
    #[doc(alias = "whenDone")]
    #[track_caller]
    pub fn when_done(&self) -> Deferred<()> {
        match &*self.task.end.borrow() {
            Some((_, Ok(()))) => succeed(()),
            Some((_, Err(failure))) => fail(failure.clone()),
            None => {
                let (firer, deferred) = Deferred::new();
                self.task.waiting.borrow_mut().push(firer);
                deferred
            }
        }
    }

    /// Takes no more steps until it is resumed, as often as it was paused.
    ///
    /// # Errors
    ///
    /// [`TaskFinished`] if it has come to its end.
    pub fn pause(&self) -> Result<(), TaskFinished> {
        self.check_unfinished()?;
        self.task.pauses.set(self.task.pauses.get() + 1);
        self.leave();
        Ok(())
    }

    /// Takes one [`pause`](Self::pause) back.
    ///
    /// # Errors
    ///
    /// [`NotPaused`] if there is none.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    pub fn resume(&self) -> Result<(), NotPaused> {
        let pauses = self.task.pauses.get().checked_sub(1).ok_or(NotPaused)?;
        self.task.pauses.set(pauses);
        self.join();
        Ok(())
    }

    /// Ends it before it is done. What it waits for goes on.
    ///
    /// # Errors
    ///
    /// [`TaskFinished`] if it has come to its end.
    pub fn stop(&self) -> Result<(), TaskFinished> {
        self.check_unfinished()?;
        self.finish(TaskFinished::Stopped, Err(TaskFinished::Stopped.into()));
        Ok(())
    }

    fn check_unfinished(&self) -> Result<(), TaskFinished> {
        self.task.end.borrow().as_ref().map_or(Ok(()), |(end, _)| Err(*end))
    }

    /// Goes to the end of the line, unless something is against it.
    fn join(&self) {
        let (Self { task, cooperator }, is_finished) =
            (self, self.check_unfinished().is_err());
        if is_finished || task.pauses.get() > 0 || task.place.get().is_some() {
            return;
        }
        if !cooperator.running() {
            let failure = TaskFinished::SchedulerStopped.into();
            return self.finish(TaskFinished::SchedulerStopped, Err(failure));
        }
        let shared = &cooperator.0;
        task.place.set(Some(shared.line.borrow_mut().join(Rc::clone(task))));
        shared.in_line.set(shared.in_line.get() + 1);
        cooperator.schedule();
    }

    fn leave(&self) {
        let shared = &self.cooperator.0;
        if let Some(place) = self.task.place.take() {
            let left = shared.line.borrow_mut().leave(place);
            drop(left);
            shared.in_line.set(shared.in_line.get() - 1);
        }
    }

    fn step(self) {
        let mut work = self.task.work.take().expect("one step is over before the next");
        let step = guard(|| work.next());
        if self.check_unfinished().is_err() {
            bury([work]);
        } else {
            self.task.work.set(Some(work));
        }
        match step {
            Ok(Some(Next::Wait(deferred))) => self.wait_for(deferred),
            Ok(Some(Next::Done(result))) => self.go_on(result),
            Ok(None) => self.finish(TaskFinished::Done, Ok(())),
            Err(panic) => self.go_on(Err(panic)),
        }
    }

    fn wait_for(self, deferred: Deferred<()>) {
        match deferred.try_take() {
            Ok(result) => self.go_on(result),
            Err(deferred) => {
                self.task.pauses.set(self.task.pauses.get() + 1);
                drop(deferred.add_both(move |result| {
                    self.task.pauses.set(self.task.pauses.get() - 1);
                    self.go_on(result);
                }));
            }
        }
    }

    fn go_on(&self, result: Result<(), Failure>) {
        match result {
            Ok(()) => self.join(),
            Err(failure) => self.finish(TaskFinished::Failed, Err(failure)),
        }
    }

    /// Comes to its end, if it has not.
    fn finish(&self, end: TaskFinished, result: Result<(), Failure>) {
        if self.check_unfinished().is_err() {
            return;
        }
        self.task.end.replace(Some((end, result.clone())));
        self.leave();
        bury(self.task.work.take());
        for firer in self.task.waiting.take() {
            // Whoever was cancelled meanwhile does not mind.
            let _ = firer.fire(result.clone());
        }
    }
}

impl Default for Cooperator {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Cooperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Cooperator");
        f.field("in_line", &self.0.in_line.get()).finish_non_exhaustive()
    }
}

impl fmt::Debug for CooperativeTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("CooperativeTask");
        f.field("finished", &self.check_unfinished().err()).finish_non_exhaustive()
    }
}

impl fmt::Display for TaskFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "the task is done",
            Self::Stopped => "the task was stopped",
            Self::Failed => "the task has failed",
            Self::SchedulerStopped => "the cooperator was stopped",
        })
    }
}

impl fmt::Display for NotPaused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task is not paused")
    }
}

impl Error for TaskFinished {}
impl Error for NotPaused {}
