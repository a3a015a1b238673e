//! What the tests of greenlets share: a log, a guard, a virtual clock, and a deadline.

#![allow(dead_code, reason = "no test uses all of it")]

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use interlude_greenlets::failure::on_report;
use interlude_greenlets::run;
use reactor::backend::{self, Clockwork};

/// Lines that greenlets and guards write to.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn say(&self, text: impl fmt::Display) {
        self.0.borrow_mut().push(text.to_string());
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    /// What is reported on this thread from now on.
    pub(crate) fn of_reports() -> Self {
        let log = Self::default();
        let hook = log.clone();
        on_report(move |text| hook.say(text));
        log
    }
}

/// What Python writes in a `finally`.
pub(crate) struct Finally<F: FnMut()>(pub(crate) F);

impl<F: FnMut()> Drop for Finally<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Lets real time pass, on this thread and whatever runs on it.
#[allow(
    clippy::disallowed_methods,
    reason = "another thread, or the kernel, is waited for"
)]
pub(crate) fn block(duration: Duration) {
    thread::sleep(duration);
}

/// Runs `main` under a virtual clock, and says how that ended and how long it took.
pub(crate) fn clocked<T: 'static>(
    main: impl FnOnce() -> T + 'static,
) -> (io::Result<T>, Duration) {
    let clock = Clockwork::new();
    let output = backend::scope(clock.clone(), || run(main));
    (output, clock.elapsed())
}

/// The same, for what ends well.
pub(crate) fn timed<T: 'static>(main: impl FnOnce() -> T + 'static) -> (T, Duration) {
    let (output, elapsed) = clocked(main);
    (output.expect("somebody can always go on"), elapsed)
}

/// Calls `body` on a thread of its own, and fails if it has not ended after a long time.
/// What a test leaves behind on its thread concerns no other.
pub(crate) fn in_time<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = channel();
    let thread = thread::spawn(move || {
        let result = body();
        // The other end may have given up.
        let _ = tell.send(());
        result
    });
    match told.recv_timeout(Duration::from_secs(30)) {
        Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
        _ => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}
