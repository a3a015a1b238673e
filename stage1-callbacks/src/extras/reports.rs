//! What goes wrong where nobody listens: in a callback, in a destructor, in a hook.

use std::any::Any;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::mem::{self, ManuallyDrop};

use crate::failure::guard;

type Hook = Box<dyn Fn(&str)>;

thread_local! {
    /// Set by `on_report`; taken by `report` while it is called.
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };

    /// What is dropped next, and what it is; `None` while nothing is being dropped. It outlives
    /// whatever is dropped at the end of its thread.
    static GRAVES: ManuallyDrop<RefCell<Option<VecDeque<Grave>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

type Grave = (&'static str, Box<dyn Any>);

/// Has `hook` told, on this thread, of every failure that nobody handled; without one they
/// go to standard error, as does what goes wrong in the hook itself. Twisted's log observer.
#[doc = include_str!("../../docs/on_report.md")]
pub fn on_report(hook: impl Fn(&str) + 'static) {
    let before = HOOK.replace(Some(Box::new(hook)));
    bury(before);
}

/// Says what nobody handled.
#[allow(clippy::print_stderr, reason = "the last resort of a failure")]
pub(crate) fn report(what: impl fmt::Display) {
    let text = guard(|| what.to_string());
    let text = text.unwrap_or_else(|panic| format!("An error cannot be told: {panic}"));
    let hook = HOOK.try_with(RefCell::take).ok().flatten();
    // Whatever the hook drops is dropped before it returns, and told to standard error.
    let graves = GRAVES.with(|graves| graves.take());
    let told = hook.as_ref().is_some_and(|hook| guard(|| hook(&text)).is_ok());
    GRAVES.with(|it| it.replace(graves));
    if !told {
        let _ = guard(|| eprintln!("{text}"));
    }
    let newer = HOOK.try_with(|it| it.borrow().is_some()).unwrap_or(true);
    if newer {
        bury(hook);
    } else {
        HOOK.set(hook);
    }
}

/// Drops what is left, one after the other, and counts it.
pub(crate) fn bury<T: 'static>(left: impl IntoIterator<Item = T>) -> usize {
    left.into_iter().map(|one| let_go("A callback", one)).count()
}

/// Drops something. If that panics it is reported, and takes nobody with it. Inside another
/// drop it waits until that is over: of those who keep each other in a long line, none is
/// dropped inside the other.
pub(crate) fn let_go<T: 'static>(what: &'static str, one: T) {
    if !mem::needs_drop::<T>() {
        return;
    }
    let one = GRAVES.with(|graves| match &mut *graves.borrow_mut() {
        Some(graves) => {
            graves.push_back((what, Box::new(one)));
            None
        }
        first => {
            *first = Some(VecDeque::new());
            Some(one)
        }
    });
    let Some(one) = one else { return };
    drop_guarded(what, one);
    let next =
        || GRAVES.with(|it| it.borrow_mut().as_mut().and_then(VecDeque::pop_front));
    while let Some((what, one)) = next() {
        drop_guarded(what, one);
    }
    GRAVES.with(|graves| graves.take());
}

fn drop_guarded(what: &str, one: impl Sized) {
    if let Err(panic) = guard(|| drop(one)) {
        report(format_args!("{what} failed while it was dropped: {panic}"));
    }
}
