//! What nobody else hears of: told to the loop's exception handler, or to the log, and nobody is
//! stopped by it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use log::{Level, LevelFilter, Record};
use reactor::trace::Place;

use crate::event_loop::try_current;
use crate::events::ErrorContext;
use crate::testing::{Ears, ears, hear};

/// Whose log it is, for whoever filters.
const TARGET: &str = "asyncio";

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
pub(crate) fn say(context: &ErrorContext) {
    tell(Level::Error, None, format_args!("{}", context.message));
}

/// Writes to the log: about a line of the program, if that is known.
pub(crate) fn tell(level: Level, place: Option<Place>, text: fmt::Arguments<'_>) {
    tell_or_hear(ears().as_ref(), level, place, text);
}

/// The same, where a test may collect it. Without a logger, it goes to standard error, as what
/// Python's `logging.lastResort` is told.
#[allow(clippy::print_stderr, reason = "the last resort")]
pub(crate) fn tell_or_hear(
    ears: Option<&Ears>,
    level: Level,
    place: Option<Place>,
    text: fmt::Arguments<'_>,
) {
    if ears.is_some() && hear(ears, &text.to_string()) {
        return;
    }
    if log::max_level() == LevelFilter::Off {
        return eprintln!("{text}");
    }
    let mut record = Record::builder();
    record.level(level).target(TARGET).args(text);
    record.module_path_static(Some(TARGET));
    record.file_static(place.map(Place::file)).line(place.map(Place::line));
    log::logger().log(&record.build());
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
#[inline]
pub(crate) fn guard<T>(body: impl FnOnce() -> T) -> thread::Result<T> {
    catch_unwind(AssertUnwindSafe(body))
}
