//! What nobody else hears of: said once, and nobody is stopped by it.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

type Hook = Rc<dyn Fn(&str)>;

thread_local! {
    /// Set by `on_report`; called by `report`.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Has `hook` told, on this thread, of every error that nobody was left to hear of: that of
/// an exit after a cancel, a panic in a destructor. Without a hook they go to standard error.
#[doc(alias = "set_exception_handler")]
pub fn on_report(hook: impl Fn(&str) + 'static) {
    let before = HOOK.replace(Some(Rc::new(hook)));
    drop(before);
}

/// Says what nobody handled.
#[allow(clippy::print_stderr, reason = "the last resort of an error")]
pub(crate) fn report(what: impl fmt::Display) {
    let hook = HOOK.try_with(|hook| hook.borrow().clone()).ok().flatten();
    match hook {
        Some(hook) if guard(|| hook(&what.to_string())).is_ok() => {}
        _ => eprintln!("{what}"),
    }
}

/// Drops something of the user's. If that panics, it is reported, and that is all.
pub(crate) fn bury<T>(what: T) {
    if let Err(panic) = guard(|| drop(what)) {
        report_panic("A destructor panicked", &*panic);
    }
}

/// Says that something panicked, and what with.
pub(crate) fn report_panic(what: &str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    report(format_args!("{what}: {}", text.unwrap_or("something that is no text")));
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
