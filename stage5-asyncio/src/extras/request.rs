//! How a request to stop goes down: one scope after the other, and not by recursion. Tasks may
//! wait for each other in a long line, or in a circle.

use std::cell::RefCell;
use std::rc::Rc;
use std::vec;

use crate::extras::scope::{Cancellable, Scope};

/// What a request reaches inside a scope.
pub(crate) enum Reached {
    Scope(Rc<Scope>),
    Awaited(Rc<dyn Cancellable>),
}

thread_local! {
    /// Whom a step of the walk that is under way has asked; `None` where there is no walk.
    static ASKED: RefCell<Option<Vec<Rc<Scope>>>> = const { RefCell::new(None) };
}

/// Asks whatever is innermost in `scope` to stop. If this is asked by something that is itself
/// being asked, it is done as soon as that returns.
pub(crate) fn request(scope: &Rc<Scope>) {
    let is_asked_by_a_step = ASKED.with_borrow_mut(|asked| {
        asked.as_mut().map(|asked| asked.push(Rc::clone(scope))).is_some()
    });
    if is_asked_by_a_step {
        return;
    }
    ASKED.set(Some(Vec::new()));
    let _walk = Walk;
    let mut path = vec![Level::of(Rc::clone(scope))];
    while let Some(level) = path.last_mut() {
        match level.next() {
            Some(Reached::Scope(inner)) => {
                inner.from_outside.set(inner.from_outside.get() + 1);
                path.push(Level::of(inner));
            }
            Some(Reached::Awaited(what)) => {
                level.is_heard |= what.cancel();
                let asked = ASKED.with_borrow_mut(|asked| {
                    std::mem::take(asked.as_mut().expect("there is a walk"))
                });
                // The first of them is next.
                path.extend(asked.into_iter().rev().map(Level::of));
            }
            None => drop(path.pop()),
        }
    }
}

/// The walk; dropping it ends it.
struct Walk;

impl Drop for Walk {
    fn drop(&mut self) {
        ASKED.set(None);
    }
}

/// A scope that is being asked.
struct Level {
    scope: Rc<Scope>,
    /// Whom it still has to ask. `None`: it has not begun.
    left: Option<vec::IntoIter<Reached>>,
    /// Somebody inside will take the request.
    is_heard: bool,
}

impl Level {
    fn of(scope: Rc<Scope>) -> Self {
        Self { scope, left: None, is_heard: false }
    }

    fn next(&mut self) -> Option<Reached> {
        let left = self.left.get_or_insert_with(|| {
            let reached = self.scope.begin_to_ask();
            self.is_heard = reached.iter().any(|it| matches!(it, Reached::Scope(_)));
            reached.into_iter()
        });
        left.next()
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        if self.left.is_some() {
            self.scope.end_to_ask(self.is_heard);
        }
    }
}
