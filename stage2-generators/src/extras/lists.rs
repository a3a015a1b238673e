//! Many deferreds as one: Twisted's `DeferredList` and its relatives.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::rc::Rc;

use crate::deferred::{CancelHandle, Deferred};
use crate::failure::Failure;

/// Which member failed first, and with what.
#[derive(Debug)]
pub struct FirstError {
    /// The member's place in the input.
    pub index: usize,
    /// What it failed with.
    pub failure: Failure,
}

/// Fires when all have fired, with their results in the order of the input. It borrows the
/// members: each keeps its own result.
#[doc(alias = "DeferredList")]
pub fn deferred_list<T: Clone + 'static>(
    members: &[Deferred<T>],
) -> Deferred<Vec<Result<T, Failure>>> {
    let handles = members.iter().map(Deferred::cancel_handle).collect();
    let (firer, list) = Deferred::with_canceller(move |_| cancel_all(handles));
    let all = Rc::new(Gathered::new(members.len()));
    if members.is_empty() {
        firer.fire(Ok(Vec::new())).expect("it is new");
    }
    for (index, member) in members.iter().enumerate() {
        let (firer, all) = (firer.clone(), Rc::clone(&all));
        member.tap(move |result| {
            if let Some(results) = all.put(index, result.clone()) {
                let _ = firer.fire(Ok(results));
            }
        });
    }
    list
}

/// Fires with the first success and its place; the others are ignored. Where all fail, so
/// does this, with the last failure; of no members at all none comes first.
#[doc(alias = "fireOnOneCallback")]
pub fn first_success<T: Clone + 'static>(
    members: &[Deferred<T>],
) -> Deferred<(T, usize)> {
    let (firer, list) = Deferred::new();
    let missing = Rc::new(Cell::new(members.len()));
    for (index, member) in members.iter().enumerate() {
        let (firer, missing) = (firer.clone(), Rc::clone(&missing));
        member.tap(move |result| {
            missing.set(missing.get() - 1);
            if result.is_ok() || missing.get() == 0 {
                let _ = firer.fire(result.clone().map(|value| (value, index)));
            }
        });
    }
    list
}

/// Fires with the values in the order of the input, or with [`FirstError`] as soon as one
/// fails. It consumes the members, and with them their errors; cancelling it cancels them.
#[doc(alias("gatherResults", "fireOnOneErrback", "consumeErrors"))]
pub fn gather_results<T: 'static>(members: Vec<Deferred<T>>) -> Deferred<Vec<T>> {
    let handles = members.iter().map(Deferred::cancel_handle).collect();
    let (firer, list) = Deferred::with_canceller(move |_| cancel_all(handles));
    let all = Rc::new(Gathered::new(members.len()));
    if members.is_empty() {
        firer.fire(Ok(Vec::new())).expect("it is new");
    }
    for (index, member) in members.into_iter().enumerate() {
        let (firer, all) = (firer.clone(), Rc::clone(&all));
        drop(member.add_both(move |result| {
            let end = match result {
                Ok(value) => all.put(index, value).map(Ok),
                Err(failure) => Some(Err(FirstError { index, failure }.into())),
            };
            if let Some(end) = end {
                let _ = firer.fire(end);
            }
        }));
    }
    list
}

fn cancel_all(members: Vec<CancelHandle>) {
    members.iter().for_each(CancelHandle::cancel);
}

/// Values that come in any order.
struct Gathered<T> {
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
}

impl<T> Gathered<T> {
    fn new(members: usize) -> Self {
        let values = RefCell::new((0..members).map(|_| None).collect());
        Self { values, missing: Cell::new(members) }
    }

    /// Keeps a value; gives all of them once none is missing.
    fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        self.values.borrow_mut()[index] = Some(value);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0)
            .then(|| self.values.take().into_iter().flatten().collect())
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}: {}", self.index, self.failure)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}
