//! Who waits for the clock.
//!
//! A heap of deadlines, the earliest on top, beside a table of values. A timer that is
//! cancelled gives its value back at once, and leaves its deadline behind: most timers are
//! timeouts, and most timeouts are cancelled long before they come to the top. When more than
//! half of the deadlines are such remains, they are swept out. And many are cancelled before
//! anybody asks which is the first: so they join the heap only then. See ADR 15 for the figures.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use slab::Slab;

use crate::trace;

/// Names a timer. It orders by deadline, then by age, and may outlive the timer without harm:
/// nor is it taken for that of another reactor's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId {
    deadline: Deadline<Instant>,
    age: u64,
    /// Where its value is kept. Half a word, beside the other half: every sleeping future
    /// holds one of these.
    index: u32,
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
    /// Filled by `insert`; a timer that is not here has fired, or was cancelled.
    waiting: Slab<(TimerId, T)>,
    /// When those will expire that were set since somebody asked for the first one: filled by
    /// `insert`, emptied by `first`.
    fresh: Vec<Due>,
    /// When the others will. The one on top waits.
    deadlines: BinaryHeap<Reverse<Due>>,
    /// How many of both are of timers that were cancelled.
    remains: usize,
    /// Counts the timers so far, so that equal deadlines keep their order.
    age: u64,
}

/// The order is that of the fields.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Instant,
    age: u64,
    index: u32,
}

/// So many remains are not worth a sweep.
const FEW: usize = 64;

impl<T> Timers<T> {
    pub(crate) fn new(reactor: u32) -> Self {
        let (waiting, fresh, deadlines) = (Slab::new(), Vec::new(), BinaryHeap::new());
        Self { reactor, waiting, fresh, deadlines, remains: 0, age: 0 }
    }

    /// Without a deadline it never expires, and can only be taken back.
    pub(crate) fn insert(&mut self, deadline: Option<Instant>, data: T) -> TimerId {
        self.age += 1;
        let (age, entry) = (self.age, self.waiting.vacant_entry());
        let index = entry.key().try_into().expect("no memory holds 4 billion timers");
        let reactor = self.reactor;
        let id = TimerId { deadline: deadline.into(), age, index, reactor };
        entry.insert((id, data));
        self.fresh.extend(deadline.map(|at| Due { at, age, index }));
        trace::timer_set(id);
        id
    }

    pub(crate) fn remove(&mut self, id: TimerId) -> Option<T> {
        self.waiting.get(id.index as usize).filter(|(it, _)| *it == id)?;
        let (_, cancelled) = self.waiting.remove(id.index as usize);
        trace::timer_cancelled(id);
        let is_last = |due: &mut Due| due.age == id.age;
        if id.deadline().is_some() && self.fresh.pop_if(is_last).is_none() {
            self.remains += 1;
            self.tidy();
        }
        Some(cancelled)
    }

    /// The next deadline, if one will ever come.
    pub(crate) fn first(&mut self) -> Option<Instant> {
        if !self.fresh.is_empty() {
            self.deadlines.extend(self.fresh.drain(..).map(Reverse));
            self.fresh.shrink_to(FEW); // a crowd that came at once is with the others now
            self.tidy();
        }
        self.deadlines.peek().map(|due| due.0.at)
    }

    /// Hands back everybody whose time has come, earliest first. Asks for the time only if
    /// somebody waits for it.
    pub(crate) fn deliver(&mut self, now: impl FnOnce() -> Instant, ready: &mut Vec<T>) {
        if self.first().is_none() {
            return;
        }
        let now = now();
        while self.first().is_some_and(|first| first <= now) {
            let Reverse(due) = self.deadlines.pop().expect("there is a first one");
            let (id, data) = self.waiting.remove(due.index as usize);
            trace::timer_fired(id);
            ready.push(data);
            self.tidy();
        }
    }

    /// Everybody, for the end of the loop.
    pub(crate) fn take_all(&mut self) -> Vec<T> {
        self.fresh.clear();
        self.deadlines.clear();
        self.remains = 0;
        let mut all: Vec<_> = self.waiting.drain().collect();
        all.sort_by_key(|(id, _)| *id);
        all.into_iter().map(|(_, data)| data).collect()
    }

    /// How many will expire.
    pub(crate) fn len(&self) -> usize {
        self.fresh.len() + self.deadlines.len() - self.remains
    }

    /// Sees to it that the one on top waits, and that most of them do.
    fn tidy(&mut self) {
        if self.remains == 0 {
            return;
        }
        let Self { waiting, fresh, deadlines, remains, .. } = self;
        let waits = |due: &Due| {
            waiting.get(due.index as usize).is_some_and(|it| it.0.age == due.age)
        };
        while deadlines.peek().is_some_and(|due| !waits(&due.0)) {
            deadlines.pop();
            *remains -= 1;
        }
        let all = fresh.len() + deadlines.len();
        if *remains > FEW.max(all / 2) {
            fresh.retain(waits);
            deadlines.retain(|due| waits(&due.0));
            *remains = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Timers;
    use crate::{Reactor, backend::Clockwork};

    fn kept<T>(timers: &Timers<T>) -> usize {
        timers.fresh.len() + timers.deadlines.len()
    }

    /// Timeouts that are cancelled take no room, whoever stays, and whether somebody has asked
    /// for the first one meanwhile.
    #[test]
    fn those_who_are_cancelled_leave_little_behind() {
        let now = Reactor::<()>::with_backend(Clockwork::new()).now();
        let at = |n: u64| Some(now + Duration::from_millis(n));
        let mut timers = Timers::new(0);
        let staying: Vec<_> = (0..100).map(|n| timers.insert(at(n), n)).collect();
        for n in 0..10_000 {
            let id = timers.insert(at(50 + n % 1000), n);
            if n % 3 == 0 {
                assert_eq!(timers.first(), at(0));
            }
            assert_eq!(timers.remove(id), Some(n));
            assert_eq!(timers.remove(id), None);
            assert!(kept(&timers) <= 2 * 100 + 1, "{}", kept(&timers));
            assert!(timers.waiting.capacity() <= 256);
        }
        for id in staying {
            timers.remove(id);
            assert_eq!(timers.first().is_none(), timers.len() == 0);
        }
        assert_eq!((timers.len(), kept(&timers)), (0, 0));
    }

    /// With half of the deadlines remains, a sweep would cost more than it gives.
    #[test]
    fn remains_are_swept_when_they_are_more_than_half() {
        let now = Reactor::<()>::with_backend(Clockwork::new()).now();
        let at = |n: u64| Some(now + Duration::from_millis(n));
        for asks in [false, true] {
            let mut timers = Timers::new(0);
            let cancelled: Vec<_> =
                (0..1001).map(|n| timers.insert(at(5000), n)).collect();
            for n in 0..1000 {
                timers.insert(at(n), n);
            }
            if asks {
                assert_eq!(timers.first(), at(0));
            }
            for (n, id) in cancelled.into_iter().enumerate() {
                assert_eq!((timers.len(), kept(&timers)), (2001 - n, 2001));
                timers.remove(id);
            }
            assert_eq!((timers.len(), kept(&timers)), (1000, 1000));
            assert_eq!(timers.first(), at(0));
        }
    }

    /// A timeout around what is ready: it never comes near the heap.
    #[test]
    fn whoever_is_cancelled_at_once_leaves_nothing_behind() {
        let now = Reactor::<()>::with_backend(Clockwork::new()).now();
        let mut timers = Timers::new(0);
        timers.insert(Some(now), 0);
        assert_eq!(timers.first(), Some(now));
        let id = timers.insert(Some(now), 1);
        assert_eq!(timers.remove(id), Some(1));
        assert_eq!(
            (timers.fresh.len(), timers.deadlines.len(), timers.remains),
            (0, 1, 0)
        );
    }
}
