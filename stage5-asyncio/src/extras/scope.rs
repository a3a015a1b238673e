//! How a cancel finds its way: scopes, which form a tree, and the future that fills one.
//!
//! A *scope* is a place on the path of a task where a cancel can land: a
//! [`catch_cancel`](crate::cancel::catch_cancel), a `finally`, a timeout, the task itself. A
//! scope hangs under the one inside of which it was polled last, and so scopes form a tree: a
//! join of two bodies forks. A request to stop goes down to whatever is innermost: to every
//! scope that has none inside, and to the tasks and futures that are awaited there.
//!
//! Whoever is asked takes the request at its next poll. If it is not polled then (somebody
//! keeps it and polls others), the scope around it takes the request back, and stops itself.
//!
//! Most tasks are never cancelled, and await nothing that could be. So a task's own scope is made
//! by the first who needs it ([`Root`]), and until then it costs nothing.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use slab::Slab;

use crate::event_loop::try_current;
use crate::extras::report::{bury, guard, report, report_panic};
use crate::extras::request::{self, Reached};
use crate::extras::waiter::Waiter;
use crate::tasks;

/// How a body ended.
pub(crate) enum End<T> {
    Finished(T),
    Cancelled,
    Panicked(Box<dyn Any + Send>),
}

/// What can be cancelled while somebody awaits it.
pub(crate) trait Cancellable {
    /// `false`: it was done already.
    fn cancel(self: Rc<Self>) -> bool;
}

type Exit = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// The innermost scope that is being polled. Swapped for the length of a poll.
    static CURRENT: RefCell<Place> = const { RefCell::new(Place::Root) };
}

/// Where a poll is under way.
enum Place {
    /// In the task that runs, and in no scope further in. If none runs, outside of all scopes.
    Root,
    Scope(Rc<Scope>),
    /// In a task, and outside of all scopes.
    Outside,
}

/// A place where a cancel can land.
#[derive(Default)]
pub(crate) struct Scope {
    /// Where it hangs: filled by `attach`, emptied by `detach`.
    parent: RefCell<Option<(Rc<Scope>, usize)>>,
    /// What hangs here.
    inner: RefCell<Slab<Inner>>,
    /// Set by a request that is for this scope; taken by its next poll.
    is_requested: Cell<bool>,
    /// Set by a request that went further in; cleared by whoever takes it there.
    is_asked: Cell<bool>,
    /// Set while a request is passed on to those inside.
    is_asking: Cell<bool>,
    /// Set by `raise`; taken at the end of the poll in which that happened.
    is_raised: Cell<bool>,
    /// How many inside were polled last and are given the time they take: a raise beside them
    /// waits until then. Counted anew in each poll.
    patience: Cell<usize>,
    /// Counts the polls.
    polls: Cell<u64>,
    /// How many requests came from further out, less those that were taken back.
    pub(crate) from_outside: Cell<usize>,
    /// Kept by each poll: whoever polls this scope.
    waiter: RefCell<Option<Waiter>>,
    /// Filled by what was dropped inside; emptied by the scope's own polls.
    exits: RefCell<Exits>,
}

/// What hangs in a scope.
enum Inner {
    Scope(Rc<Scope>),
    /// Whether a request has reached it.
    Awaited(Rc<dyn Cancellable>, bool),
}

impl Scope {
    pub(crate) fn current() -> Option<Rc<Self>> {
        let current = CURRENT.try_with(|current| match &*current.borrow() {
            Place::Root => tasks::root(),
            Place::Scope(scope) => Some(Rc::clone(scope)),
            Place::Outside => None,
        });
        current.ok().flatten()
    }

    /// The scope of a task that waits already, or does not wait yet.
    pub(crate) fn of_task(waiter: Option<Waiter>) -> Rc<Self> {
        Rc::new(Self { waiter: RefCell::new(waiter), ..Self::default() })
    }

    /// Asks whatever is innermost to stop.
    pub(crate) fn request(self: &Rc<Self>) {
        request::request(self);
    }

    /// Whether a request is just being passed on to those inside. One that comes round to here
    /// has come in a circle.
    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking.get()
    }

    /// Gives those inside whom a request reaches, scopes first.
    pub(crate) fn begin_to_ask(&self) -> Vec<Reached> {
        self.is_asking.set(true);
        let (mut scopes, mut awaited) = (Vec::new(), Vec::new());
        for (_, inner) in self.inner.borrow_mut().iter_mut() {
            match inner {
                Inner::Scope(scope) => scopes.push(Reached::Scope(Rc::clone(scope))),
                Inner::Awaited(what, is_reached) => {
                    *is_reached = true;
                    awaited.push(Reached::Awaited(Rc::clone(what)));
                }
            }
        }
        self.is_asked.set(self.is_asked.get() || !scopes.is_empty());
        scopes.append(&mut awaited);
        scopes
    }

    /// They were asked. What none of them takes is for this scope.
    pub(crate) fn end_to_ask(&self, is_heard: bool) {
        self.is_asking.set(false);
        if !is_heard {
            self.is_requested.set(true);
        }
        self.wake();
    }

    /// Takes one request back, from all scopes through which it came.
    pub(crate) fn uncancel() {
        let mut path = Self::current();
        while let Some(scope) = path {
            scope.from_outside.set(scope.from_outside.get().saturating_sub(1));
            path = scope.outer();
        }
    }

    /// Whether it was asked to stop, and was not polled since.
    pub(crate) fn is_requested(&self) -> bool {
        self.is_requested.get() || self.is_asked.get()
    }

    #[track_caller]
    fn wake(&self) {
        let waiter = self.waiter.borrow().clone();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn outer(&self) -> Option<Rc<Self>> {
        self.parent.borrow().as_ref().map(|(parent, _)| Rc::clone(parent))
    }

    /// Takes the reason to stop now, if there is one: a request, or a raise that nothing inside
    /// holds up.
    fn take_stop(&self) -> bool {
        self.take_request() || self.patience.get() == 0 && self.is_raised.take()
    }

    /// Takes a request that is for this scope. Nobody further out has to take it any more.
    #[inline]
    fn take_request(&self) -> bool {
        let is_taken = self.is_requested.get();
        if is_taken {
            self.take_request_from_all();
        }
        is_taken
    }

    #[cold]
    fn take_request_from_all(&self) {
        self.is_requested.set(false);
        let mut path = self.outer();
        while let Some(scope) = path {
            scope.is_asked.set(false);
            path = scope.outer();
        }
    }

    /// Takes back what was asked of those inside, who were polled by now or will not be.
    #[inline]
    fn take_back(&self) {
        if self.is_asked.take() {
            self.revoke();
            self.is_requested.set(true);
        }
    }

    fn revoke(&self) {
        for (_, inner) in self.inner.borrow().iter() {
            if let Inner::Scope(scope) = inner {
                scope.is_requested.set(false);
                scope.is_asked.set(false);
                scope.revoke();
            }
        }
    }

    /// Whether somebody inside was asked to stop, and has not been polled since.
    fn is_anybody_asked(&self) -> bool {
        let inner = self.inner.borrow();
        inner.iter().any(|(_, it)| matches!(it, Inner::Scope(it) if it.is_requested()))
    }

    /// Hangs the scope under the one that is being polled. A request that waited there is for
    /// the newcomer.
    fn attach(self: &Rc<Self>) {
        let Some(outer) = Self::current() else { return self.detach() };
        if self.outer().is_some_and(|parent| Rc::ptr_eq(&parent, &outer)) {
            return;
        }
        self.detach();
        let place = outer.inner.borrow_mut().insert(Inner::Scope(Rc::clone(self)));
        if outer.is_requested.take() {
            outer.is_asked.set(true);
            self.is_requested.set(true);
            self.from_outside.set(self.from_outside.get() + 1);
        }
        self.parent.replace(Some((outer, place)));
    }

    /// Leaves the tree. A request that it has not taken is for the scope around it, unless that
    /// has asked others, too.
    fn detach(&self) {
        let Some((outer, place)) = self.parent.take() else { return };
        let was_asked = self.is_requested.take() | self.is_asked.take();
        let left = outer.inner.borrow_mut().remove(place);
        if was_asked && outer.is_asked.get() && !outer.is_anybody_asked() {
            outer.is_asked.set(false);
            outer.is_requested.set(true);
        }
        drop(left);
    }

    /// A task is always polled by itself.
    fn keep_first(&self, context: &Context<'_>) {
        if self.waiter.borrow().is_none() {
            self.keep(context);
        }
    }

    fn keep(&self, context: &Context<'_>) {
        let mut kept = self.waiter.borrow_mut();
        if kept.as_ref().is_some_and(|kept| kept.is(context)) {
            return;
        }
        let before = kept.replace(Waiter::of(context));
        drop(kept);
        drop(before);
    }

    /// Exits that were not run yet are for whoever is outside.
    pub(crate) fn leave_exits(&self) {
        let exits = self.exits.take();
        drop(exits);
    }

    /// Awaits the exits that were left behind here.
    #[inline]
    fn poll_exits(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.exits.borrow().0.is_empty() {
            return Poll::Ready(());
        }
        self.poll_those(context)
    }

    fn poll_those(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut exits = self.exits.take();
        let polled = exits.poll(context);
        exits.0.append(&mut self.exits.borrow_mut().0);
        self.exits.replace(exits);
        polled
    }
}

/// Something that is awaited, where a cancel of whoever awaits it finds it.
#[derive(Default)]
pub(crate) struct Seat(Option<(Rc<Scope>, usize)>);

impl Seat {
    /// Has it hang in the scope that is being polled.
    pub(crate) fn take(&mut self, what: impl FnOnce() -> Rc<dyn Cancellable>) {
        let Some(scope) = Scope::current() else { return self.leave() };
        if self.0.as_ref().is_some_and(|(taken, _)| Rc::ptr_eq(taken, &scope)) {
            return;
        }
        self.leave();
        let (is_requested, what) = (scope.take_request(), what());
        let to_cancel = is_requested.then(|| Rc::clone(&what));
        let inner = Inner::Awaited(what, is_requested);
        let place = scope.inner.borrow_mut().insert(inner);
        self.0 = Some((scope, place));
        if let Some(what) = to_cancel {
            what.cancel();
        }
    }

    /// Whether a cancel of whoever awaits it has reached it.
    pub(crate) fn is_reached(&self) -> bool {
        let Some((scope, place)) = &self.0 else { return false };
        matches!(scope.inner.borrow().get(*place), Some(Inner::Awaited(_, true)))
    }

    pub(crate) fn leave(&mut self) {
        if let Some((scope, place)) = self.0.take() {
            let left = scope.inner.borrow_mut().remove(place);
            drop(left);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The time that something takes which is not to be interrupted by a raise beside it, in
/// another branch of a join: a cleanup, or a task that was cancelled along with whoever awaits
/// it. It lasts for as long as it is polled whenever its scope is.
#[derive(Default)]
pub(crate) struct Patience {
    /// The scope that gives it, and the number of the poll in which it did.
    given: Option<(Rc<Scope>, u64)>,
    /// Whoever raises itself needs no time any more.
    has_raised: bool,
}

impl Patience {
    /// Polls a cleanup.
    pub(crate) fn poll<T>(&mut self, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let Some(scope) = Scope::current() else { return poll() };
        let raised_beside = scope.is_raised.take();
        let polled = poll();
        self.has_raised |= scope.is_raised.get();
        scope.is_raised.set(scope.is_raised.get() | raised_beside);
        self.ask(polled.is_pending() && !self.has_raised);
        polled
    }

    /// Asks for time, until the next poll; or needs none.
    pub(crate) fn ask(&mut self, is_needed: bool) {
        self.end();
        if let Some(scope) = is_needed.then(Scope::current).flatten() {
            scope.patience.set(scope.patience.get() + 1);
            let number = scope.polls.get();
            self.given = Some((scope, number));
        }
    }

    /// What was given in an earlier poll of the scope is over anyway.
    fn end(&mut self) {
        let Some((scope, number)) = self.given.take() else { return };
        if number == scope.polls.get() {
            scope.patience.set(scope.patience.get() - 1);
        }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        self.end();
    }
}

/// Cancels whoever runs, from here: it goes outward to the next catcher.
///
/// # Panics
///
/// Panics outside of every task.
#[track_caller]
pub(crate) fn raise<T>() -> Poll<T> {
    let scope = Scope::current().expect(
        "what was awaited here is cancelled, but no task awaits it that could be cancelled, too",
    );
    scope.is_raised.set(true);
    Poll::Pending
}

/// Makes a place the current one; dropping it goes back.
pub(crate) struct Inside(Place);

impl Inside {
    fn enter(place: Place) -> Self {
        Self(CURRENT.replace(place))
    }

    /// A task that is stepped inside of another one's step.
    pub(crate) fn enter_root() -> Self {
        Self::enter(Place::Root)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(std::mem::replace(&mut self.0, Place::Root));
    }
}

pin_project! {
    /// A body in a scope of its own: runs it until it ends, panics or has to stop, and then the
    /// exits that it left behind.
    #[must_use = "futures do nothing unless they are awaited"]
    pub(crate) struct Settle<F: Future> {
        // Gone once it has ended.
        #[pin]
        body: Option<F>,
        member: Member,
        // A request that came before the first poll is for the first suspension.
        is_fresh: bool,
        end: Option<End<F::Output>>,
    }
}

impl<F: Future> Settle<F> {
    pub(crate) fn new(body: F) -> Self {
        Self::within(Rc::default(), body)
    }

    /// The same, in a scope that others know of.
    pub(crate) fn within(scope: Rc<Scope>, body: F) -> Self {
        Self { body: Some(body), member: Member(scope), is_fresh: true, end: None }
    }
}

impl<F: Future> Future for Settle<F> {
    type Output = End<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End<F::Output>> {
        let mut this = self.project();
        let scope = &this.member.0;
        if this.body.is_some() {
            scope.attach();
            let inside = Inside::enter(Place::Scope(Rc::clone(scope)));
            let is_fresh = std::mem::take(this.is_fresh);
            let ended = poll_body(|| Some(scope), this.body.as_mut(), is_fresh, context);
            drop(inside);
            if ended.is_some() {
                scope.detach();
            }
            *this.end = ended;
        }
        let exits = scope.poll_exits(context);
        if this.end.is_none() || exits.is_pending() {
            scope.keep(context);
            return Poll::Pending;
        }
        Poll::Ready(this.end.take().expect("it has ended"))
    }
}

/// The body of a task. Its scope is where the task keeps it: empty, until somebody needs one.
pub(crate) trait Root<T> {
    /// As [`Settle`]'s, but that a task that is cancelled before its first poll never begins.
    fn poll(
        self: Pin<&mut Self>,
        scope: &OnceCell<Rc<Scope>>,
        context: &mut Context<'_>,
    ) -> Poll<End<T>>;
}

pin_project! {
    /// A body, and how it ended, for as long as there are exits.
    pub(crate) struct Rooted<F: Future> {
        #[pin]
        body: Option<F>,
        end: Option<End<F::Output>>,
    }
}

impl<F: Future> Rooted<F> {
    pub(crate) fn new(body: F) -> Self {
        Self { body: Some(body), end: None }
    }
}

impl<F: Future> Root<F::Output> for Rooted<F> {
    fn poll(
        self: Pin<&mut Self>,
        scope: &OnceCell<Rc<Scope>>,
        context: &mut Context<'_>,
    ) -> Poll<End<F::Output>> {
        let mut this = self.project();
        let ended = match this.end.take() {
            Some(end) => Some(end),
            None => poll_body(|| scope.get(), this.body.as_mut(), false, context),
        };
        if let Some(scope) = scope.get() {
            let exits = scope.poll_exits(context);
            if ended.is_none() || exits.is_pending() {
                scope.keep_first(context);
                *this.end = ended;
                return Poll::Pending;
            }
        }
        ended.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Polls a body until it ends or has to. Then it is dropped. A scope may appear meanwhile.
fn poll_body<'a, F: Future>(
    scope: impl Fn() -> Option<&'a Rc<Scope>>,
    mut body: Pin<&mut Option<F>>,
    is_fresh: bool,
    context: &mut Context<'_>,
) -> Option<End<F::Output>> {
    let end = if !is_fresh && scope().is_some_and(|it| it.take_stop()) {
        End::Cancelled
    } else {
        if let Some(scope) = scope() {
            scope.polls.set(scope.polls.get() + 1);
            scope.patience.set(0);
        }
        let running = body.as_mut().as_pin_mut().expect("it has not ended");
        match guard(|| running.poll(context)) {
            Ok(Poll::Ready(output)) => End::Finished(output),
            Err(panic) => End::Panicked(panic),
            Ok(Poll::Pending) => {
                let scope = scope()?;
                scope.take_back();
                if !scope.take_stop() {
                    return None;
                }
                End::Cancelled
            }
        }
    };
    let dropped = guard(|| body.set(None));
    Some(dropped.map_or_else(End::Panicked, |()| end))
}

/// Leaves the tree when it is dropped; exits that were not run yet are for whoever is outside.
struct Member(Rc<Scope>);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.detach();
        self.0.leave_exits();
    }
}

/// Hands an exit to whoever is outside: to the scope that is being polled, or else to the loop.
pub(crate) fn leave_behind(exit: Exit) {
    if let Some(scope) = Scope::current() {
        // Its poll, which is under way, ends with the exits.
        return scope.exits.borrow_mut().0.push_back(exit);
    }
    if let Some(event_loop) = try_current().filter(|it| !it.is_closed()) {
        drop(event_loop.create_task(exit));
    } else {
        report("An exit was left behind where nobody awaits it: outside of every loop");
        bury(exit);
    }
}

/// Exits that are still to be awaited, in the order in which they were left.
#[derive(Default)]
struct Exits(VecDeque<Exit>);

impl Exits {
    /// Awaits them one after the other. No cancel reaches them: each is outside of all scopes,
    /// in one of its own.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(first) = self.0.front_mut() {
            let polled = guard(|| {
                let _outside = Inside::enter(Place::Outside);
                first.as_mut().poll(context)
            });
            if let Err(panic) = &polled {
                report_panic("An exit panicked", &**panic);
            }
            ready!(polled.unwrap_or(Poll::Ready(())));
            bury(self.0.pop_front());
        }
        Poll::Ready(())
    }
}

impl Drop for Exits {
    /// The rest is for whoever is further out.
    fn drop(&mut self) {
        self.0.drain(..).for_each(leave_behind);
    }
}
