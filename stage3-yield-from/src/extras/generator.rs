//! What a generator has in common with an iterator, and what it looks like in a message.

use std::fmt;
use std::rc::Rc;

use crate::coroutine::{Co, Delegate, Generator, State, Step, Unsupported, Yield};
use crate::failure::{Failure, guard, report};

/// The yields of a generator.
pub struct Iter<'a, Y: 'static, S: 'static, R: 'static>(&'a Generator<Y, S, R>);

impl<Y, S, R> Generator<Y, S, R> {
    /// The type of its body: what comes nearest to a function's name.
    #[doc(alias = "__qualname__")]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The same generator under the name of another type.
    #[must_use]
    pub(crate) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Its yields, one after the other: a `for` loop does not see what it returns.
    ///
    /// ```
    /// # use stage3_yield_from::coroutine::Generator;
    /// let countdown = Generator::<i32, (), &str>::new(|co| async move {
    ///     for n in (1..=3).rev() {
    ///         co.yield_(n).await?;
    ///     }
    ///     Ok("lift-off")
    /// });
    /// let all: Vec<_> = countdown.yields().map(Result::unwrap).collect();
    /// assert_eq!(all, [3, 2, 1]);
    /// ```
    pub fn yields(&self) -> Iter<'_, Y, S, R> {
        Iter(self)
    }
}

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

/// Over anything that iterates there is nothing to send to: only `next` is passed on.
impl<Y, S, I: IntoIterator<Item = Y>> Delegate<Y, S> for I {
    type Return = ();

    async fn delegate(self, co: &Co<Y, S>) -> Result<(), Failure> {
        for item in self {
            co.yield_(item).await?;
            if !co.0.is_nothing.get() {
                return Err(Unsupported.into());
            }
        }
        Ok(())
    }
}

impl<Y, S> Clone for Co<Y, S> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<Y, S, R> fmt::Debug for Iter<'_, Y, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
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

/// Drops what belongs to the user, if there is anything. What goes wrong there is reported, never thrown at whoever
/// happens to drop it.
#[inline]
pub(crate) fn let_go<T>(what: &str, left: Option<T>) {
    if let Some(one) = left {
        drop_guarded(what, one);
    }
}

/// Seldom called: mostly there is nothing left.
#[inline(never)]
fn drop_guarded<T>(what: &str, one: T) {
    if let Err(panic) = guard(|| drop(one)) {
        report(format_args!("Error while {what} was dropped: {panic}"));
    }
}
