//! A function that can be suspended: PEP 342's generator.
//!
//! Stable Rust has no `yield`. It has `async`, whose compiler transform is the same: a
//! function becomes a state machine that can be left in the middle. So the body of a
//! generator is an async block that is polled by hand, with a waker that wakes nobody, and
//! the yielded value goes through a door at its side. (In Python, coroutines were made out
//! of generators. Here, generators are made out of coroutines.)
//!
//! A body may as well be a state machine written by hand: see [`Body`].

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use reactor::trace;

use crate::extras::depth::{self, Level};
use crate::extras::generator::let_go;
use crate::failure::{Failure, guard, report};

pub use crate::extras::errors::{
    AlreadyRunning, AlreadyStarted, Finished, ForeignAwait, GeneratorExit, IgnoredExit,
    NotStarted, RaisedFinished, SecondYield,
};
pub use crate::extras::generator::Iter;

/// A suspended function. It yields `Y`s, is sent `S`s, and returns an `R` in the end.
///
/// Dropping it closes it, as Python's `__del__` does.
///
/// ```
/// # use stage2_generators::coroutine::{Generator, State, Step};
/// let sum = Generator::new(|co| async move {
///     let mut total = 0;
///     loop {
///         match co.yield_(total).await {
///             Ok(sent) => total += sent,
///             Err(thrown) => return Ok(format!("{total}, for {thrown}")),
///         }
///     }
/// });
/// assert_eq!(sum.state(), State::Created);
/// assert_eq!(sum.start().unwrap(), Step::Yield(0));
/// assert_eq!(sum.resume(5).unwrap(), Step::Yield(5));
/// let last = sum.throw("it is late").unwrap();
/// assert_eq!(last, Step::Return("5, for it is late".to_owned()));
/// assert!(sum.resume(1).is_err(), "it is finished");
/// ```
pub struct Generator<Y: 'static, S: 'static, R: 'static> {
    state: Cell<State>,
    /// Gone once the generator is closed. Borrowed while it runs.
    body: RefCell<Option<AnyBody<Y, S, R>>>,
}

/// What runs when it is resumed.
enum AnyBody<Y, S, R> {
    Async(AsyncBody<Y, S, R>),
    ByHand(Box<dyn Body<Y, S, R>>),
}

/// Where a generator stands: `inspect.getgeneratorstate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its body has not begun.
    Created,
    /// Its body is running.
    Running,
    /// Its body stands at a yield.
    Suspended,
    /// Its body is gone.
    Closed,
}

/// What a resumed generator comes back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<Y, R> {
    /// It yielded, and can be resumed.
    Yield(Y),
    /// It returned, and cannot. Python's `StopIteration.value`: never an error here.
    #[doc(alias = "StopIteration")]
    Return(R),
}

/// A step, or the error that the body raised.
pub type Stepped<Y, R> = Result<Step<Y, R>, Failure>;

/// What a body is resumed with.
#[derive(Debug)]
pub enum Resume<S> {
    /// Begin.
    Start,
    /// This is the value of the yield you stand at.
    Send(S),
    /// This error is raised by the yield you stand at.
    Throw(Failure),
}

/// The body of a generator: a state machine that is told what its yield gives.
///
/// ```
/// # use stage2_generators::coroutine::{Body, Generator, Resume, Step, Stepped};
/// /// Yields 1, and returns what it is sent.
/// struct Once;
///
/// impl Body<i32, i32, i32> for Once {
///     fn resume(&mut self, with: Resume<i32>) -> Stepped<i32, i32> {
///         match with {
///             Resume::Start => Ok(Step::Yield(1)),
///             Resume::Send(value) => Ok(Step::Return(value)),
///             Resume::Throw(failure) => Err(failure),
///         }
///     }
/// }
///
/// let once = Generator::from_body(Once);
/// assert_eq!(once.start().unwrap(), Step::Yield(1));
/// assert_eq!(once.resume(7).unwrap(), Step::Return(7));
/// ```
pub trait Body<Y, S, R> {
    /// Runs to the next yield, or to the end.
    fn resume(&mut self, with: Resume<S>) -> Stepped<Y, R>;
}

impl<Y, S, R> Generator<Y, S, R> {
    /// A generator whose body is an async function. It yields through the door it is given;
    /// nothing of it runs before the first resume.
    pub fn new<F>(body: impl FnOnce(Co<Y, S>) -> F) -> Self
    where
        F: Future<Output = Result<R, Failure>> + 'static,
    {
        let door = Rc::new(Door::new());
        let future = Box::pin(body(Co(Rc::clone(&door))));
        Self::with(AnyBody::Async(AsyncBody { future, door }))
    }

    /// A generator whose body was written by hand.
    pub fn from_body(body: impl Body<Y, S, R> + 'static) -> Self {
        Self::with(AnyBody::ByHand(Box::new(body)))
    }

    fn with(body: AnyBody<Y, S, R>) -> Self {
        Self { state: Cell::new(State::Created), body: RefCell::new(Some(body)) }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// Runs to the first yield.
    ///
    /// # Errors
    ///
    /// [`AlreadyStarted`], [`TooDeep`](crate::extras::depth::TooDeep), or what the body raises.
    pub fn start(&self) -> Stepped<Y, R> {
        self.go(Resume::Start)
    }

    /// Goes on with `value` as the value of the yield.
    ///
    /// # Errors
    ///
    /// [`NotStarted`] if it stands at no yield yet, [`AlreadyRunning`], [`Finished`], or
    /// what the body raises.
    #[doc(alias = "send")]
    pub fn resume(&self, value: S) -> Stepped<Y, R> {
        self.go(Resume::Send(value))
    }

    /// Raises `failure` at the yield it stands at. A body that has not begun never will.
    ///
    /// # Errors
    ///
    /// `failure` itself unless the body handles it, or what the body raises instead.
    pub fn throw(&self, failure: impl Into<Failure>) -> Stepped<Y, R> {
        self.go(Resume::Throw(failure.into()))
    }

    /// Begins, or goes on with nothing in particular: `next()`, which is `send(None)`.
    ///
    /// ```
    /// use stage2_generators::{Generator, Step};
    ///
    /// let countdown = Generator::<u32, (), &str>::new(|co| async move {
    ///     for n in (1..=2).rev() {
    ///         co.yield_(n).await?;
    ///     }
    ///     Ok("lift off")
    /// });
    /// assert_eq!(countdown.next().unwrap(), Step::Yield(2));
    /// assert_eq!(countdown.next().unwrap(), Step::Yield(1));
    /// assert_eq!(countdown.next().unwrap(), Step::Return("lift off"));
    /// ```
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume).
    #[doc(alias = "__next__")]
    pub fn next(&self) -> Stepped<Y, R>
    where
        S: Default,
    {
        let fresh = self.state() == State::Created;
        self.go(if fresh { Resume::Start } else { Resume::Send(S::default()) })
    }

    /// Throws [`GeneratorExit`] into it and sees to it that it ends. Closing it again does
    /// nothing.
    ///
    /// ```
    /// use stage2_generators::coroutine::{Generator, GeneratorExit, IgnoredExit, State, Step};
    /// use std::{cell::Cell, rc::Rc};
    ///
    /// let cleaned_up = Rc::new(Cell::new(false));
    /// let theirs = Rc::clone(&cleaned_up);
    /// let endless = Generator::<_, (), ()>::new(|co| async move {
    ///     let mut n = 0;
    ///     loop {
    ///         if let Err(thrown) = co.yield_(n).await {
    ///             theirs.set(thrown.is::<GeneratorExit>()); // Python's `finally`
    ///             return Err(thrown);
    ///         }
    ///         n += 1;
    ///     }
    /// });
    /// assert_eq!(endless.next().unwrap(), Step::Yield(0));
    /// endless.close().unwrap();
    /// assert!(cleaned_up.get() && endless.state() == State::Closed);
    ///
    /// let stubborn = Generator::<_, (), ()>::new(|co| async move {
    ///     let _ = co.yield_("one").await; // to swallow the exit, and to yield
    ///     co.yield_("more").await
    /// });
    /// stubborn.start().unwrap();
    /// assert!(stubborn.close().unwrap_err().is::<IgnoredExit>());
    /// ```
    ///
    /// # Errors
    ///
    /// [`IgnoredExit`] if it yields instead, [`AlreadyRunning`], or another error that the
    /// body raises on its way out.
    pub fn close(&self) -> Result<(), Failure> {
        match self.throw(GeneratorExit) {
            Ok(Step::Yield(_)) => Err(IgnoredExit.into()),
            Ok(Step::Return(_)) => Ok(()),
            Err(failure) if failure.is::<GeneratorExit>() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Resumes the body: the one place where a generator runs.
    fn go(&self, with: Resume<S>) -> Stepped<Y, R> {
        match (self.state(), &with) {
            (State::Running, _) => return Err(AlreadyRunning.into()),
            (State::Closed, Resume::Throw(failure)) => return Err(failure.clone()),
            (State::Closed, _) => return Err(Finished.into()),
            (State::Created, Resume::Send(_)) => return Err(NotStarted.into()),
            (State::Created, Resume::Throw(failure)) => {
                self.finish();
                return Err(failure.clone());
            }
            (State::Suspended, Resume::Start) => return Err(AlreadyStarted.into()),
            (State::Created, Resume::Start) | (State::Suspended, _) => {}
        }
        let level = Level::enter()?;
        let _running = Running::of(self);
        let step = {
            let _call = (level, trace::deeper());
            match self.body.borrow_mut().as_mut() {
                Some(AnyBody::Async(body)) => body.resume(with),
                Some(AnyBody::ByHand(body)) => body.resume(with),
                None => unreachable!("it is neither running nor closed"),
            }
        };
        if let Ok(Step::Yield(_)) = step {
            self.state.set(State::Suspended);
            return step;
        }
        step.map_err(RaisedFinished::instead)
    }

    /// Lets go of the body.
    fn finish(&self) {
        self.state.set(State::Closed);
        let_go("a generator", self.body.take());
    }

    /// Closes it where nobody hears of an error.
    fn end(&self) {
        if let Err(failure) = guard(|| self.close()).and_then(|closed| closed) {
            report(format_args!("Error while a generator was closed: {failure}"));
        }
        self.finish();
    }
}

/// A generator that runs. However that ends, by a return, an error or a panic, it is closed
/// then, unless somebody has said that it is suspended.
struct Running<'a, Y: 'static, S: 'static, R: 'static>(&'a Generator<Y, S, R>);

impl<'a, Y, S, R> Running<'a, Y, S, R> {
    fn of(generator: &'a Generator<Y, S, R>) -> Self {
        generator.state.set(State::Running);
        Self(generator)
    }
}

impl<Y, S, R> Drop for Running<'_, Y, S, R> {
    fn drop(&mut self) {
        if self.0.state() == State::Running {
            self.0.finish();
        }
    }
}

/// Dropped in the middle, it is closed. Its body may hold another generator, and so on: they
/// are closed one inside the other for as long as the stack allows.
impl<Y, S, R> Drop for Generator<Y, S, R> {
    fn drop(&mut self) {
        if let Some(body) = self.body.take() {
            let (state, body) = (self.state.clone(), RefCell::new(Some(body)));
            let left = Self { state, body };
            depth::flatten(move || left.end());
        }
    }
}

/// The body's end of the door.
pub struct Co<Y, S>(pub(crate) Rc<Door<Y, S>>);

/// Where the values pass between a body and whoever resumes it.
pub(crate) struct Door<Y, S> {
    /// Put there by a yield, taken by `AsyncBody::resume`.
    yielded: Cell<Option<Y>>,
    /// Put there by `AsyncBody::resume`, taken by the yield.
    sent: Cell<Option<Result<S, Failure>>>,
    /// The body stands at a yield, and could not answer a second one. Set and cleared by it.
    taken: Cell<bool>,
}

impl<Y, S> Door<Y, S> {
    fn new() -> Self {
        Self { yielded: Cell::new(None), sent: Cell::new(None), taken: Cell::new(false) }
    }
}

impl<Y, S> Co<Y, S> {
    /// Suspends the generator with `value`, until it is resumed: with a value, which is what
    /// this gives, or with an error, which `?` raises right here.
    #[doc(alias = "yield")]
    pub fn yield_(&self, value: Y) -> Yield<'_, Y, S> {
        Yield { door: &self.0, value: Some(value), stands: false }
    }
}

/// A generator that stands at a yield.
#[must_use = "a yield does nothing until it is awaited"]
pub struct Yield<'a, Y, S> {
    door: &'a Door<Y, S>,
    /// There until it is handed over, by the first poll.
    value: Option<Y>,
    /// It has handed its value over, and has no answer yet.
    stands: bool,
}

impl<Y, S> Unpin for Yield<'_, Y, S> {}

impl<Y, S> Future for Yield<'_, Y, S> {
    type Output = Result<S, Failure>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(value) = self.value.take() {
            if self.door.taken.replace(true) {
                return Poll::Ready(Err(SecondYield.into()));
            }
            self.stands = true;
            self.door.yielded.set(Some(value));
            let_go("a sent value", self.door.sent.take());
        }
        assert!(self.stands, "a yield was polled again after it had its answer");
        let Some(sent) = self.door.sent.take() else { return Poll::Pending };
        self.stands = false;
        self.door.taken.set(false);
        Poll::Ready(sent)
    }
}

/// Without an answer, it takes back what it has yielded, and leaves the door to the next one.
impl<Y, S> Drop for Yield<'_, Y, S> {
    fn drop(&mut self) {
        if self.stands {
            self.door.taken.set(false);
            let_go("a yielded value", self.door.yielded.take());
        }
    }
}

/// An async block behind a door.
struct AsyncBody<Y, S, R> {
    future: Pin<Box<dyn Future<Output = Result<R, Failure>>>>,
    door: Rc<Door<Y, S>>,
}

impl<Y, S, R> Body<Y, S, R> for AsyncBody<Y, S, R> {
    fn resume(&mut self, with: Resume<S>) -> Stepped<Y, R> {
        match with {
            Resume::Start => {}
            Resume::Send(value) => self.door.sent.set(Some(Ok(value))),
            Resume::Throw(failure) => self.door.sent.set(Some(Err(failure))),
        }
        match self.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result.map(Step::Return),
            Poll::Pending => match self.door.yielded.take() {
                Some(value) => Ok(Step::Yield(value)),
                None => Err(ForeignAwait.into()),
            },
        }
    }
}
