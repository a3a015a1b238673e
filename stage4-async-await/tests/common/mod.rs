//! What the tests of several files need.

#![allow(dead_code, reason = "no file needs all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use reactor::backend::{self, Clockwork};
use stage4_async_await::cancel::Manager;
use stage4_async_await::extras::report::on_report;
use stage4_async_await::run;
use stage4_async_await::time::sleep;

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const FAR: Duration = Duration::from_hours(1);

pub(crate) type Log = Rc<RefCell<Vec<String>>>;

pub(crate) fn say(log: &Log, what: &str) {
    log.borrow_mut().push(what.to_owned());
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

/// For a test that hangs if it fails.
pub(crate) fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || drop(done.send(body())));
    match wait.recv_timeout(Duration::from_mins(1)) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it takes more than a minute"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().unwrap_err())
        }
    }
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

/// Polls once, with the waker of the task that runs.
pub(crate) async fn poll_once<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// Awaits `future`; gives what it panics with.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(text_of(&*panic))),
        }
    })
    .await
}

pub(crate) fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref().cloned()).unwrap_or_default()
}

/// Polls `future` with another waker at each poll: one that passes the wake on, and that does
/// not `will_wake` what any other does.
pub(crate) async fn with_fresh_wakers<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let fresh = Waker::from(Arc::new(PassOn(context.waker().clone())));
        future.as_mut().poll(&mut Context::from_waker(&fresh))
    })
    .await
}

struct PassOn(Waker);

impl Wake for PassOn {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// Everything that is reported on this thread from now on.
pub(crate) fn reports() -> Log {
    let log = Log::default();
    let said = Rc::clone(&log);
    on_report(move |text| said.borrow_mut().push(text.to_owned()));
    log
}

/// Says its name as it is dropped.
pub(crate) struct Finally(pub(crate) Log, pub(crate) &'static str);

impl Drop for Finally {
    fn drop(&mut self) {
        say(&self.0, self.1);
    }
}

/// Panics as it is dropped, unless the thread does already.
pub(crate) struct Bomb(pub(crate) &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "{}", self.0);
    }
}

/// Something whose exit waits for a millisecond, says its name and how the body ended, and
/// ends as it is told to.
pub(crate) struct Scope {
    pub(crate) log: Log,
    pub(crate) name: &'static str,
    pub(crate) end: Result<(), &'static str>,
}

pub(crate) fn scope(log: &Log, name: &'static str) -> Scope {
    Scope { log: Rc::clone(log), name, end: Ok(()) }
}

pub(crate) fn failing(log: &Log, name: &'static str) -> Scope {
    Scope { end: Err(name), ..scope(log, name) }
}

impl Manager for Scope {
    type Error = &'static str;

    async fn enter(&mut self) -> Result<(), &'static str> {
        Ok(())
    }

    async fn exit(
        self,
        end: Option<Result<(), &&'static str>>,
    ) -> Result<(), &'static str> {
        say(&self.log, &format!("{} begins to leave", self.name));
        sleep(MS).await;
        let how = match end {
            Some(Ok(())) => "well",
            Some(Err(_)) => "with an error",
            None => "not at all",
        };
        say(&self.log, &format!("{} left, its body ended {how}", self.name));
        self.end
    }
}

/// A body that does not end by itself.
pub(crate) async fn never() -> Result<(), &'static str> {
    std::future::pending().await
}
