//! Who waits for the clock.
//!
//! A B-tree, ordered by deadline and then by age. Insert, cancel and expiry all cost one
//! walk down a shallow tree (four levels at 100,000 timers), and a cancelled timer is *gone*:
//! most timers are timeouts, and most timeouts are cancelled, so a heap that leaves the
//! cancelled ones in place until their deadline would mostly hold corpses. See ADR 6 for
//! the figures.

use std::collections::BTreeMap;
use std::mem;
use std::time::Instant;

use crate::trace;

/// Names a timer. It orders by deadline, then by age, and may outlive the timer without harm:
/// nor is it taken for that of another reactor's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    deadline: Deadline<Instant>,
    age: u64,
    reactor: u32,
}

/// When something is due. The order is that of the variants: never is later than any time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Deadline<T> {
    At(T),
    Never,
}

impl TimerId {
    /// Tells it from all other timers of its reactor.
    pub(crate) fn number(self) -> u64 {
        self.age
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        self.deadline.time()
    }
}

impl<T> Deadline<T> {
    /// `None` is never.
    pub(crate) fn time(self) -> Option<T> {
        match self {
            Self::At(time) => Some(time),
            Self::Never => None,
        }
    }
}

/// `None` is never.
impl<T> From<Option<T>> for Deadline<T> {
    fn from(time: Option<T>) -> Self {
        time.map_or(Self::Never, Self::At)
    }
}

/// Values that wait for a point in time.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    /// Tells this reactor from all others.
    reactor: u32,
    pending: BTreeMap<TimerId, T>,
    /// Counts the timers so far, so that equal deadlines keep their order.
    age: u64,
}

impl<T> Timers<T> {
    pub(crate) fn new(reactor: u32) -> Self {
        Self { reactor, pending: BTreeMap::new(), age: 0 }
    }

    /// Without a deadline it never expires, and can only be taken back.
    pub(crate) fn insert(&mut self, deadline: Option<Instant>, data: T) -> TimerId {
        self.age += 1;
        let (deadline, reactor) = (deadline.into(), self.reactor);
        let id = TimerId { deadline, age: self.age, reactor };
        self.pending.insert(id, data);
        trace::timer_set(id);
        id
    }

    pub(crate) fn remove(&mut self, id: TimerId) -> Option<T> {
        let cancelled = self.pending.remove(&id);
        if cancelled.is_some() {
            trace::timer_cancelled(id);
        }
        cancelled
    }

    /// The next deadline, if one will ever come.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.pending.first_key_value().and_then(|(id, _)| id.deadline())
    }

    /// Hands back everybody whose time has come, earliest first. Asks for the time only if
    /// somebody waits for it.
    pub(crate) fn deliver(&mut self, now: impl FnOnce() -> Instant, ready: &mut Vec<T>) {
        if self.first().is_none() {
            return;
        }
        let now = Deadline::At(now());
        while let Some(first) = self.pending.first_entry() {
            if first.key().deadline > now {
                break;
            }
            trace::timer_fired(*first.key());
            ready.push(first.remove());
        }
    }

    /// Everybody, for the end of the loop.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        mem::take(&mut self.pending).into_values().collect()
    }

    /// How many will expire.
    pub(crate) fn len(&self) -> usize {
        let first_of_never =
            TimerId { deadline: Deadline::Never, age: 0, reactor: self.reactor };
        self.pending.len() - self.pending.range(first_of_never..).count()
    }
}
