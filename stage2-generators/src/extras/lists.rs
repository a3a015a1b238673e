//! Many deferreds as one: Twisted's `DeferredList` and its relatives.
//!
//! A list stands for its members. A cancel goes to each of them, and it is for them to fire
//! the list: with what they come to, once they have cleaned up. A second cancel reaches those
//! that are still at it.

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::mem;
use std::rc::Rc;

use crate::deferred::{CancelHandle, Cancelled, Deferred, Firer, fail, succeed};
use crate::extras::reports::let_go;
use crate::failure::{Failure, guard, report};

/// Which member failed first, and with what.
pub struct FirstError {
    /// The member's place in the input.
    pub index: usize,
    /// What it failed with.
    pub failure: Failure,
}

/// A [`first_success`] of no deferreds at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMembers;

/// Fires when all have fired, with their results in the order of the input. It borrows the
/// members: each keeps its own result.
#[doc = include_str!("../../docs/deferred_list.md")]
#[doc(alias = "DeferredList")]
#[track_caller]
pub fn deferred_list<T: Clone + 'static>(
    members: &[Deferred<T>],
) -> Deferred<Vec<Result<T, Failure>>> {
    if members.is_empty() {
        return succeed(Vec::new());
    }
    let results = Gathered::new(members.len());
    let put = move |index, result| results.put(index, result).map(Ok);
    let (list, deferred) = List::new(members, put);
    list.look_at(members, Result::clone);
    deferred
}

/// Fires with the first success and its place; the others are ignored. Where all fail, so
/// does this, with the last failure; of no members at all, none can come first, and it fails
/// with [`NoMembers`]. (Twisted's waits for ever then.)
#[doc = include_str!("../../docs/first_success.md")]
#[doc(alias = "fireOnOneCallback")]
#[track_caller]
pub fn first_success<T: Clone + 'static>(
    members: &[Deferred<T>],
) -> Deferred<(T, usize)> {
    if members.is_empty() {
        return fail(NoMembers);
    }
    let missing = Cell::new(members.len());
    let put = move |index, result: Result<T, _>| {
        missing.set(missing.get() - 1);
        let is_end = result.is_ok() || missing.get() == 0;
        is_end.then(|| result.map(|value| (value, index)))
    };
    let (list, deferred) = List::new(members, put);
    list.look_at(members, Result::clone);
    deferred
}

/// Fires with the values in the order of the input, or with [`FirstError`] as soon as one
/// fails. It consumes the members, and with them their errors; only where the first was a
/// cancel, which tells nothing, those that follow are reported.
#[doc = include_str!("../../docs/gather_results.md")]
#[doc(alias("gatherResults", "fireOnOneErrback", "consumeErrors"))]
#[track_caller]
pub fn gather_results<T: 'static>(members: Vec<Deferred<T>>) -> Deferred<Vec<T>> {
    if members.is_empty() {
        return succeed(Vec::new());
    }
    let (values, first) = (Gathered::new(members.len()), Cell::new(None));
    let put = move |index, result| match result {
        Ok(value) => values.put(index, value).map(Ok),
        Err(failure) => {
            let is_cancel = Failure::is::<Cancelled>(&failure);
            let first_is_cancel = first.replace(first.get().or(Some(is_cancel)));
            if first_is_cancel == Some(true) && !is_cancel {
                report(format_args!("Unhandled error in Deferred: {failure}"));
            }
            Some(Err(FirstError { index, failure }.into()))
        }
    };
    let (list, deferred) = List::new(&members, put);
    list.consume(members);
    deferred
}

/// A list that its members will fire.
pub(crate) struct List<T, U: 'static> {
    ends: Rc<Ends<T, U>>,
    firer: Firer<U>,
}

/// Which members have come to an end, and what that means for the list.
struct Ends<T, U> {
    members: Vec<CancelHandle>,
    came: RefCell<Vec<bool>>,
    put: Box<Put<T, U>>,
}

/// Makes a copy of a result.
pub(crate) type Copy<T> = fn(&Result<T, Failure>) -> Result<T, Failure>;

/// Takes a member's end, and gives the list's, once that is known.
type Put<T, U> = dyn Fn(usize, Result<T, Failure>) -> Option<Result<U, Failure>>;

impl<T: 'static, U: 'static> List<T, U> {
    #[track_caller]
    pub(crate) fn new(
        members: &[Deferred<T>],
        put: impl Fn(usize, Result<T, Failure>) -> Option<Result<U, Failure>> + 'static,
    ) -> (Self, Deferred<U>) {
        let came = RefCell::new(vec![false; members.len()]);
        let members = members.iter().map(Deferred::cancel_handle).collect();
        let ends = Rc::new(Ends { members, came, put: Box::new(put) });
        let (named, told) = (Rc::clone(&ends), Rc::clone(&ends));
        let (firer, deferred) = Deferred::with_relay(
            move || named.members.clone(),
            move |firer| told.cancelled(&firer),
        );
        (Self { ends, firer }, deferred)
    }

    /// Each member keeps its result; the list gets a copy.
    pub(crate) fn look_at(&self, members: &[Deferred<T>], copy: Copy<T>) {
        for (index, member) in members.iter().enumerate() {
            let (ends, firer) = (Rc::clone(&self.ends), self.firer.clone());
            member.tap(move |result| {
                let copy = guard(|| copy(result)).unwrap_or_else(Err);
                ends.come(&firer, index, copy);
            });
        }
    }

    pub(crate) fn consume(&self, members: Vec<Deferred<T>>) {
        for (index, member) in members.into_iter().enumerate() {
            let (ends, firer) = (Rc::clone(&self.ends), self.firer.clone());
            drop(member.add_both(move |result| ends.come(&firer, index, result)));
        }
    }
}

impl<T, U: 'static> Ends<T, U> {
    fn come(&self, firer: &Firer<U>, index: usize, result: Result<T, Failure>) {
        self.came.borrow_mut()[index] = true;
        if let Some(end) = (self.put)(index, result) {
            // Once it has fired, the others are too late, which is no harm.
            let _ = firer.fire(end);
        }
    }

    /// The members have been cancelled. Those that are gone, because nobody was left who could
    /// fire them, could not say so.
    fn cancelled(&self, firer: &Firer<U>) {
        for (index, member) in self.members.iter().enumerate() {
            let came = self.came.borrow()[index];
            if !came && member.is_gone() {
                self.come(firer, index, Err(Cancelled.into()));
            }
        }
    }
}

/// Values that come in any order.
pub(crate) struct Gathered<T> {
    values: RefCell<Vec<Option<T>>>,
    missing: Cell<usize>,
}

impl<T> Gathered<T> {
    pub(crate) fn new(members: usize) -> Self {
        let values = RefCell::new((0..members).map(|_| None).collect());
        Self { values, missing: Cell::new(members) }
    }

    /// Keeps a value; gives all of them once none is missing.
    pub(crate) fn put(&self, index: usize, value: T) -> Option<Vec<T>> {
        self.values.borrow_mut()[index] = Some(value);
        self.missing.set(self.missing.get() - 1);
        (self.missing.get() == 0)
            .then(|| self.values.take().into_iter().flatten().collect())
    }
}

/// A gather of gathers fails with a failure in a failure, however many: both to drop and to
/// show one is a loop.
impl Drop for FirstError {
    fn drop(&mut self) {
        if self.failure.is::<Self>() {
            let_go("An error", mem::replace(&mut self.failure, Cancelled.into()));
        }
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut this = self;
        loop {
            write!(f, "#{}: ", this.index)?;
            match this.failure.get() {
                Some(inner) => this = inner,
                None => return this.failure.fmt(f),
            }
        }
    }
}

impl fmt::Debug for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstError({self})")
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}

impl fmt::Display for NoMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there are no deferreds of which one could come first")
    }
}

impl Error for NoMembers {}
