//! Who waits on a loop, and what for.

use std::cell::Cell;
use std::mem;

use crate::event_loop::{EventLoop, GreenletId};
use crate::extras::deadlock::What;
use crate::failure::Failure;
use crate::greenlet::Greenlet;

thread_local! {
    /// How many waits there have been.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Those who wait, each at a place of its own, so that nobody has to be looked for.
#[derive(Default)]
pub(crate) struct Waiting {
    places: Vec<Option<(u64, Waiter)>>,
    free: Vec<usize>,
}

/// Who waits, and what for: to go on, or to have something raised.
pub(crate) struct Waiter {
    pub(crate) greenlet: Greenlet,
    pub(crate) what: What,
    pub(crate) raise: Option<Raise>,
}

/// A failure, and how many unwindings deep a stack may be for it.
pub(crate) type Raise = (Failure, u32);

impl GreenletId {
    /// Of somebody who waits at that place.
    fn at(place: usize) -> Self {
        let number = COUNT.get();
        COUNT.set(number + 1);
        Self { number, place }
    }

    /// Of nobody; younger than all before it.
    pub(crate) fn of_nobody() -> Self {
        Self::at(usize::MAX)
    }
}

impl Waiting {
    fn insert(&mut self, waiter: Waiter) -> GreenletId {
        let place = self.free.pop().unwrap_or(self.places.len());
        let id = GreenletId::at(place);
        let waiter = Some((id.number, waiter));
        match self.places.get_mut(place) {
            Some(free) => *free = waiter,
            None => self.places.push(waiter),
        }
        id
    }

    pub(crate) fn get(&self, id: GreenletId) -> Option<&Waiter> {
        let (number, waiter) = self.places.get(id.place)?.as_ref()?;
        (*number == id.number).then_some(waiter)
    }

    fn remove(&mut self, id: GreenletId) -> Option<Waiter> {
        self.get(id)?;
        let (_, waiter) = self.places[id.place].take()?;
        self.free.push(id.place);
        Some(waiter)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Waiter> {
        self.places.iter().flatten().map(|(_, waiter)| waiter)
    }

    /// Everybody, the oldest first. Their ids resume nobody any more.
    pub(crate) fn take_all(&mut self) -> Vec<Waiter> {
        let Self { places, .. } = mem::take(self);
        let mut all: Vec<_> = places.into_iter().flatten().collect();
        all.sort_by_key(|(number, _)| *number);
        all.into_iter().map(|(_, waiter)| waiter).collect()
    }
}

impl EventLoop {
    /// An id under which `greenlet` will go on, or have something raised.
    pub(crate) fn expect(
        &self,
        greenlet: &Greenlet,
        what: What,
        raise: Option<Raise>,
    ) -> GreenletId {
        let greenlet = greenlet.clone();
        self.waiting.borrow_mut().insert(Waiter { greenlet, what, raise })
    }

    pub(crate) fn is_waiting(&self, id: GreenletId) -> bool {
        self.waiting.borrow().get(id).is_some()
    }

    pub(crate) fn take(&self, id: GreenletId) -> Option<Waiter> {
        self.waiting.borrow_mut().remove(id)
    }
}
