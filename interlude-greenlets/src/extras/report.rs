//! Who is told of what nobody was left to handle.

use std::any::Any;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::thread;

use crate::failure::{Failure, GreenletExit, guard};

type Hook = Rc<dyn Fn(&str)>;

thread_local! {
    /// Set by `on_report`; called by `report`.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Has `hook` told, on this thread, of every failure that nobody handled; without one they
/// go to standard error. It is what gevent calls the hub's error handler.
///
/// ```
/// use interlude_greenlets::failure::on_report;
/// use interlude_greenlets::{run, spawn, time::sleep};
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let told = Rc::new(RefCell::new(Vec::new()));
/// let log = Rc::clone(&told);
/// on_report(move |text| log.borrow_mut().push(text.to_owned()));
/// run(|| {
///     drop(spawn(|| Err::<(), _>("no such page".to_owned())));
///     sleep(Duration::ZERO);
/// })?;
/// assert_eq!(*told.borrow(), ["a greenlet failed, and nobody caught it: no such page"]);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "handle_error")]
pub fn on_report(hook: impl Fn(&str) + 'static) {
    let before = HOOK.replace(Some(Rc::new(hook)));
    bury([before]);
}

/// Says what nobody handled. Whatever happens meanwhile, the caller goes on.
#[allow(clippy::print_stderr, reason = "the last resort of a failure")]
pub(crate) fn report(what: impl fmt::Display) {
    let hook = HOOK.try_with(|hook| hook.borrow().clone()).ok().flatten();
    let _ = guard(|| match hook {
        Some(hook) => hook(&what.to_string()),
        None => eprintln!("{what}"),
    });
}

/// A failure that nobody was left to catch. To be asked to end, and to do so, is none.
pub(crate) fn report_uncaught(failure: Failure) {
    if !failure.is::<GreenletExit>() {
        report(format_args!("a greenlet failed, and nobody caught it: {failure}"));
    }
    bury([failure]);
}

/// What a task came to, of which nobody has asked.
pub(crate) fn report_end<T>(end: thread::Result<T>, unread: fn(&T)) {
    match end.map_err(<Box<dyn Any + Send>>::downcast::<Failure>) {
        Ok(value) => {
            unread(&value);
            bury([value]);
        }
        Err(Ok(failure)) => report_uncaught(*failure),
        // The panic hook has told of it.
        Err(Err(panic)) => bury([panic]),
    }
}

/// The error in a result that nobody looked at, as far as its type can be recognised: that
/// of a function which gives nothing but may fail.
pub(crate) fn report_unread(result: &dyn Any) {
    fn error<E: fmt::Display + 'static>(result: &dyn Any) -> Option<String> {
        let result = result.downcast_ref::<Result<(), E>>()?;
        result.as_ref().err().map(ToString::to_string)
    }
    if let Some(Err(failure)) = result.downcast_ref::<Result<(), Failure>>() {
        return report_uncaught(failure.clone());
    }
    let text = guard(|| {
        error::<io::Error>(result)
            .or_else(|| error::<Box<dyn Error>>(result))
            .or_else(|| error::<Box<dyn Error + Send + Sync>>(result))
            .or_else(|| error::<String>(result))
    });
    if let Some(text) = text.ok().flatten() {
        report(format_args!("a greenlet failed, and nobody caught it: {text}"));
    }
}

/// Drops what is left, one after the other. What panics is reported, and takes nobody with it.
pub(crate) fn bury<T>(left: impl IntoIterator<Item = T>) {
    for one in left {
        if let Err(panic) = guard(|| drop(one)) {
            report(format_args!("a destructor panicked: {panic}"));
        }
    }
}
