//! A value that is not there yet, and what will be done with it: Twisted's `Deferred`.
//!
//! A deferred is a chain of *links*. Each link takes the result of the one before it, good
//! or bad, and leaves its own. The chain runs links and does not know their types; a link
//! knows where it finds a result, and where it leaves one. So nothing is ever downcast, and a
//! chain of any length runs in a loop, never by recursion.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::panic::Location;
use std::rc::{Rc, Weak};

use crate::extras::cancelling::{Canceller, Relay};
use crate::extras::deadlock::{Seat, forget, remember};
use crate::extras::linked::{Linked, Links};
use crate::extras::nesting::{Work, perform};
use crate::extras::reports::let_go;
use crate::extras::slot::{End, Fail, Output, Slot, Task};
use crate::failure::{Failure, bury, guard};

pub use crate::extras::deferred_errors::{AlreadyCalled, Cancelled, WaitsForItself};
pub use crate::extras::fired::{fail, maybe_deferred, succeed};

/// The promise of a `T`.
///
/// It has one owner: to add a link is to hand the deferred over and to get its new end
/// back. (In Twisted two people may add callbacks to one Deferred, each changing what the
/// other one sees. Here that cannot be written.) Dropping it does not stop the chain; a
/// failure that is left at its end is reported.
#[doc = include_str!("../docs/deferred.md")]
pub struct Deferred<T: 'static> {
    pub(crate) chain: Rc<Chain>,
    /// Where the last link leaves its result.
    pub(crate) end: End<T>,
}

/// The other side of a deferred: who has it can keep the promise.
#[doc = include_str!("../docs/firer.md")]
pub struct Firer<T: 'static> {
    /// It starts with the slot where the first link finds the result.
    pub(crate) chain: Rc<Chain<Slot<T>>>,
}

/// The right to cancel a deferred, without the deferred.
#[derive(Clone)]
pub struct CancelHandle(pub(crate) Weak<Chain>);

/// What a callback may give: a result, another deferred to wait for, or nothing.
pub trait Outcome {
    /// What the next callback gets.
    type Value: 'static;
    /// Looks at which of them it is.
    fn into_next(self) -> Next<Self::Value>;
}

/// How a chain goes on after a callback.
#[derive(Debug)]
pub enum Next<T: 'static> {
    /// At once, with this.
    Done(Result<T, Failure>),
    /// When this has fired, with its result.
    Wait(Deferred<T>),
}

impl<T: 'static> Deferred<T> {
    /// A deferred that has not fired, and who can fire it.
    #[track_caller]
    pub fn new() -> (Firer<T>, Self) {
        let made_at = Location::caller();
        let chain = Rc::new_cyclic(|chain: &Weak<Chain<Slot<T>>>| Chain {
            links: Linked::default(),
            fired: Cell::new(false),
            running: Cell::new(false),
            pauses: Cell::new(0),
            swallow: Cell::new(false),
            waits_for: RefCell::default(),
            canceller: Cell::default(),
            relay: OnceCell::new(),
            is_awaited: Cell::new(false),
            made_at,
            seat: remember(chain.clone()),
            start: Slot::default(),
        });
        let end = End::Start(Rc::downgrade(&chain));
        (Firer { chain: Rc::clone(&chain) }, Self { chain, end })
    }

    /// Goes on with `callback` if all went well so far. On a deferred that has fired it is
    /// called before this returns.
    #[doc(alias = "addCallback")]
    pub fn add_callback<R: Outcome>(
        self,
        callback: impl FnOnce(T) -> R + 'static,
    ) -> Deferred<R::Value> {
        self.add_link(|result| match result {
            Ok(value) => callback(value).into_next(),
            Err(failure) => pass_by(callback, Err(failure)),
        })
    }

    /// Goes on with `errback` if something went wrong. What it gives is good again, unless
    /// it fails in turn.
    #[doc = include_str!("../docs/errback.md")]
    #[doc(alias = "addErrback")]
    pub fn add_errback<R: Outcome<Value = T>>(
        self,
        errback: impl FnOnce(Failure) -> R + 'static,
    ) -> Self {
        self.add_link(|result| match result {
            Ok(value) => pass_by(errback, Ok(value)),
            Err(failure) => errback(failure).into_next(),
        })
    }

    /// Goes on with `both` in any case.
    #[doc(alias = "addBoth")]
    pub fn add_both<R: Outcome>(
        self,
        both: impl FnOnce(Result<T, Failure>) -> R + 'static,
    ) -> Deferred<R::Value> {
        self.add_link(|result| both(result).into_next())
    }

    /// The result, if it is there and nothing has still to be done with it.
    ///
    /// # Errors
    ///
    /// The deferred itself, if it is not.
    pub fn try_take(self) -> Result<Result<T, Failure>, Self> {
        if self.chain.is_settled() { Ok(self.end.take()) } else { Err(self) }
    }

    /// Adds a link: what it does with the result, it does in the chain's own time.
    pub(crate) fn add_link<U: 'static>(
        self,
        step: impl FnOnce(Result<T, Failure>) -> Next<U> + 'static,
    ) -> Deferred<U> {
        let Self { chain, end: input } = self;
        let output = chain.add(move |output: Rc<dyn Output<U>>, chain: &Rc<Chain>| {
            let result = input.take();
            match guard(|| step(result)).unwrap_or_else(|panic| Next::Done(Err(panic))) {
                Next::Done(result) => output.slot().put(result),
                Next::Wait(inner) => match inner.try_take() {
                    Ok(result) => output.slot().put(result),
                    Err(inner) if inner.chain.waits_for(chain) => {
                        drop(inner);
                        output.slot().put(Err(WaitsForItself.into()));
                    }
                    Err(inner) => return output.wait_for(inner, chain),
                },
            }
            Flow::Next
        });
        chain.run();
        Deferred { chain, end: End::Link(output) }
    }
}

impl<T: 'static> Firer<T> {
    /// Keeps the promise, or says why it cannot be kept; runs the links that wait for it.
    ///
    /// # Errors
    ///
    /// [`AlreadyCalled`] if it has fired. (One fire after a cancel is let pass: who fires
    /// may not have heard of it.)
    #[doc(alias("callback", "errback"))]
    pub fn fire(&self, result: Result<T, Failure>) -> Result<(), AlreadyCalled> {
        if self.chain.fired.replace(true) {
            let_go("A result", result);
            return if self.chain.swallow.take() { Ok(()) } else { Err(AlreadyCalled) };
        }
        self.chain.start.put(result);
        self.chain().run();
        Ok(())
    }
}

/// A link that is not for this result: it is dropped, and the result goes on.
fn pass_by<T: 'static>(link: impl Any, result: Result<T, Failure>) -> Next<T> {
    let_go("A callback", link);
    Next::Done(result)
}

/// The links of a deferred, and how far it has come.
pub(crate) struct Chain<S: ?Sized = dyn Fail> {
    /// Filled at the end by whoever adds a callback; emptied from the front by `run`.
    pub(crate) links: Linked,
    /// Set by `fire` and `cancel`: there is a result for the first link.
    pub(crate) fired: Cell<bool>,
    /// A link is running: what it adds waits behind those that are there.
    running: Cell<bool>,
    /// How many pauses have not been taken back.
    pub(crate) pauses: Cell<u32>,
    /// Set by a cancel: the next fire comes too late and means no harm.
    pub(crate) swallow: Cell<bool>,
    /// The inner deferred that the last link gave: until it has come to its end, nothing runs.
    pub(crate) waits_for: RefCell<Option<Inner>>,
    /// What a cancel does: set by whoever makes the deferred.
    pub(crate) canceller: Cell<Option<Canceller>>,
    /// Those to whom a cancel is passed on instead.
    pub(crate) relay: OnceCell<Relay>,
    /// Somebody may wait for it: set by `Step::wait_for` and `cancel_handle`, read by `waits_for`.
    pub(crate) is_awaited: Cell<bool>,
    /// For whoever asks why nobody fires it.
    pub(crate) made_at: &'static Location<'static>,
    pub(crate) seat: Seat,
    /// Filled by `fire`, or with a failure from outside; emptied by the first link.
    pub(crate) start: S,
}

/// Something that a chain does when it has come to it.
pub(crate) trait Link {
    /// Does it, and says where the chain goes from here.
    fn run(self: Rc<Self>, chain: &Rc<Chain>) -> Flow;
    /// It never will be done.
    fn forget(&self) {}
    /// Its place in the line of those who wait for their turn.
    fn links(&self) -> &Links;
}

/// A link that leaves a result.
struct Step<U: 'static, F> {
    /// Taken by `run`.
    task: Cell<Option<Task<U, F>>>,
    output: Slot<U>,
    links: Links,
}

/// A chain that another one waits for, and the slot that it will fill there.
pub(crate) struct Inner {
    pub(crate) chain: Weak<Chain>,
    pub(crate) output: Rc<dyn Fail>,
    /// One that is waited for in the end, if that was asked.
    pub(crate) short_cut: RefCell<Option<Weak<Chain>>>,
}

/// Where to go after a link.
pub(crate) enum Flow {
    Next,
    /// Nowhere, until that chain comes to its end.
    Wait(Inner),
    /// This chain is at its end; that one waited for it.
    Continue(Rc<Chain>),
}

impl Chain {
    /// Adds a link, and gives the place of its result.
    pub(crate) fn add<U: 'static>(
        &self,
        function: impl FnOnce(Rc<dyn Output<U>>, &Rc<Self>) -> Flow + 'static,
    ) -> Rc<dyn Output<U>> {
        let (task, (output, links)) = (Task::Call(function), Default::default());
        let link = Rc::new(Step { task: Cell::new(Some(task)), output, links });
        self.links.push(Rc::clone(&link) as _);
        link
    }

    /// Runs every link that can run.
    pub(crate) fn run(self: &Rc<Self>) {
        if self.can_run() && !self.links.is_empty() {
            perform(Work::Run(Rc::clone(self)));
        }
    }

    /// Runs one link. The chain that goes on is this one, or one that has waited for it: never
    /// a call within a call, however many chains wait for each other.
    pub(crate) fn step(self: Rc<Self>) -> Option<Rc<Self>> {
        let link = self.can_run().then(|| self.links.pop()).flatten()?;
        self.running.set(true);
        let flow = link.run(&self);
        self.running.set(false);
        match flow {
            Flow::Next => Some(self),
            Flow::Wait(inner) => {
                self.waits_for.replace(Some(inner));
                None
            }
            Flow::Continue(outer) => {
                outer.waits_for.take();
                Some(outer)
            }
        }
    }

    fn can_run(&self) -> bool {
        self.fired.get()
            && !self.running.get()
            && self.pauses.get() == 0
            && self.waits_for.borrow().is_none()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.can_run() && self.links.is_empty()
    }
}

/// A link may hold a deferred whose links hold deferreds, and so may a canceller.
impl<S: ?Sized> Drop for Chain<S> {
    fn drop(&mut self) {
        forget(self.seat);
        while let Some(link) = self.links.pop() {
            link.forget();
            bury([link]);
        }
        if let Some(Canceller::Call(canceller)) = self.canceller.take() {
            let_go("A canceller", canceller);
        }
        if let Some(relay) = self.relay.take() {
            let_go("A list", relay);
        }
    }
}

impl<U, F> Link for Step<U, F>
where
    F: FnOnce(Rc<dyn Output<U>>, &Rc<Chain>) -> Flow + 'static,
{
    fn run(self: Rc<Self>, chain: &Rc<Chain>) -> Flow {
        match self.task.take().expect("a link runs once in each line it stands in") {
            Task::Call(function) => function(self, chain),
            Task::Bring(end, outer) => {
                self.output.put(end.take());
                Flow::Continue(outer)
            }
        }
    }

    fn forget(&self) {
        let_go("A callback", self.task.take());
    }

    fn links(&self) -> &Links {
        &self.links
    }
}

impl<U, F> Output<U> for Step<U, F>
where
    F: FnOnce(Rc<dyn Output<U>>, &Rc<Chain>) -> Flow + 'static,
{
    fn slot(&self) -> &Slot<U> {
        &self.output
    }

    fn wait_for(self: Rc<Self>, inner: Deferred<U>, outer: &Rc<Chain>) -> Flow {
        inner.chain.is_awaited.set(true);
        self.task.set(Some(Task::Bring(inner.end, Rc::clone(outer))));
        inner.chain.links.push(Rc::clone(&self) as _);
        let chain = Rc::downgrade(&inner.chain);
        Flow::Wait(Inner { chain, output: self, short_cut: RefCell::default() })
    }
}

impl<U: 'static, F> Fail for Step<U, F> {
    fn fail(&self, failure: Failure) {
        self.output.fail(failure);
    }
}
