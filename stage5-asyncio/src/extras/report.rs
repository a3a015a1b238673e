//! What nobody else hears of: told to the loop's exception handler, and nobody is stopped by it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::event_loop::try_current;
use crate::events::ErrorContext;

/// Tells the exception handler of the loop that runs here, or else standard error.
pub(crate) fn report(what: impl fmt::Display) {
    let context =
        ErrorContext { message: what.to_string(), exception: None, handle: None };
    match try_current() {
        Some(event_loop) => event_loop.call_exception_handler(context),
        None => say(&context),
    }
}

/// What the default exception handler does.
#[allow(clippy::print_stderr, reason = "the last resort of an error")]
pub(crate) fn say(context: &ErrorContext) {
    eprintln!("{}", context.message);
}

/// Drops something of the user's. If that panics, it is reported, and that is all.
pub(crate) fn bury<T>(what: T) {
    if let Err(panic) = guard(|| drop(what)) {
        report_panic("A destructor panicked", &*panic);
    }
}

/// Says that something panicked, and what with.
pub(crate) fn report_panic(what: &str, panic: &(dyn Any + Send)) {
    report(format_args!("{what}: {}", text_of(panic)));
}

/// What a panic says.
pub(crate) fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("something that is no text")
}

/// Awaits an exit whose end nobody else will hear of.
pub(crate) async fn unheard<T, E: fmt::Debug>(exit: impl Future<Output = Result<T, E>>) {
    if let Err(error) = exit.await {
        report(format_args!("An exit failed, and nobody awaits it any more: {error:?}"));
    }
}

/// Calls `body`, and catches what it panics with.
pub(crate) fn guard<T>(body: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(body))
}
