//! Several ways to the same end, of which the first to get there counts: Twisted's `race`.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::mem;

use super::lists::{Gathered, List, NoMembers};
use crate::deferred::{Deferred, fail};
use crate::failure::{Failure, bury};

/// Every member of a [`race`] failed.
pub struct FailureGroup {
    /// What each of them failed with, in the order of the input.
    pub failures: Vec<Failure>,
}

/// Fires with the first success and the place of whoever had it; the others are cancelled
/// before that is told. Where all fail, it fails with a [`FailureGroup`]. It consumes the
/// members, and with them whatever the losers come to.
///
/// A cancel goes to every member. If one still has a success to give, that wins. Of no members
/// at all, none can come first: it fails with [`NoMembers`]. (Twisted's waits for ever then.)
///
/// ```
/// use stage1_callbacks::extras::clock::Clock;
/// use stage1_callbacks::extras::race::race;
/// use stage1_callbacks::time::sleep;
/// use std::time::Duration;
///
/// let clock = Clock::new();
/// let lanes = [3, 1, 2].map(|secs| sleep(Duration::from_secs(secs)));
/// let first = race(lanes.into());
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(first.try_take().unwrap().unwrap(), (1, ()));
/// assert_eq!(clock.delayed_calls(), 0); // the losers' timers are gone
/// ```
#[track_caller]
pub fn race<T: 'static>(members: Vec<Deferred<T>>) -> Deferred<(usize, T)> {
    if members.is_empty() {
        return fail(NoMembers);
    }
    let handles: Vec<_> = members.iter().map(Deferred::cancel_handle).collect();
    let (is_won, failures) = (Cell::new(false), Gathered::new(members.len()));
    let (list, deferred) = List::new(&members, move |index, result| match result {
        Ok(value) if !is_won.replace(true) => {
            let losers = handles.iter().enumerate().filter(|(loser, _)| *loser != index);
            losers.for_each(|(_, loser)| loser.cancel());
            Some(Ok((index, value)))
        }
        Ok(late) => {
            bury([late]);
            None
        }
        Err(failure) => {
            let failures = failures.put(index, failure)?;
            Some(Err(FailureGroup { failures }.into()))
        }
    });
    list.consume(members);
    deferred
}

/// A race of races fails with a group of groups, however deep: both to drop and to show one is
/// a loop.
impl Drop for FailureGroup {
    fn drop(&mut self) {
        bury(mem::take(&mut self.failures));
    }
}

impl fmt::Display for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("all failed: [")?;
        let (mut groups, mut is_first) = (vec![self.failures.iter()], true);
        while let Some(group) = groups.last_mut() {
            let Some(failure) = group.next() else {
                f.write_str("]")?;
                groups.pop();
                continue;
            };
            f.write_str(if mem::take(&mut is_first) { "" } else { ", " })?;
            match failure.get::<Self>() {
                Some(inner) => {
                    f.write_str("[")?;
                    groups.push(inner.failures.iter());
                    is_first = true;
                }
                None => failure.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FailureGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FailureGroup({self})")
    }
}

impl Error for FailureGroup {}
