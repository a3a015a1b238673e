//! A function that can be suspended, and that can call another one: PEP 342's generator, and
//! PEP 380's `yield from`.
//!
//! Stable Rust has no `yield`. It has `async`, whose compiler transform is the same: a
//! function becomes a state machine that can be left in the middle. So the body of a
//! generator is an async block that is polled by hand, with a waker that wakes nobody, and
//! the yielded value goes through a door at its side. (In Python, coroutines were made out
//! of generators. Here, generators are made out of coroutines.)
//!
//! A body may as well be a state machine written by hand: see [`Body`].

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::thread;

use reactor::trace;

use crate::failure::{Failure, guard, report};

/// A suspended function. It yields `Y`s, is sent `S`s, and returns an `R` in the end.
///
/// Dropping it closes it, as Python's `__del__` does.
pub struct Generator<Y, S, R> {
    state: Cell<State>,
    /// The type of its body, by which a recording knows it.
    name: &'static str,
    /// Gone once the generator is closed. Borrowed while it runs.
    body: RefCell<Option<AnyBody<Y, S, R>>>,
}

type AnyBody<Y, S, R> = Box<dyn Body<Y, S, R>>;

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
pub trait Body<Y, S, R> {
    /// Runs to the next yield, or to the end.
    fn resume(&mut self, with: Resume<S>) -> Stepped<Y, R>;
}

impl<Y: 'static, S: 'static, R: 'static> Generator<Y, S, R> {
    /// A generator whose body is an async function. It yields through the door it is given;
    /// nothing of it runs before the first resume.
    pub fn new<F>(body: impl FnOnce(Co<Y, S>) -> F) -> Self
    where
        F: Future<Output = Result<R, Failure>> + 'static,
    {
        let door = Rc::new(Door { yielded: Cell::new(None), sent: Cell::new(None) });
        let future = Box::pin(body(Co(Rc::clone(&door))));
        Self::with(type_name::<F>(), Box::new(AsyncBody { future, door }))
    }

    /// A generator whose body was written by hand.
    pub fn from_body<B: Body<Y, S, R> + 'static>(body: B) -> Self {
        Self::with(type_name::<B>(), Box::new(body))
    }

    /// The same generator under the name of another type.
    #[must_use]
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    fn with(name: &'static str, body: AnyBody<Y, S, R>) -> Self {
        Self { state: Cell::new(State::Created), name, body: RefCell::new(Some(body)) }
    }
}

impl<Y, S, R> Generator<Y, S, R> {
    /// Where it stands.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// The type of its body: what comes nearest to a function's name.
    #[doc(alias = "__qualname__")]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs to the first yield.
    ///
    /// # Errors
    ///
    /// [`AlreadyStarted`], or what the body raises.
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
    /// # Errors
    ///
    /// [`IgnoredExit`] if it yields instead, [`AlreadyRunning`], or another error that the
    /// body raises on its way out.
    pub fn close(&self) -> Result<(), Failure> {
        match self.state() {
            State::Running => return Err(AlreadyRunning.into()),
            State::Closed => return Ok(()),
            State::Created => {
                self.finish();
                return Ok(());
            }
            State::Suspended => {}
        }
        match self.throw(GeneratorExit) {
            Ok(Step::Yield(_)) => Err(IgnoredExit.into()),
            Ok(Step::Return(_)) => Ok(()),
            Err(failure) if failure.is::<GeneratorExit>() => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Its yields, one after the other: a `for` loop does not see what it returns.
    pub fn yields(&self) -> Iter<'_, Y, S, R> {
        Iter(self)
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
        let running = Running::of(self);
        let step = {
            let _call = trace::deeper();
            let mut body = self.body.borrow_mut();
            body.as_mut().expect("it is neither running nor closed").resume(with)
        };
        if let Ok(Step::Yield(_)) = step {
            running.suspend();
            return step;
        }
        drop(running);
        step.map_err(|failure| {
            if failure.is::<Finished>() {
                RaisedFinished(failure).into()
            } else {
                failure
            }
        })
    }

    fn finish(&self) {
        self.state.set(State::Closed);
        let body = self.body.take();
        drop(body);
    }
}

/// A generator that runs. However that ends, by a return, an error or a panic, it is closed
/// then, unless it is suspended.
struct Running<'a, Y, S, R>(Option<&'a Generator<Y, S, R>>);

impl<'a, Y, S, R> Running<'a, Y, S, R> {
    fn of(generator: &'a Generator<Y, S, R>) -> Self {
        generator.state.set(State::Running);
        Self(Some(generator))
    }

    fn suspend(mut self) {
        let generator = self.0.take().expect("only the drop takes it besides");
        generator.state.set(State::Suspended);
    }
}

impl<Y, S, R> Drop for Running<'_, Y, S, R> {
    fn drop(&mut self) {
        if let Some(generator) = self.0 {
            generator.finish();
        }
    }
}

/// What goes wrong here is reported, never thrown at the dropper.
impl<Y, S, R> Drop for Generator<Y, S, R> {
    fn drop(&mut self) {
        if self.state() != State::Suspended || thread::panicking() {
            return;
        }
        if let Err(failure) = guard(|| self.close()).and_then(|closed| closed) {
            report(format_args!("Error while a generator was closed: {failure}"));
        }
    }
}

/// The body's end of the door.
pub struct Co<Y, S>(Rc<Door<Y, S>>);

/// Where the values pass between a body and whoever resumes it.
struct Door<Y, S> {
    /// Put there by a yield, taken by `AsyncBody::resume`.
    yielded: Cell<Option<Y>>,
    /// Put there by `AsyncBody::resume`, taken by the yield.
    sent: Cell<Option<Result<S, Failure>>>,
}

impl<Y, S> Co<Y, S> {
    /// Suspends the generator with `value`, until it is resumed: with a value, which is what
    /// this gives, or with an error, which `?` raises right here.
    #[doc(alias = "yield")]
    pub fn yield_(&self, value: Y) -> Yield<'_, Y, S> {
        Yield { door: &self.0, value: Some(value) }
    }
}

impl<Y, S> Co<Y, S> {
    /// Hands over to `inner` until it returns: what it yields is yielded, what is sent or
    /// thrown goes to it, and what it returns is what this gives.
    ///
    /// M4.17: what can be neither resumed nor iterated is refused by its type.
    /// ```compile_fail,E0277
    /// # use stage3_yield_from::coroutine::Generator;
    /// let five: Generator<i32, (), ()> =
    ///     Generator::new(|co| async move { co.yield_from(5).await });
    /// ```
    /// ```
    /// # use stage3_yield_from::coroutine::Generator;
    /// let five: Generator<i32, (), ()> =
    ///     Generator::new(|co| async move { co.yield_from([5]).await });
    /// ```
    ///
    /// # Errors
    ///
    /// What `inner` raises.
    #[doc(alias = "yield from")]
    pub async fn yield_from<D: Delegate<Y, S>>(
        &self,
        inner: D,
    ) -> Result<D::Return, Failure> {
        inner.delegate(self).await
    }
}

/// What a generator can hand over to.
pub trait Delegate<Y, S> {
    /// What it returns in the end.
    type Return;
    /// Yields all it has through `co`.
    fn delegate(
        self,
        co: &Co<Y, S>,
    ) -> impl Future<Output = Result<Self::Return, Failure>>;
}

/// The formal expansion of `RESULT = yield from EXPR` in PEP 380, over a generator object.
impl<Y, S: Default, R> Delegate<Y, S> for &Generator<Y, S, R> {
    type Return = R;

    async fn delegate(self, co: &Co<Y, S>) -> Result<R, Failure> {
        let mut step = self.next()?;
        loop {
            step = match step {
                Step::Return(value) => return Ok(value),
                Step::Yield(value) => match co.yield_(value).await {
                    Ok(sent) => self.resume(sent)?,
                    Err(exit) if exit.is::<GeneratorExit>() => {
                        self.close()?;
                        return Err(exit);
                    }
                    Err(thrown) => self.throw(thrown)?,
                },
            };
        }
    }
}

/// Over anything that iterates there is nothing to send to: only `next` is passed on.
impl<Y, S: Default + PartialEq, I: IntoIterator<Item = Y>> Delegate<Y, S> for I {
    type Return = ();

    async fn delegate(self, co: &Co<Y, S>) -> Result<(), Failure> {
        for item in self {
            if co.yield_(item).await? != S::default() {
                return Err(Unsupported.into());
            }
        }
        Ok(())
    }
}

/// A generator that stands at a yield.
#[must_use = "a yield does nothing until it is awaited"]
pub struct Yield<'a, Y, S> {
    door: &'a Door<Y, S>,
    /// There until it is handed over, by the first poll.
    value: Option<Y>,
}

impl<Y, S> Unpin for Yield<'_, Y, S> {}

impl<Y, S> Future for Yield<'_, Y, S> {
    type Output = Result<S, Failure>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.value.take() {
            Some(value) => {
                self.door.yielded.set(Some(value));
                Poll::Pending
            }
            None => Poll::Ready(
                self.door.sent.take().expect("a body is resumed with something"),
            ),
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

/// The yields of a generator.
pub struct Iter<'a, Y, S, R>(&'a Generator<Y, S, R>);

impl<Y, S: Default, R> Iterator for Iter<'_, Y, S, R> {
    type Item = Result<Y, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.state() == State::Closed {
            return None;
        }
        match self.0.next() {
            Ok(Step::Yield(value)) => Some(Ok(value)),
            Ok(Step::Return(_)) => None,
            Err(failure) => Some(Err(failure)),
        }
    }
}

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name;

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($text)
            }
        }

        impl std::error::Error for $name {}
    )*};
}
pub(crate) use errors;

errors! {
    /// A value was sent to a generator that stands at no yield.
    NotStarted: "can't send a value to a generator that has just been created",
    /// A generator was started twice.
    AlreadyStarted: "the generator has already started",
    /// A generator was resumed from within itself.
    AlreadyRunning: "the generator is already executing",
    /// A generator was resumed after its end.
    Finished: "the generator is finished",
    /// What `close` raises in a body: everything that cleans up gets to see it.
    GeneratorExit: "the generator was closed",
    /// A body yielded although it was closed.
    IgnoredExit: "the generator ignored GeneratorExit",
    /// A value was sent to a plain iterator, which cannot take one.
    Unsupported: "an iterator has no `send`",
    /// A body awaited something other than its yield: nobody here could ever wake it.
    ForeignAwait: "a generator may only await its own yields: nobody would wake it again",
}

/// A body let another generator's [`Finished`] escape. "Finished" is an answer, not an error
/// that may end somebody else (PEP 479).
#[derive(Debug)]
pub struct RaisedFinished(Failure);

impl fmt::Display for RaisedFinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the generator raised Finished")
    }
}

impl Error for RaisedFinished {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.0.error())
    }
}

impl<Y, S> Clone for Co<Y, S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<Y, S, R> fmt::Debug for Generator<Y, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator").field("state", &self.state()).finish()
    }
}

impl<Y, S> fmt::Debug for Co<Y, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Co").finish_non_exhaustive()
    }
}

impl<Y, S> fmt::Debug for Yield<'_, Y, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yield").finish_non_exhaustive()
    }
}

impl<Y, S, R> fmt::Debug for Iter<'_, Y, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
    }
}
