//! A line of those who wait: first come, first served, and nothing is lost if one of them goes.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};

use reactor::trace::Place;

use crate::extras::waiter::Waiter;
use crate::tasks::{WaitsFor, waits};

/// Those who wait, and what was handed to them.
pub(crate) struct Line<T> {
    /// Filled by whoever stands in line, in the order of the tickets; whoever is served leaves.
    waiting: RefCell<BTreeMap<u64, Waiter>>,
    /// Filled by `serve`; emptied by the poll of whoever was served.
    served: RefCell<BTreeMap<u64, T>>,
    /// How many tickets were given out.
    tickets: Cell<u64>,
}

/// Something in front of which a line forms.
pub(crate) trait Serves {
    /// What whoever is served is given.
    type Given;

    /// What it is called, for those who ask what a task waits for.
    fn what(&self) -> &'static str;

    fn line(&self) -> &Line<Self::Given>;

    /// Somebody was served, and has gone before it knew: it was cancelled.
    fn come_back(&self, given: Self::Given);
}

impl<T> Line<T> {
    /// Serves whoever waits longest.
    ///
    /// # Errors
    ///
    /// Gives the thing back if nobody waits.
    pub(crate) fn serve(&self, given: T) -> Result<(), T> {
        let first = self.waiting.borrow_mut().pop_first();
        let Some((ticket, waiter)) = first else { return Err(given) };
        self.served.borrow_mut().insert(ticket, given);
        waiter.wake();
        Ok(())
    }

    /// Serves all who wait by now: the first one has number 0.
    pub(crate) fn serve_all(&self, given: impl Fn(usize) -> T) {
        for number in 0..self.len() {
            // Somebody may have gone since.
            let _ = self.serve(given(number));
        }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.borrow().len()
    }
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        let (waiting, served, tickets) = Default::default();
        Self { waiting, served, tickets }
    }
}

/// Whoever stands in line. Dropped, because it was cancelled, it leaves the line.
#[must_use = "futures do nothing unless they are awaited"]
pub(crate) struct Standing<'a, S: Serves> {
    of: &'a S,
    /// `None` before the first poll, and once it has what it waited for.
    ticket: Option<u64>,
    /// The line of the program that waits.
    place: Place,
}

impl<'a, S: Serves> Standing<'a, S> {
    #[track_caller]
    pub(crate) fn before(of: &'a S) -> Self {
        Self { of, ticket: None, place: Place::here() }
    }
}

impl<S: Serves> Future for Standing<'_, S> {
    type Output = S::Given;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<S::Given> {
        let Line { waiting, served, tickets } = self.of.line();
        let given = self.ticket.and_then(|it| served.borrow_mut().remove(&it));
        if let Some(given) = given {
            self.ticket = None;
            return Poll::Ready(given);
        }
        let ticket =
            *self.ticket.get_or_insert_with(|| tickets.replace(tickets.get() + 1));
        let before = waiting.borrow_mut().insert(ticket, Waiter::of(context));
        drop(before);
        waits(WaitsFor::Other(self.of.what()), self.place);
        Poll::Pending
    }
}

impl<S: Serves> Drop for Standing<'_, S> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let Line { waiting, served, .. } = self.of.line();
        let waiter = waiting.borrow_mut().remove(&ticket);
        drop(waiter);
        let given = served.borrow_mut().remove(&ticket);
        if let Some(given) = given {
            self.of.come_back(given);
        }
    }
}
