//! A greenlet: a function with a stack of its own, so that it can stop anywhere.
//!
//! One thread has many greenlets, and one of them runs. To *switch* is to hand control, and
//! a message, to another; who switched goes on when somebody switches back. There is no
//! scheduler in this file.

#![allow(clippy::inline_always, reason = "see `suspend`")]

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use corosensei::{Coroutine, CoroutineResult, Yielder};
use scoped_reference::{ScopedBorrow, ScopedReference};

use crate::extras::local::Locals;
use crate::extras::message::Parcel;
use crate::extras::name::Name;
use crate::extras::stack;
pub use crate::extras::stack::STACK_SIZE;
use crate::extras::unwinding::{Aside, Unwinding, receive, unless_closed};
use crate::failure::{Failure, guard};

/// A function with a stack of its own. Clones are handles to the same one.
///
/// When the last handle to a greenlet that waits in a switch is dropped, nobody can ever
/// resume it. Then [`GreenletExit`] unwinds its stack, once, and the guards on it are dropped.
/// A body that swallows this and switches again did not end: that is reported, and its stack
/// is left as it is, for ever.
///
/// [`GreenletExit`]: crate::GreenletExit
///
/// A greenlet belongs to its thread:
///
/// ```compile_fail,E0277
/// // M2.14
/// let greenlet = interlude_greenlets::current();
/// std::thread::spawn(move || greenlet.switch::<(), ()>(()));
/// ```
#[derive(Clone)]
pub struct Greenlet(pub(crate) Rc<Inner>);

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) name: Name,
    pub(crate) state: Cell<State>,
    /// What it runs, until it begins.
    pub(crate) body: Cell<Option<Body>>,
    /// Its stack, and where on it to go on, as long as it waits in a switch.
    pub(crate) suspended: Cell<Option<Box<Suspended>>>,
    /// Who gets what the body returns.
    pub(crate) parent: RefCell<Option<Greenlet>>,
    pub(crate) unwinding: Unwinding,
    pub(crate) locals: Locals,
    /// Whether its last handle is gone.
    pub(crate) is_last: Cell<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// The thread's own greenlet, which is always there.
    #[default]
    Main,
    Unstarted,
    Suspended,
    Running,
    /// Nobody will resume it: it is being unwound.
    Closing,
    Dead,
}

/// What a greenlet runs.
pub(crate) type Body = Box<dyn FnOnce(Parcel) -> Parcel>;

pub(crate) type Suspended = Coroutine<Parcel, Handover, Parcel>;

/// The way out of a coroutine, back to the trampoline. It is lent to the body, and lies on
/// the stack of the coroutine itself.
type Way = Yielder<Parcel, Handover>;

/// What somebody who switches leaves for the trampoline: who is to be next, and what for.
pub(crate) type Handover = (Greenlet, Parcel);

thread_local! {
    /// The greenlet of the thread itself.
    static MAIN: Greenlet = Greenlet::main();

    /// Set by whoever resumes another; read by whoever switches. `None`: the thread's own.
    static RUNNING: Cell<Option<ManuallyDrop<Greenlet>>> = const { Cell::new(None) };

    /// The way out of the coroutine that is running. Set by whoever is on its stack, taken
    /// when it leaves. The thread's own greenlet has none.
    static WAY: Cell<Option<ManuallyDrop<ScopedBorrow<Way>>>> = const { Cell::new(None) };
}

/// The greenlet that is running.
///
/// ```
/// use interlude_greenlets::{Failure, Greenlet, current};
///
/// let main = current();
/// let child = Greenlet::new(|()| Ok(current()));
/// assert_eq!(child.switch::<(), Greenlet>(())?, child);
/// assert_eq!((current(), child.parent()), (main.clone(), Some(main)));
/// # Ok::<(), Failure>(())
/// ```
#[doc(alias = "getcurrent")]
#[inline]
pub fn current() -> Greenlet {
    // A thread that is ending may have lost its own already, and gets another.
    let main = || MAIN.try_with(Clone::clone).unwrap_or_else(|_| Greenlet::main());
    let running = set_running(None);
    let greenlet = running.clone().unwrap_or_else(main);
    set_running(running);
    greenlet
}

/// Makes another the one that is running.
#[inline]
fn set_running(greenlet: Option<Greenlet>) -> Option<Greenlet> {
    let before = RUNNING.replace(greenlet.map(ManuallyDrop::new));
    before.map(ManuallyDrop::into_inner)
}

impl Greenlet {
    /// A greenlet that will call `body` with the first message it gets. Its parent is the
    /// greenlet that is running.
    ///
    /// ```
    /// use interlude_greenlets::{Failure, Greenlet, current};
    ///
    /// let main = current();
    /// let doubler = Greenlet::new(move |mut n: i32| {
    ///     for _ in 0..2 {
    ///         n = main.switch(2 * n)?; // gives one, and waits for the next
    ///     }
    ///     Ok("the end".to_owned())
    /// });
    /// assert_eq!(doubler.switch::<i32, i32>(1)?, 2);
    /// assert_eq!(doubler.switch::<i32, i32>(10)?, 20);
    /// assert_eq!(doubler.switch::<i32, String>(0)?, "the end");
    /// # Ok::<(), Failure>(())
    /// ```
    #[track_caller]
    pub fn new<A: 'static, R: 'static>(
        body: impl FnOnce(A) -> Result<R, Failure> + 'static,
    ) -> Self {
        let name = Name::new(type_name_of_val(&body));
        let body = |first: Parcel| match first.open().and_then(body) {
            Ok(value) => Parcel::new(value),
            Err(failure) => failure.into(),
        };
        Self::child_of(current(), name, Box::new(body))
    }

    /// The same, of another parent. The body is called in any case, and told if it is to end
    /// before it begins.
    pub(crate) fn child_of(parent: Self, name: Name, body: Body) -> Self {
        let (state, body) = (Cell::new(State::Unstarted), Cell::new(Some(body)));
        let parent = RefCell::new(Some(parent));
        Self(Rc::new(Inner { name, state, body, parent, ..Inner::default() }))
    }

    /// The thread's own.
    fn main() -> Self {
        Self(Rc::default())
    }

    /// Lets this greenlet go on with `message`, and waits until somebody switches back.
    /// The first message is the argument of its body, a later one the result of the switch
    /// that it waits in. To switch to a dead one is to switch to its parent.
    ///
    /// # Errors
    ///
    /// What is thrown here; what a child dies of; [`WrongMessage`] when what comes back is
    /// not an `R`; [`GreenletExit`] inside a destructor, when a stack is unwound for good.
    ///
    /// [`GreenletExit`]: crate::GreenletExit
    /// [`WrongMessage`]: crate::extras::errors::WrongMessage
    #[inline]
    pub fn switch<S: 'static, R: 'static>(&self, message: S) -> Result<R, Failure> {
        let (parcel, depth) = (Parcel::new(message), unless_closed()?);
        self.clone().hand_over(depth, parcel).open()
    }

    /// The one place where control changes hands: from the greenlet that is running to this
    /// one, or to its heir. It comes back when somebody hands it over to that.
    ///
    /// It takes the handle: one on a stack that waits may keep that for ever.
    pub(crate) fn hand_over(self, depth: u32, parcel: Parcel) -> Parcel {
        let to = if self.is_dead() { self.heir() } else { self };
        if to.is_running() {
            return receive(depth, parcel);
        }
        receive(depth, suspend(depth, (to, parcel)))
    }

    /// The nearest ancestor that has not ended.
    #[cold]
    fn heir(self) -> Self {
        let alive = self.ancestors().find(|ancestor| !ancestor.is_dead());
        alive.expect("the main greenlet never ends")
    }

    /// Lets it go on until it hands over. If it ends instead, that is the error.
    #[inline(always)]
    pub(crate) fn advance(
        self,
        state: State,
        parcel: Parcel,
    ) -> Result<Handover, (Self, Parcel)> {
        let mut coroutine = match self.0.suspended.take() {
            Some(coroutine) => coroutine,
            None => match self.begin() {
                Ok(coroutine) => Box::new(coroutine),
                Err(no_stack) => return Err(self.end_without_a_stack(parcel, no_stack)),
            },
        };
        self.0.state.set(state);
        let (before, way) = (set_running(Some(self)), WAY.take());
        let result = coroutine.resume(parcel);
        WAY.set(way);
        let it = set_running(before).expect("whoever runs others has taken itself back");
        match result {
            CoroutineResult::Yield(handover) => {
                it.0.suspended.set(Some(coroutine));
                it.0.state.set(State::Suspended);
                Ok(handover)
            }
            CoroutineResult::Return(end) => {
                it.0.state.set(State::Dead);
                stack::put_back(*coroutine);
                Err((it, end))
            }
        }
    }

    /// Gives it a stack. What its body panics with ends there, and nobody but its parent
    /// hears of it.
    #[cold]
    fn begin(&self) -> io::Result<Suspended> {
        let (stack, body) = (stack::take()?, self.body());
        Ok(Coroutine::with_stack(stack, |way: &Way, first: Parcel| {
            let way = ScopedReference::new(way);
            WAY.set(Some(ManuallyDrop::new(way.borrow())));
            let end = guard(|| body(first)).unwrap_or_else(Parcel::from);
            drop(WAY.take().map(ManuallyDrop::into_inner));
            end
        }))
    }
}

/// Leaves the stack, until somebody comes back to it.
///
/// (A processor foretells where a call will return to. After a switch it is wrong, once for
/// each call that is still open: so this is to be none, nor what it calls, nor what that does.)
#[inline(always)]
pub(crate) fn suspend(depth: u32, handover: Handover) -> Parcel {
    let _aside = Aside::unless_quiet(depth);
    let Some(way) = WAY.take() else { return trampoline(handover) };
    let parcel = way.suspend(handover);
    WAY.set(Some(way));
    parcel
}

/// Runs others until somebody hands over to the main greenlet, whose stack this is on.
///
/// A coroutine can give control to nobody but whoever resumed it. So all are resumed from
/// here, each says who is to be next, and two that switch to each other meet here.
#[inline(always)]
fn trampoline((mut to, mut parcel): Handover) -> Parcel {
    while to.0.state.get() != State::Main {
        (to, parcel) = match to.advance(State::Running, parcel) {
            Ok(handover) => handover,
            Err((ended, end)) => (ended.heir(), end.last_words()),
        };
    }
    parcel
}
