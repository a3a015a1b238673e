//! The state of a future, and those who want to be told when it changes.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::Context;

use reactor::trace::Place;

use super::{CallbackId, Future};
use crate::cancel::End;
use crate::event_loop::{EventLoop, Inner};
use crate::extras::report::{bury, guard, report};
use crate::extras::waiter::Waiter;

/// The state, and those who are told.
pub(crate) struct Outcome<T: 'static> {
    pub(crate) event_loop: Weak<Inner>,
    pub(super) state: Cell<State>,
    /// Set by `finish`; taken by whoever awaits it by value.
    pub(super) end: Cell<Option<End<T>>>,
    /// What a panic said: for those who come when the panic was taken.
    pub(super) said: RefCell<String>,
    /// Filled by whoever awaits, and by `add_done_callback`; emptied by `finish`.
    pub(super) notices: RefCell<Vec<(CallbackId, Notice<T>)>>,
    /// Counts the notices so far.
    ids: Cell<u64>,
    /// Set with an error; taken by whoever hears of it. What is left is reported.
    pub(super) unheard: Cell<Option<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Finished,
    Cancelled,
    Panicked,
}

pub(super) enum Notice<T: 'static> {
    Waiter(Waiter),
    Callback(DoneCallback<T>, Place),
}

pub(crate) type DoneCallback<T> = Box<dyn Teller<T>>;

/// What is called when a future is done.
pub(crate) trait Teller<T: 'static> {
    fn call(self: Box<Self>, future: &Future<T>);

    /// Names those who wait for it to be called, if it knows.
    fn awaiters(&self, _visit: &mut dyn FnMut(&Waiter)) {}
}

impl<T: 'static, F: FnOnce(&Future<T>)> Teller<T> for F {
    fn call(self: Box<Self>, future: &Future<T>) {
        self(future);
    }
}

impl<T: 'static> Outcome<T> {
    pub(crate) fn new(event_loop: &EventLoop) -> Self {
        Self {
            event_loop: Rc::downgrade(&event_loop.0),
            state: Cell::new(State::Pending),
            end: Cell::default(),
            said: RefCell::default(),
            notices: RefCell::default(),
            ids: Cell::default(),
            unheard: Cell::default(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.get() != State::Pending
    }

    /// Looks at how it ended, if it has and the result was not taken.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&End<T>) -> R) -> Option<R> {
        let unheard = self.unheard.take();
        let end = self.try_take_end()?;
        let seen = look(&end);
        self.end.set(Some(end));
        self.unheard.set(unheard);
        Some(seen)
    }

    /// How it ended. The result is taken; `None`: it was before.
    fn try_take_end(&self) -> Option<End<T>> {
        self.unheard.take();
        match (self.state.get(), self.end.take()) {
            (State::Cancelled, _) => Some(End::Cancelled),
            (State::Panicked, None) => {
                Some(End::Panicked(Box::new(self.said.borrow().clone())))
            }
            (_, end) => end,
        }
    }

    /// What it panicked with, if it did.
    pub(crate) fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        match self.end.take() {
            Some(End::Panicked(panic)) => {
                self.unheard.take();
                Some(panic)
            }
            other => {
                self.end.set(other);
                None
            }
        }
    }

    pub(crate) fn take_end(&self) -> End<T> {
        self.try_take_end().expect(
            "the result was taken already: await a reference to a future, or to a task, if \
             several want to have it",
        )
    }

    /// How it ended. The result stays; `None`: it was taken.
    pub(super) fn clone_end(&self) -> Option<End<T>>
    where
        T: Clone,
    {
        let value = match self.try_take_end()? {
            End::Finished(value) => value,
            other => return Some(other),
        };
        // Nothing is borrowed while the user's code runs.
        let copy = guard(|| value.clone());
        self.end.set(Some(End::Finished(value)));
        Some(copy.map_or_else(End::Panicked, End::Finished))
    }

    pub(super) fn remove(&self, id: CallbackId) -> Option<Notice<T>> {
        let mut notices = self.notices.borrow_mut();
        let place = notices.iter().position(|(it, _)| *it == id)?;
        Some(notices.remove(place).1)
    }

    pub(super) fn next_id(&self) -> CallbackId {
        self.ids.set(self.ids.get() + 1);
        CallbackId(self.ids.get())
    }

    /// Has whoever is polled with `context` woken at the end. `id` is that of the same waiter's
    /// last notice.
    pub(crate) fn tell(&self, id: &mut Option<CallbackId>, context: &Context<'_>) {
        let mut notices = self.notices.borrow_mut();
        let old = notices.iter_mut().find(|(it, _)| Some(*it) == *id);
        if let Some((_, notice)) = old {
            let is_same = matches!(notice, Notice::Waiter(it) if it.is(context));
            if is_same {
                return;
            }
            let before = std::mem::replace(notice, Notice::Waiter(Waiter::of(context)));
            drop(notices);
            drop(before);
        } else {
            drop(notices);
            let new = self.next_id();
            *id = Some(new);
            self.notices.borrow_mut().push((new, Notice::Waiter(Waiter::of(context))));
        }
    }

    /// Names those who wait for it. They must leave everything as it is.
    pub(crate) fn awaiters(&self, visit: &mut dyn FnMut(&Waiter)) {
        for (_, notice) in &*self.notices.borrow() {
            match notice {
                Notice::Waiter(waiter) => visit(waiter),
                Notice::Callback(callback, _) => callback.awaiters(visit),
            }
        }
    }

    /// An error was seen: nobody need be told of it any more.
    pub(crate) fn is_heard(&self) {
        self.unheard.take();
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        if let Some(text) = self.unheard.take() {
            report(format_args!("An exception was never retrieved: {text}"));
        }
        bury(self.end.take());
    }
}
