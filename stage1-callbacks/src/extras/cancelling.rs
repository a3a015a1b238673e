//! How a cancel finds its way: past everybody who only waits, to whoever can do something
//! about it.

use std::rc::{Rc, Weak};

use super::nesting::{Work, later, perform};
use crate::deferred::{CancelHandle, Cancelled, Chain, Deferred, Firer};
use crate::failure::{guard, report};
use crate::net::Waiting;

impl<T: 'static> Deferred<T> {
    /// A deferred that has not fired, and who can fire it. `canceller` is what to do when
    /// somebody cancels it: it may fire it, and if it does not, the deferred fails with
    /// [`Cancelled`].
    #[doc = include_str!("../../docs/with_canceller.md")]
    #[track_caller]
    pub fn with_canceller(
        canceller: impl FnOnce(Firer<T>) + 'static,
    ) -> (Firer<T>, Self) {
        let (firer, deferred) = Self::new();
        let own = firer.downgrade();
        (firer, deferred.given_up_by(move || own().map_or((), canceller)))
    }

    /// A deferred that stands for others. A cancel is passed on to those that
    /// `names` names at the moment, every time; then `told` is told. It is for them to have
    /// this deferred fired, with what they come to, when they come to it.
    #[track_caller]
    pub(crate) fn with_relay(
        names: impl Fn() -> Vec<CancelHandle> + 'static,
        told: impl Fn(Firer<T>) + 'static,
    ) -> (Firer<T>, Self) {
        let (firer, deferred) = Self::new();
        let own = firer.downgrade();
        let told = move || own().into_iter().for_each(&told);
        let relay = Relay { names: Box::new(names), told: Box::new(told) };
        let _ = firer.chain.relay.set(relay);
        (firer, deferred)
    }

    /// Whoever cancels it has `give_up` called.
    pub(crate) fn given_up_by(self, give_up: impl FnOnce() + 'static) -> Self {
        self.chain.canceller.set(Some(Canceller::Call(Box::new(give_up))));
        self
    }

    /// Gives up: fails with [`Cancelled`] unless it has fired. Who waits for an inner
    /// deferred cancels that one instead.
    pub fn cancel(&self) {
        self.chain.cancel();
    }

    /// The right to cancel, for somebody else.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::to(&self.chain)
    }
}

impl CancelHandle {
    pub(crate) fn to(chain: &Rc<Chain>) -> Self {
        chain.is_awaited.set(true);
        Self(Rc::downgrade(chain))
    }

    /// Whether nobody is left who could fire the deferred, or add to it.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Cancels the deferred, if it is still there.
    pub fn cancel(&self) {
        if let Some(chain) = self.0.upgrade() {
            chain.cancel();
        }
    }
}

/// What a cancel does.
pub(crate) enum Canceller {
    Call(Box<dyn FnOnce()>),
    /// It gives up an operation of a socket.
    Operation(Waiting),
}

impl Canceller {
    fn call(self) {
        match self {
            Self::Call(call) => call(),
            Self::Operation(waiting) => waiting.cancel(),
        }
    }
}

/// Whom a deferred stands for, and who is told when they have been cancelled.
pub(crate) struct Relay {
    names: Box<dyn Fn() -> Vec<CancelHandle>>,
    told: Box<dyn Fn()>,
}

impl Chain {
    pub(crate) fn cancel(self: &Rc<Self>) {
        perform(Work::Cancel(Rc::clone(self)));
    }

    /// Cancels what this one waits for; or this one, if that is nobody.
    pub(crate) fn pass_on(self: Rc<Self>) -> Option<Work> {
        let Some(others) = self.waits_on() else { return self.give_up() };
        others.into_iter().for_each(|other| later(Work::Cancel(other)));
        Some(Work::Tell(self))
    }

    /// Tells whoever fires it that those it stands for were cancelled.
    pub(crate) fn tell(&self) {
        if let Some(relay) = self.relay.get().filter(|_| !self.fired.get())
            && let Err(panic) = guard(&relay.told)
        {
            report(format_args!("A canceller failed: {panic}"));
        }
    }

    /// Whether it is `other`, which does not wait itself, or waits for it in the end.
    pub(crate) fn waits_for(self: &Rc<Self>, other: &Rc<Self>) -> bool {
        if !other.is_awaited.get() {
            return Rc::ptr_eq(self, other);
        }
        let mut reached = vec![Rc::clone(self)];
        while let Some(chain) = reached.pop() {
            let last = chain.last_in_line();
            if Rc::ptr_eq(&last, other) {
                return true;
            }
            reached.extend(last.waits_on().into_iter().flatten());
        }
        false
    }

    /// The inner one of its inner one, and so on, to the last that waits for no other. The way
    /// there is taken a short cut the next time.
    fn last_in_line(self: Rc<Self>) -> Rc<Self> {
        let (mut last, mut passed) = (self, Vec::new());
        while let Some(next) = last.next_in_line() {
            passed.push(std::mem::replace(&mut last, next));
        }
        for chain in passed {
            if let Some(inner) = &*chain.waits_for.borrow() {
                inner.short_cut.replace(Some(Rc::downgrade(&last)));
            }
        }
        last
    }

    /// The one that its last callback gave, unless that is gone.
    pub(crate) fn inner(&self) -> Option<Rc<Self>> {
        self.waits_for.borrow().as_ref().and_then(|inner| inner.chain.upgrade())
    }

    fn next_in_line(&self) -> Option<Rc<Self>> {
        let waits_for = self.waits_for.borrow();
        let short_cut = waits_for.as_ref()?.short_cut.borrow();
        let ahead = short_cut.as_ref().and_then(Weak::upgrade);
        ahead.filter(|ahead| !ahead.is_settled()).or_else(|| self.inner())
    }

    /// Those that it waits for, and to which a cancel goes. `None`: it stays here.
    fn waits_on(&self) -> Option<Vec<Rc<Self>>> {
        if self.waits_for.borrow().is_some() {
            return self.inner().map(|inner| vec![inner]);
        }
        let relay = self.relay.get().filter(|_| !self.fired.get())?;
        Some((relay.names)().iter().filter_map(|handle| handle.0.upgrade()).collect())
    }

    /// Fails with [`Cancelled`], unless the canceller has something else to say.
    fn give_up(self: Rc<Self>) -> Option<Work> {
        if let Some(gone) = self.waits_for.take() {
            gone.output.fail(Cancelled.into());
        } else if !self.fired.get() {
            match self.canceller.take() {
                Some(canceller) => {
                    if let Err(panic) = guard(|| canceller.call()) {
                        report(format_args!("A canceller failed: {panic}"));
                    }
                }
                None => self.swallow.set(true),
            }
            if self.fired.replace(true) {
                return None;
            }
            self.start.fail(Cancelled.into());
        }
        Some(Work::Run(self))
    }
}
