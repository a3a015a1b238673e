//! The state of a future, and those who want to be told when it changes.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::task::Context;

use reactor::trace::Place;
use smallvec::SmallVec;

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
    /// Filled by whoever awaits, and by `add_done_callback`; emptied by `finish`. Mostly there is
    /// one, and that one takes no allocation.
    notices: RefCell<Notices<T>>,
    /// Counts the notices so far.
    ids: Cell<u64>,
    /// Made by whoever sets an error.
    trouble: RefCell<Option<Box<Trouble>>>,
}

pub(super) type Notices<T> = SmallVec<[(CallbackId, Notice<T>); 1]>;

/// An error, and whether anybody has heard of it.
#[derive(Default)]
struct Trouble {
    /// What a panic said: for those who come when the panic was taken.
    said: String,
    /// Set with an error; taken by whoever hears of it. What is left is reported.
    unheard: Option<String>,
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
            notices: RefCell::default(),
            ids: Cell::default(),
            trouble: RefCell::default(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state.get() != State::Pending
    }

    /// Looks at how it ended, if it has and the result was not taken.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&End<T>) -> R) -> Option<R> {
        let trouble = self.trouble.take();
        let end = self.try_take_end()?;
        let seen = look(&end);
        self.end.set(Some(end));
        self.trouble.replace(trouble);
        Some(seen)
    }

    /// How it ended. The result is taken; `None`: it was before.
    fn try_take_end(&self) -> Option<End<T>> {
        self.is_heard();
        match (self.state.get(), self.end.take()) {
            (State::Cancelled, _) => Some(End::Cancelled),
            (State::Panicked, None) => Some(End::Panicked(Box::new(self.said()))),
            (_, end) => end,
        }
    }

    /// What it panicked with, if it did.
    pub(crate) fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        match self.end.take() {
            Some(End::Panicked(panic)) => {
                self.is_heard();
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
            self.note(new, Notice::Waiter(Waiter::of(context)));
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

    /// Whoever asked to be told, in that order.
    pub(super) fn take_notices(&self) -> Notices<T> {
        self.notices.take()
    }

    /// Has somebody told.
    pub(super) fn note(&self, id: CallbackId, notice: Notice<T>) {
        self.notices.borrow_mut().push((id, notice));
    }

    /// It has ended in a panic that said this.
    pub(super) fn has_said(&self, said: String) {
        self.trouble.borrow_mut().get_or_insert_default().said = said;
    }

    fn said(&self) -> String {
        self.trouble.borrow().as_ref().map_or_else(String::new, |it| it.said.clone())
    }

    /// It has an error; unless somebody hears of that, it is reported like this.
    pub(super) fn is_unheard(&self, text: String) {
        self.trouble.borrow_mut().get_or_insert_default().unheard = Some(text);
    }

    /// An error was seen: nobody need be told of it any more.
    #[inline]
    pub(crate) fn is_heard(&self) {
        if let Some(trouble) = &mut *self.trouble.borrow_mut() {
            trouble.unheard = None;
        }
    }
}

impl<T> Drop for Outcome<T> {
    fn drop(&mut self) {
        let trouble = self.trouble.take();
        if let Some(text) = trouble.and_then(|it| it.unheard) {
            report(format_args!("An exception was never retrieved: {text}"));
        }
        if let Some(end) = self.end.take() {
            bury(end);
        }
    }
}
