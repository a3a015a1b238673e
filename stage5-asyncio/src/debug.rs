//! It hangs, now what? Debug mode, in which a loop says what it usually bears in silence.
//!
//! [`EventLoop::set_debug`] turns it on, or `LINEAGE_ASYNCIO_DEBUG=1` for every loop of a
//! process. What there is to say goes to the crate [`log`], as target `asyncio`, at the line of
//! the program that it is about; while no logger is installed, to standard error, as Python's
//! last resort does. [`testing`] makes failures of it.
//!
//! | what went wrong | when it is said |
//! |---|---|
//! | a callback, or a step of a task, kept the loop for longer than [`slow_callback_duration`] | in debug mode |
//! | something that has to be closed was dropped ([`Unclosed`]) | in debug mode |
//! | a [`Coroutine`] was dropped that nobody had awaited | in debug mode |
//! | an error that nobody heard of; a task that was destroyed before it was done | always; in debug mode, with the line that made it |
//! | a callback left, from another thread, with a loop that is closed | always |
//!
//! Two of asyncio's warnings are the compiler's here. *Called from the wrong thread*: a loop is
//! no `Send`, and the part of it that is takes callbacks from any thread.
//!
//! ```compile_fail,E0277
//! # let event_loop = stage5_asyncio::new_event_loop().unwrap();
//! std::thread::spawn(move || event_loop.call_soon(|| {}));
//! ```
//!
//! *Never awaited*: whatever `async fn` returns is `#[must_use]`, and so is what this crate has
//! to be awaited by hand: a call that is a statement is warned of. What the compiler does not
//! see, as `let _ = fetch();`, a [`Coroutine`] tells.
//!
//! From outside, [`tree`] shows who waits for whom, and [`serve`] shows that to another
//! terminal.
//!
//! [`slow_callback_duration`]: EventLoop::set_slow_callback_duration

#[cfg(unix)]
mod look;
mod queues;
#[cfg(unix)]
mod serve;
mod tally;
mod tree;
mod watch;

use std::cell::Cell;
use std::env;
use std::fmt;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::Duration;

use log::Level;
use pin_project_lite::pin_project;
use reactor::trace::Place;

use crate::event_loop::{EventLoop, try_current};
use crate::extras::report::tell;
use crate::testing;

#[cfg(unix)]
pub use look::{Connection, Question, programs};
pub use queues::QueueInfo;
pub(crate) use queues::{Length, Shown};
#[cfg(unix)]
pub(crate) use serve::serve_if_asked;
#[cfg(unix)]
pub use serve::{Serving, serve};
pub use tally::{Slowest, Tally};
pub(crate) use tree::{Plain, count};
pub use tree::{Process, State, TaskInfo, Tree, tree};
pub(crate) use watch::{Job, Watch, is_anyone_watching, names_of_loops, run_watched};

/// The environment variable that turns debug mode on, unless it is empty or `0`.
#[doc(alias = "PYTHONASYNCIODEBUG")]
pub const ENVIRONMENT: &str = "LINEAGE_ASYNCIO_DEBUG";

/// Debug mode.
impl EventLoop {
    /// Turns debug mode on, or off.
    pub fn set_debug(&self, on: bool) {
        self.0.watch.set_debug(on);
    }

    /// Whether it is on.
    pub fn get_debug(&self) -> bool {
        self.0.watch.is_debug()
    }

    /// How long a callback, or a step of a task, may keep the loop before debug mode says so:
    /// 100 ms, unless somebody has set it.
    pub fn slow_callback_duration(&self) -> Duration {
        self.0.watch.patience.get()
    }

    /// Sets it. It is measured by the loop's own clock.
    pub fn set_slow_callback_duration(&self, duration: Duration) {
        self.0.watch.patience.set(duration);
    }
}

/// Whether the environment, or a test, asks for debug mode.
pub(crate) fn is_asked_for() -> bool {
    static ASKED: OnceLock<bool> = OnceLock::new();
    let by_environment =
        || env::var_os(ENVIRONMENT).is_some_and(|it| !it.is_empty() && it != "0");
    testing::is_strict() || *ASKED.get_or_init(by_environment)
}

/// Whether the loop that runs here is in debug mode.
pub(crate) fn is_on() -> bool {
    is_anyone_watching() && try_current().is_some_and(|event_loop| event_loop.get_debug())
}

/// A place, as a compiler writes it.
pub(crate) struct At(pub(crate) Place);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0.file(), self.0.line())
    }
}

pin_project! {
    /// A coroutine that tells, in debug mode, if it is dropped before anybody has awaited it.
    ///
    /// ```
    /// use stage5_asyncio::{debug, run, testing};
    ///
    /// let (_, warnings) = testing::warnings(|| {
    ///     run(async {
    ///         let _ = debug::coroutine(async { 7 });
    ///     })
    /// });
    /// assert!(warnings[0].contains("was never awaited"));
    /// ```
    #[derive(Debug)]
    #[must_use = "coroutines do nothing unless they are awaited"]
    pub struct Coroutine<F> {
        unawaited: Told,
        #[pin]
        body: F,
    }
}

/// Watches over a coroutine, as debug mode's wrapper did in Python 3.4.
#[doc(alias = "CoroWrapper")]
#[track_caller]
pub fn coroutine<F: Future>(body: F) -> Coroutine<F> {
    Coroutine { unawaited: Told::new("A coroutine was never awaited: made"), body }
}

impl<F: Future> Future for Coroutine<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.unawaited.take_back();
        this.body.poll(context)
    }
}

/// For the owner of something that has to be closed, such as a transport: tells, in debug mode,
/// if it is dropped before [`closed`](Self::closed) was called. Off, it is a branch.
#[derive(Debug)]
#[doc(alias = "ResourceWarning")]
pub struct Unclosed(Told);

impl Unclosed {
    /// `what` was opened by whoever calls this.
    #[track_caller]
    pub fn new(what: &'static str) -> Self {
        Self::at(Place::here(), what)
    }

    /// The same, for a caller whose `place` is known already.
    pub(crate) fn at(place: Place, what: &'static str) -> Self {
        Self(Told::at(place, what))
    }

    /// It is closed, as it should be.
    pub fn closed(&self) {
        self.0.take_back();
    }
}

impl Drop for Unclosed {
    fn drop(&mut self) {
        if let Some((what, place)) = self.0.0.take() {
            let text = format_args!("{what} was never closed: opened at {}", At(place));
            tell(Level::Warn, Some(place), text);
        }
    }
}

/// Something to be told at the drop, unless it is taken back before. Empty when debug mode is
/// off.
#[derive(Debug)]
struct Told(Cell<Option<(&'static str, Place)>>);

impl Told {
    #[track_caller]
    fn new(what: &'static str) -> Self {
        Self::at(Place::here(), what)
    }

    fn at(place: Place, what: &'static str) -> Self {
        Self(Cell::new(is_on().then_some((what, place))))
    }

    fn take_back(&self) {
        self.0.set(None);
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some((what, place)) = self.0.take() {
            tell(Level::Warn, Some(place), format_args!("{what} at {}", At(place)));
        }
    }
}
