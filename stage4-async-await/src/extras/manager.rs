//! All of `async with`: an exit that may also swallow the body's error, and an error of the exit
//! that keeps the body's as its context.
//!
//! [`with`] is what most programs need. Its exit hears of the body's error, and the error goes
//! on. Here the exit decides.

use std::error::Error;
use std::fmt;

use crate::cancel::{Manager, with};

/// Something to enter and to leave, whose exit decides what becomes of the body's error.
#[doc(alias("__aenter__", "__aexit__", "AbstractAsyncContextManager"))]
#[expect(async_fn_in_trait, reason = "one thread: nothing here has to be Send")]
pub trait AsyncManager: 'static {
    /// Why the body or the exit failed.
    type Error: fmt::Debug + 'static;

    /// Runs before the body. If it fails, neither the body nor the exit runs.
    async fn enter(&mut self) -> Result<(), Self::Error>;

    /// Runs after the body, and is told how that ended: well, with an error, or not at all
    /// (`None`: it was cancelled, or it panicked).
    async fn exit(self, end: Option<Result<(), &Self::Error>>) -> Exit<Self::Error>;
}

/// What an exit makes of the body's error. An error of its own is raised in its place.
pub type Exit<E> = Result<Verdict, E>;

/// What becomes of the error that an exit has seen: the truth of what `__aexit__` returns. After
/// a body that ended well it makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on: a false return, as that of a function which ends without one.
    GoesOn,
    /// It ends here: a true return.
    Swallowed,
}

/// An error that was raised, and the one that was under way then: Python's `__context__`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised<E> {
    /// What was raised last.
    pub error: E,
    /// The body's, if it was the exit that raised another.
    pub context: Option<E>,
}

/// Runs `body` between the manager's enter and exit. Gives the body's output; `None` if it
/// failed and the exit swallowed that.
///
/// ```
/// use stage4_async_await::extras::manager::{AsyncManager, Exit, Verdict, async_with};
/// use stage4_async_await::run;
/// use std::io;
///
/// /// `contextlib.suppress(FileNotFoundError)`
/// struct Suppress;
///
/// impl AsyncManager for Suppress {
///     type Error = io::Error;
///
///     async fn enter(&mut self) -> io::Result<()> {
///         Ok(())
///     }
///
///     async fn exit(self, end: Option<Result<(), &io::Error>>) -> Exit<io::Error> {
///         match end {
///             Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
///                 Ok(Verdict::Swallowed)
///             }
///             _ => Ok(Verdict::GoesOn),
///         }
///     }
/// }
///
/// # fn main() -> io::Result<()> {
/// let text = run(async_with(Suppress, async |_| std::fs::read_to_string("/no/such/file")))?;
/// assert_eq!(text.unwrap(), None);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// The enter's, the body's unless it is swallowed, or the exit's, with the body's as context.
#[doc(alias = "async with")]
pub async fn async_with<M: AsyncManager, T: 'static>(
    manager: M,
    body: impl AsyncFnOnce(&mut M) -> Result<T, M::Error>,
) -> Result<Option<T>, Raised<M::Error>> {
    let around = Around { manager, failed: None };
    with(around, async |around| match body(&mut around.manager).await {
        Ok(output) => Ok(Some(output)),
        Err(error) => {
            around.failed = Some(error);
            Ok(None)
        }
    })
    .await
}

/// A manager as `with` knows them. To that, a body never fails: its error is kept here, where the
/// exit can drop it.
struct Around<M: AsyncManager> {
    manager: M,
    failed: Option<M::Error>,
}

impl<M: AsyncManager> Manager for Around<M> {
    type Error = Raised<M::Error>;

    async fn enter(&mut self) -> Result<(), Raised<M::Error>> {
        self.manager.enter().await.map_err(Raised::from)
    }

    async fn exit(
        self,
        end: Option<Result<(), &Raised<M::Error>>>,
    ) -> Result<(), Raised<M::Error>> {
        let Self { manager, failed } = self;
        let end = end.map(|_| failed.as_ref().map_or(Ok(()), Err));
        match (manager.exit(end).await, failed) {
            (Err(error), context) => Err(Raised { error, context }),
            (Ok(Verdict::GoesOn), Some(error)) => Err(error.into()),
            (Ok(_), _) => Ok(()),
        }
    }
}

impl<E> From<E> for Raised<E> {
    fn from(error: E) -> Self {
        Self { error, context: None }
    }
}

impl<E: fmt::Display> fmt::Display for Raised<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Its source is the context, or else that of the error itself.
impl<E: Error + 'static> Error for Raised<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.context {
            Some(context) => Some(context),
            None => self.error.source(),
        }
    }
}
