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

/// Names a timer. It orders by deadline, then by age, and may outlive the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    deadline: Instant,
    age: u64,
}

impl TimerId {
    /// Tells it from all other timers of its reactor.
    pub(crate) fn number(self) -> u64 {
        self.age
    }

    pub(crate) fn deadline(self) -> Instant {
        self.deadline
    }
}

/// Values that wait for a point in time.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    pending: BTreeMap<TimerId, T>,
    /// Counts the timers so far, so that equal deadlines keep their order.
    age: u64,
}

impl<T> Timers<T> {
    pub(crate) fn insert(&mut self, deadline: Instant, data: T) -> TimerId {
        self.age += 1;
        let id = TimerId { deadline, age: self.age };
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

    /// The next deadline.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.pending.first_key_value().map(|(id, _)| id.deadline)
    }

    /// Hands back everybody whose time has come, earliest first. Asks for the time only if
    /// somebody waits for it.
    pub(crate) fn deliver(&mut self, now: impl FnOnce() -> Instant, ready: &mut Vec<T>) {
        if self.pending.is_empty() {
            return;
        }
        let now = now();
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

    pub(crate) fn len(&self) -> usize {
        self.pending.len()
    }
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Self { pending: BTreeMap::new(), age: 0 }
    }
}
