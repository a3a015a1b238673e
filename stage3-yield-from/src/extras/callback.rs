//! A function as a callback, and a callback of which a recording tells.

use std::cell::Cell;
use std::rc::Rc;

use reactor::trace;

use crate::event_loop::{Call, Callback};

/// A function that is called once.
struct Once<F>(Cell<Option<F>>);

/// Makes a callback of a function.
pub(crate) fn once(function: impl FnOnce() + 'static) -> Callback {
    Rc::new(Once(Cell::new(Some(function))))
}

impl<F: FnOnce()> Call for Once<F> {
    fn call(self: Rc<Self>) {
        self.0.take().into_iter().for_each(|function| function());
    }
}

/// The same callback, and that it is on the queue now, and when it is called.
#[cold]
#[track_caller]
pub(crate) fn recorded(callback: Callback) -> Callback {
    let uncalled = trace::queued(&callback);
    once(move || {
        let running = uncalled.call();
        callback.call();
        running.finished();
    })
}
