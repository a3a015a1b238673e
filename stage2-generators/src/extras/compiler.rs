//! The compiler's own coroutine as the body of a generator: `yield`, and no door.
//!
//! Stable Rust has no `yield`, so this takes the feature `coroutines`, and a compiler that
//! lets what is not stable pass: a nightly, or one that is told to by `RUSTC_BOOTSTRAP=1`.
//! Nothing else needs it; `cargo xtask substrates` tests it.

use std::ops::{Coroutine, CoroutineState};
use std::pin::Pin;

use crate::coroutine::{Body, Generator, Resume, Step, Stepped};
use crate::failure::Failure;

impl<Y: 'static, S: 'static, R: 'static> Generator<Y, S, R> {
    /// A generator whose body the compiler has turned into a state machine. The body is given
    /// [`Resume::Start`] as its argument, and then each `yield` gives what it is resumed with.
    ///
    /// ```
    /// #![feature(coroutines, stmt_expr_attributes)]
    /// use stage2_generators::coroutine::{Generator, Resume, Step};
    ///
    /// let sum = Generator::from_coroutine(
    ///     #[coroutine]
    ///     |_: Resume<i32>| {
    ///         let mut total = 0;
    ///         while total < 10 {
    ///             total += (yield total).sent()?;
    ///         }
    ///         Ok("enough")
    ///     },
    /// );
    /// assert_eq!(sum.start().unwrap(), Step::Yield(0));
    /// assert_eq!(sum.resume(4).unwrap(), Step::Yield(4));
    /// assert_eq!(sum.resume(6).unwrap(), Step::Return("enough"));
    /// ```
    pub fn from_coroutine(
        coroutine: impl Coroutine<Resume<S>, Yield = Y, Return = Result<R, Failure>> + 'static,
    ) -> Self {
        Self::from_body(Compiled(Box::pin(coroutine)))
    }
}

impl<S> Resume<S> {
    /// What a `yield` gives: the value that is sent, or the error that is thrown, for `?` to
    /// raise.
    ///
    /// # Panics
    ///
    /// Panics for [`Resume::Start`], which no `yield` ever gives.
    pub fn sent(self) -> Result<S, Failure> {
        match self {
            Self::Send(value) => Ok(value),
            Self::Throw(failure) => Err(failure),
            Self::Start => panic!("a generator starts once, and stands at no yield then"),
        }
    }
}

/// A coroutine of the compiler's. It stays where it is, for it may borrow from itself.
struct Compiled<C>(Pin<Box<C>>);

impl<Y, S, R, C> Body<Y, S, R> for Compiled<C>
where
    C: Coroutine<Resume<S>, Yield = Y, Return = Result<R, Failure>>,
{
    fn resume(&mut self, with: Resume<S>) -> Stepped<Y, R> {
        match self.0.as_mut().resume(with) {
            CoroutineState::Yielded(value) => Ok(Step::Yield(value)),
            CoroutineState::Complete(result) => result.map(Step::Return),
        }
    }
}
