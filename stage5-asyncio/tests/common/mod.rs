//! What the tests of several files need.

#![allow(dead_code, reason = "no file needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::any::Any;
use std::cell::RefCell;
use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage5_asyncio::cancel::Manager;
use stage5_asyncio::time::sleep;
use stage5_asyncio::{EventLoop, get_running_loop, new_event_loop, run};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const FAR: Duration = Duration::from_hours(1);

/// What happened, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, what: impl Display) {
        self.0.borrow_mut().push(what.to_string());
    }

    /// What was said since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Runs under a virtual clock; gives the output, and how long it took.
pub(crate) fn story<T: 'static>(
    main: impl Future<Output = T> + 'static,
) -> (T, Duration) {
    let (output, took) = ending(main);
    (output.unwrap(), took)
}

/// The same, however it ends.
pub(crate) fn ending<T: 'static>(
    main: impl Future<Output = T> + 'static,
) -> (io::Result<T>, Duration) {
    let clock = Clockwork::new();
    let output = backend::scope(Rc::clone(&clock) as _, || run(main));
    (output, clock.elapsed())
}

/// A loop under a virtual clock.
pub(crate) fn virtual_loop() -> EventLoop {
    backend::scope(Clockwork::new(), || new_event_loop().unwrap())
}

/// Has everything that the running loop reports written down.
pub(crate) fn reports() -> Log {
    reports_of(&get_running_loop())
}

pub(crate) fn reports_of(event_loop: &EventLoop) -> Log {
    let log = Log::default();
    let said = log.clone();
    event_loop.set_exception_handler(move |_, context| said.say(&context.message));
    log
}

/// Suspends once.
pub(crate) async fn turn() {
    let mut woken = false;
    poll_fn(|context| {
        if std::mem::replace(&mut woken, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Suspends `n` times.
pub(crate) async fn turns(n: u32) {
    for _ in 0..n {
        turn().await;
    }
}

/// Polls once, with the waker of the task that runs.
pub(crate) async fn poll_once<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Calls `body`; gives what it panics with.
pub(crate) fn panic_of<R>(body: impl FnOnce() -> R) -> String {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(_) => "it did not panic".to_owned(),
        Err(panic) => text_of(&*panic),
    }
}

/// Awaits `future`; gives what it panics with.
pub(crate) async fn caught<F: IntoFuture>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future.into_future());
    poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(text_of(&*panic))),
        }
    })
    .await
}

pub(crate) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default()
}

/// Says its name as it is dropped.
pub(crate) struct Dropped(pub(crate) Log, pub(crate) &'static str);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.say(self.1);
    }
}

/// Something whose exit waits for a millisecond, and says how the body ended.
pub(crate) struct Room {
    pub(crate) log: Log,
    pub(crate) name: &'static str,
}

impl Manager for Room {
    type Error = &'static str;

    async fn enter(&mut self) -> Result<(), &'static str> {
        Ok(())
    }

    async fn exit(
        self,
        end: Option<Result<(), &&'static str>>,
    ) -> Result<(), &'static str> {
        sleep(MS).await;
        let how = match end {
            Some(Ok(())) => "well",
            Some(Err(_)) => "with an error",
            None => "not at all",
        };
        self.log.say(format_args!("{} left, its body ended {how}", self.name));
        Ok(())
    }
}
