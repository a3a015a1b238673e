//! Values that every greenlet has its own of, as threads have theirs.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use crate::extras::report::bury;
use crate::greenlet::current;

thread_local! {
    /// How many locals there have been.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// What a greenlet has of its own, by the number of the local.
#[derive(Default)]
pub(crate) struct Locals(RefCell<BTreeMap<u64, Rc<dyn Any>>>);

/// A value of each greenlet, made when that asks for it first, and dropped with the greenlet:
/// gevent's `local.local`, for one attribute.
///
/// ```
/// use interlude_greenlets::extras::local::Local;
/// use interlude_greenlets::{run, spawn};
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let (mine, theirs) = run(|| {
///     let counter = Rc::new(Local::new(|| Cell::new(0)));
///     counter.with(|it| it.set(7));
///     let shared = Rc::clone(&counter);
///     let theirs = spawn(move || shared.with(Cell::get)).join().unwrap();
///     (counter.with(Cell::get), theirs)
/// })?;
/// assert_eq!((mine, theirs), (7, 0));
/// # Ok(())
/// # }
/// ```
pub struct Local<T> {
    number: u64,
    make: Box<dyn Fn() -> T>,
}

impl<T: 'static> Local<T> {
    /// A local that `make` makes, for every greenlet that asks.
    pub fn new(make: impl Fn() -> T + 'static) -> Self {
        let number = COUNT.get();
        COUNT.set(number + 1);
        Self { number, make: Box::new(make) }
    }

    /// Calls `body` with the value of the greenlet that is running.
    pub fn with<R>(&self, body: impl FnOnce(&T) -> R) -> R {
        let value = self.value();
        body(value.downcast_ref().expect("no two locals have one number"))
    }

    fn value(&self) -> Rc<dyn Any> {
        let here = current();
        let found = here.0.locals.0.borrow().get(&self.number).cloned();
        found.unwrap_or_else(|| {
            let value: Rc<dyn Any> = Rc::new((self.make)());
            let theirs = Rc::clone(&value);
            let before = here.0.locals.0.borrow_mut().insert(self.number, theirs);
            drop(before);
            value
        })
    }
}

impl<T> fmt::Debug for Local<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").finish_non_exhaustive()
    }
}

impl Drop for Locals {
    fn drop(&mut self) {
        bury(self.0.take().into_values());
    }
}
