//! First come, first served: a line of those who wait, each of whom is handed something once.
//!
//! What was handed over to somebody who then left without looking goes back, and so to the
//! next. That is all there is to being safe to cancel, and it is written here only: everything
//! in [`sync`](crate::extras::sync) and [`channel`](crate::extras::channel) stands in such a
//! line.

use std::cell::RefCell;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use reactor::trace;
use slab::Slab;

use crate::extras::deadlock::WaitsFor;
use crate::extras::waiter::Waiter;

/// What tasks stand in line for.
pub(crate) trait Counter {
    /// What whoever is served is handed.
    type Ware;

    /// What a deadlock calls it: "a mutex".
    const NAME: &'static str;

    fn queue(&self) -> &Queue<Self::Ware>;

    /// Somebody was served, and has left without looking.
    fn take_back(&self, ware: Self::Ware);
}

/// Those who wait, in the order in which they came.
pub(crate) struct Queue<W>(RefCell<Tickets<W>>);

/// A list that is linked both ways: to leave it costs the same anywhere.
struct Tickets<W> {
    /// Whoever is served is out of the list, but keeps its ticket until it has looked.
    slab: Slab<Ticket<W>>,
    first: Option<usize>,
    last: Option<usize>,
    waiting: usize,
}

struct Ticket<W> {
    state: State<W>,
    before: Option<usize>,
    behind: Option<usize>,
}

enum State<W> {
    Waits(Waiter),
    Served(W),
}

impl<W> Queue<W> {
    pub(crate) fn new() -> Self {
        let (slab, first, last) = (Slab::new(), None, None);
        Self(RefCell::new(Tickets { slab, first, last, waiting: 0 }))
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().waiting
    }

    /// Hands something to whoever came first.
    ///
    /// # Errors
    ///
    /// Gives it back if nobody waits.
    #[track_caller]
    pub(crate) fn serve(&self, ware: W) -> Result<(), W> {
        let waiter = self.0.borrow_mut().serve(ware)?;
        waiter.wake();
        Ok(())
    }

    /// Hands something to each who waits now, and wakes them when all of them have it.
    #[track_caller]
    pub(crate) fn serve_all(&self, mut ware: impl FnMut() -> W) {
        let mut tickets = self.0.borrow_mut();
        let present = 0..tickets.waiting;
        let served: Vec<_> = present.filter_map(|_| tickets.serve(ware()).ok()).collect();
        drop(tickets);
        served.into_iter().for_each(Waiter::wake);
    }

    /// What was handed over to whoever has the ticket, if anything was: then it is used up.
    fn look(&self, ticket: usize) -> Option<W> {
        let mut tickets = self.0.borrow_mut();
        match tickets.slab[ticket].state {
            State::Waits(_) => None,
            State::Served(_) => tickets.slab.remove(ticket).served(),
        }
    }

    /// Has somebody else woken; gives back who it was before.
    fn replace(&self, ticket: usize, waiter: Waiter) -> State<W> {
        let mut tickets = self.0.borrow_mut();
        std::mem::replace(&mut tickets.slab[ticket].state, State::Waits(waiter))
    }

    /// Leaves, and gives what was handed over meanwhile.
    fn leave(&self, ticket: usize) -> Option<W> {
        let mut tickets = self.0.borrow_mut();
        if matches!(tickets.slab[ticket].state, State::Waits(_)) {
            tickets.unlink(ticket);
        }
        let left = tickets.slab.remove(ticket);
        drop(tickets);
        left.served()
    }
}

impl<W> Tickets<W> {
    fn join(&mut self, waiter: Waiter) -> usize {
        let (state, before) = (State::Waits(waiter), self.last);
        let ticket = self.slab.insert(Ticket { state, before, behind: None });
        match before {
            Some(before) => self.slab[before].behind = Some(ticket),
            None => self.first = Some(ticket),
        }
        self.last = Some(ticket);
        self.waiting += 1;
        ticket
    }

    fn unlink(&mut self, ticket: usize) {
        let Ticket { before, behind, .. } = self.slab[ticket];
        match before {
            Some(before) => self.slab[before].behind = behind,
            None => self.first = behind,
        }
        match behind {
            Some(behind) => self.slab[behind].before = before,
            None => self.last = before,
        }
        self.waiting -= 1;
    }

    fn serve(&mut self, ware: W) -> Result<Waiter, W> {
        let Some(first) = self.first else { return Err(ware) };
        self.unlink(first);
        let state = &mut self.slab[first].state;
        match std::mem::replace(state, State::Served(ware)) {
            State::Waits(waiter) => Ok(waiter),
            State::Served(_) => unreachable!("whoever is served is out of the list"),
        }
    }
}

impl<W> Ticket<W> {
    fn served(self) -> Option<W> {
        match self.state {
            State::Served(ware) => Some(ware),
            State::Waits(_) => None,
        }
    }
}

/// Stands in line, from the first poll on, until it is served. Dropped, it leaves the line.
pub(crate) struct Queued<C: Deref<Target: Counter>> {
    counter: C,
    /// There from the first poll on, until it is served.
    ticket: Option<usize>,
    /// Where the program waits, for the recording.
    at: trace::Place,
}

impl<C: Deref<Target: Counter>> Queued<C> {
    pub(crate) fn new(counter: C, at: trace::Place) -> Self {
        Self { counter, ticket: None, at }
    }
}

impl<C> Future for Queued<C>
where
    C: Deref<Target: Counter> + Unpin,
{
    type Output = <C::Target as Counter>::Ware;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let queue = self.counter.queue();
        if let Some(ware) = self.ticket.and_then(|ticket| queue.look(ticket)) {
            self.ticket = None;
            return Poll::Ready(ware);
        }
        let waiter = Waiter::of(context, WaitsFor::Shared(C::Target::NAME));
        let ticket = match self.ticket {
            Some(ticket) => {
                drop(queue.replace(ticket, waiter));
                ticket
            }
            None => queue.0.borrow_mut().join(waiter),
        };
        self.ticket = Some(ticket);
        trace::waits_at(self.at);
        Poll::Pending
    }
}

impl<C: Deref<Target: Counter>> Drop for Queued<C> {
    fn drop(&mut self) {
        let left =
            self.ticket.take().and_then(|ticket| self.counter.queue().leave(ticket));
        if let Some(ware) = left {
            self.counter.take_back(ware);
        }
    }
}
