//! Values that follow a task: each has a copy of what its creator had, and changes its own.
//!
//! PEP 567. A context is shared until somebody sets a variable in it: to copy one costs as much
//! as to count. And on a thread where nobody has ever set one there is nothing to copy or to
//! swap, and nobody does.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// Swapped for the length of a step or a callback; changed by `set`.
    static CURRENT: RefCell<Context> = const { RefCell::new(Context(None)) };

    /// Set by the first `set`. Before that, every context is empty.
    static ARE_USED: Cell<bool> = const { Cell::new(false) };
}

/// The values of all variables, at one moment. To clone it copies it.
#[derive(Clone, Default)]
pub struct Context(Option<Rc<Values>>);

type Values = BTreeMap<u64, Rc<dyn Any>>;

impl Context {
    /// Calls `body` in this context; what it sets stays here, and is not seen outside.
    pub fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a mut Context, Context);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                *self.0 = exchange(std::mem::take(&mut self.1));
            }
        }
        let outer = exchange(std::mem::take(self));
        let _restore = Restore(self, outer);
        body()
    }
}

/// Makes a context the current one, and gives the one that was.
#[inline]
fn exchange(context: Context) -> Context {
    if ARE_USED.get() { swap(context) } else { context }
}

#[inline(never)]
fn swap(context: Context) -> Context {
    CURRENT.replace(context)
}

/// A copy of the context in which the caller runs.
#[inline]
pub fn copy_context() -> Context {
    if !ARE_USED.get() {
        return Context(None);
    }
    // At the end of a thread there may be none any more.
    CURRENT.try_with(|current| current.borrow().clone()).unwrap_or_default()
}

/// A variable that has a value in each context.
pub struct ContextVar<T> {
    id: u64,
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

/// Gives a variable the value back that it had before a [`ContextVar::set`].
#[derive(Debug)]
#[must_use = "reset the variable with it, or drop it on purpose"]
pub struct Token<T> {
    before: Option<Rc<T>>,
    id: u64,
}

impl<T: 'static> ContextVar<T> {
    /// A variable of that name, which only serves to print it. Put it in a `thread_local!`.
    pub fn new(name: &'static str) -> Self {
        static VARIABLES: AtomicU64 = AtomicU64::new(0);
        let id = VARIABLES.fetch_add(1, Ordering::Relaxed);
        Self { id, name, value: PhantomData }
    }

    /// Its value in the current context, if it was set there or in a context that was copied.
    pub fn get(&self) -> Option<Rc<T>> {
        let found = CURRENT.with_borrow(|it| it.0.as_ref()?.get(&self.id).cloned());
        found.map(|value| value.downcast().expect("a variable has one type"))
    }

    /// Sets it in the current context.
    pub fn set(&self, value: T) -> Token<T> {
        let before = self.get();
        self.put(Some(Rc::new(value)));
        Token { before, id: self.id }
    }

    /// Undoes a `set`.
    ///
    /// # Panics
    ///
    /// Panics with the token of another variable.
    pub fn reset(&self, token: Token<T>) {
        assert_eq!(token.id, self.id, "the token is of another ContextVar");
        self.put(token.before);
    }

    fn put(&self, value: Option<Rc<T>>) {
        ARE_USED.set(true);
        let displaced = CURRENT.with_borrow_mut(|context| {
            let before = context.0.clone();
            let values = Rc::make_mut(context.0.get_or_insert_default());
            match value {
                Some(value) => drop(values.insert(self.id, value)),
                None => drop(values.remove(&self.id)),
            }
            before
        });
        // Only now may a value of the user's be dropped.
        drop(displaced);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.0.as_ref().map_or(0, |values| values.len());
        f.debug_struct("Context").field("variables", &set).finish()
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name).finish_non_exhaustive()
    }
}
