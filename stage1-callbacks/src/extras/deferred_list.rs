//! A list that is told when to fire and whose the errors are: the flags of Twisted's
//! `DeferredList`.

use std::cell::Cell;

use super::lists::{Copy, FirstError, Gathered, List, NoMembers};
use super::race::FailureGroup;
use crate::deferred::{Deferred, fail, succeed};
use crate::failure::Failure;

/// Members that are still to be told what they are a list of. [`deferred_list`] is one without
/// flags.
///
/// ```
/// use stage1_callbacks::deferred::{fail, succeed};
/// use stage1_callbacks::extras::deferred_list::DeferredList;
/// use stage1_callbacks::extras::lists::FirstError;
///
/// let members = vec![succeed(1), fail("no"), fail("neither")];
/// let list = DeferredList::consuming(members).fire_on_one_errback().all();
/// let failure = list.try_take().unwrap().unwrap_err();
/// assert_eq!(failure.get::<FirstError>().unwrap().index, 1);
/// ```
///
/// [`deferred_list`]: super::lists::deferred_list
#[derive(Debug)]
#[must_use = "it does nothing until it is told what to fire with"]
pub struct DeferredList<'a, T: 'static> {
    members: Members<'a, T>,
    fire_on_one_errback: bool,
}

#[derive(Debug)]
enum Members<'a, T: 'static> {
    Lent(&'a [Deferred<T>], Copy<T>),
    Given(Vec<Deferred<T>>),
}

impl<'a, T: 'static> DeferredList<'a, T> {
    /// A list that looks at its members: each keeps its result, and a failure that nobody
    /// handles there is reported.
    pub fn of(members: &'a [Deferred<T>]) -> Self
    where
        T: Clone,
    {
        Self {
            members: Members::Lent(members, Result::clone),
            fire_on_one_errback: false,
        }
    }

    /// A list that has its members for itself: nobody else hears of their errors.
    #[doc(alias = "consumeErrors")]
    pub fn consuming(members: Vec<Deferred<T>>) -> Self {
        Self { members: Members::Given(members), fire_on_one_errback: false }
    }

    /// Has it fail as soon as one member does, with a [`FirstError`].
    #[doc(alias = "fireOnOneErrback")]
    pub fn fire_on_one_errback(mut self) -> Self {
        self.fire_on_one_errback = true;
        self
    }

    /// Fires when all have fired, with their results in the order of the input.
    #[track_caller]
    pub fn all(self) -> Deferred<Vec<Result<T, Failure>>> {
        let (members, on_one) = (self.members.count(), self.fire_on_one_errback);
        if members == 0 {
            return succeed(Vec::new());
        }
        let results = Gathered::new(members);
        self.members.into_list(move |index, result| match result {
            Err(failure) if on_one => Some(Err(FirstError { index, failure }.into())),
            result => results.put(index, result).map(Ok),
        })
    }

    /// Fires with the first success and its place. Where all fail, it fails with a
    /// [`FailureGroup`] (Twisted's fires, with a list of failures); of no members, with
    /// [`NoMembers`].
    #[doc(alias = "fireOnOneCallback")]
    #[track_caller]
    pub fn first(self) -> Deferred<(T, usize)> {
        let (members, on_one) = (self.members.count(), self.fire_on_one_errback);
        if members == 0 {
            return fail(NoMembers);
        }
        let (failures, is_over) = (Gathered::new(members), Cell::new(false));
        self.members.into_list(move |index, result| match result {
            _ if is_over.get() => None,
            Ok(value) => {
                is_over.set(true);
                Some(Ok((value, index)))
            }
            Err(failure) if on_one => Some(Err(FirstError { index, failure }.into())),
            Err(failure) => {
                let failures = failures.put(index, failure)?;
                Some(Err(FailureGroup { failures }.into()))
            }
        })
    }
}

impl<T: 'static> Members<'_, T> {
    fn count(&self) -> usize {
        match self {
            Self::Lent(members, _) => members.len(),
            Self::Given(members) => members.len(),
        }
    }

    #[track_caller]
    fn into_list<U>(
        self,
        put: impl Fn(usize, Result<T, Failure>) -> Option<Result<U, Failure>> + 'static,
    ) -> Deferred<U> {
        match self {
            Self::Lent(members, copy) => {
                let (list, deferred) = List::new(members, put);
                list.look_at(members, copy);
                deferred
            }
            Self::Given(members) => {
                let (list, deferred) = List::new(&members, put);
                list.consume(members);
                deferred
            }
        }
    }
}
