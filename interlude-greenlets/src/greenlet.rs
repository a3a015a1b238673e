//! A greenlet: a function with a stack of its own, so that it can stop anywhere.
//!
//! One thread has many greenlets, and one of them runs. To *switch* is to hand control, and
//! a message, to another; who switched goes on when somebody switches back. There is no
//! scheduler in this file.

use std::any::{Any, type_name, type_name_of_val};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use reactor::trace;
use scoped_reference::{ScopedBorrow, ScopedReference};

use crate::extras::errors::WrongMessage;
use crate::failure::{Failure, GreenletExit};

/// The stack of a greenlet, in bytes. It is address space, and only pages that are used take
/// memory: one, for a greenlet that does nothing but sleep. An eighth of it is enough for a
/// panic that prints its backtrace. Below it lies a page that nobody may touch, so that an
/// overflow is a fault, and not somebody else's data.
///
/// Stack and page are two mappings, of which Linux allows a process 65,530 unless told
/// otherwise: some 32,000 greenlets. The next one dies before it begins.
pub const STACK_SIZE: usize = 256 * 1024;

/// How many stacks a thread keeps for greenlets to come.
const SPARE_STACKS: usize = 64;

/// A function with a stack of its own. Clones are handles to the same one.
///
/// When the last handle to a greenlet that waits in a switch is dropped, nobody can ever
/// resume it. Then its stack is unwound, and the guards on it are dropped.
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

pub(crate) struct Inner {
    /// Its name in a recording.
    pub(crate) subject: trace::Id,
    state: RefCell<State>,
    /// The way out: set when the body starts, taken for the length of a switch.
    way: Cell<Option<ScopedBorrow<Way>>>,
    /// Who gets what the body returns.
    pub(crate) parent: RefCell<Option<Greenlet>>,
}

/// The way out of a coroutine, back to the trampoline. It is lent to the body, and lies on
/// the stack of the coroutine itself.
type Way = Yielder<Parcel, Handover>;

enum State {
    /// The thread's own greenlet, which is always there.
    Main,
    Unstarted(Box<dyn FnOnce(Parcel) -> Parcel>),
    Suspended(Coroutine<Parcel, Handover, Parcel>),
    Running,
    /// Nobody will resume it: it is being unwound.
    Closing,
    Dead,
}

/// What travels in a switch: a message, or a failure to be raised at the other end.
type Parcel = Result<Message, Failure>;

/// What somebody who switches leaves for the trampoline.
struct Handover {
    to: Greenlet,
    parcel: Parcel,
}

thread_local! {
    /// Set by the trampoline; read by whoever switches.
    static CURRENT: RefCell<Greenlet> = RefCell::new(Greenlet::main());

    /// Stacks of greenlets that have ended, for those that begin.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// The greenlet that is running.
#[doc(alias = "getcurrent")]
pub fn current() -> Greenlet {
    CURRENT.with_borrow(Clone::clone)
}

impl Greenlet {
    /// A greenlet that will call `body` with the first message it gets. Its parent is the
    /// greenlet that is running.
    #[track_caller]
    pub fn new<A: 'static, R: 'static>(
        body: impl FnOnce(A) -> Result<R, Failure> + 'static,
    ) -> Self {
        let subject = trace::created(trace::Kind::Greenlet, type_name_of_val(&body));
        Self::child_of(current(), subject, body)
    }

    /// The same, of another parent, and by its name in a recording.
    pub(crate) fn child_of<A: 'static, R: 'static>(
        parent: Self,
        subject: trace::Id,
        body: impl FnOnce(A) -> Result<R, Failure> + 'static,
    ) -> Self {
        let body = |first: Parcel| Ok(Message::new(body(first?.open()?)?));
        Self::with(subject, State::Unstarted(Box::new(body)), Some(parent))
    }

    /// The thread's own.
    fn main() -> Self {
        Self::with(trace::Id::default(), State::Main, None)
    }

    fn with(subject: trace::Id, state: State, parent: Option<Self>) -> Self {
        let (state, parent) = (RefCell::new(state), RefCell::new(parent));
        Self(Rc::new(Inner { subject, state, way: Cell::default(), parent }))
    }

    /// Lets this greenlet go on with `message`, and waits until somebody switches back.
    /// The first message is the argument of its body, a later one the result of the switch
    /// that it waits in. To switch to a dead one is to switch to its parent.
    ///
    /// # Errors
    ///
    /// What is thrown here; what a child dies of; [`WrongMessage`] when what comes back is
    /// not an `R`; [`GreenletExit`] inside a destructor, when a stack is being unwound.
    pub fn switch<S: 'static, R: 'static>(&self, message: S) -> Result<R, Failure> {
        hand_over(self.clone(), Ok(Message::new(message)))?.open()
    }

    /// Raises `failure` in this greenlet: the switch it waits in fails with it. One that
    /// has not started dies before it does, and then its parent gets it, as with a dead one.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    pub fn throw<R: 'static>(&self, failure: impl Into<Failure>) -> Result<R, Failure> {
        if matches!(*self.0.state.borrow(), State::Unstarted(_)) {
            let body = self.0.state.replace(State::Dead);
            drop(body);
        }
        let parcel = Err(failure.into());
        let parcel = if self.is_dead() { last_words(parcel) } else { parcel };
        hand_over(self.clone(), parcel)?.open()
    }

    /// Who gets what the body returns; the thread's main greenlet has no parent.
    pub fn parent(&self) -> Option<Self> {
        self.0.parent.borrow().clone()
    }

    /// Whether it has begun and not ended.
    #[doc(alias = "bool")]
    pub fn is_active(&self) -> bool {
        !matches!(*self.0.state.borrow(), State::Unstarted(_) | State::Dead)
    }

    /// Whether it has ended.
    #[doc(alias = "dead")]
    pub fn is_dead(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Dead)
    }

    fn is_main(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Main)
    }

    /// Itself, its parent, and so on up to the main greenlet.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// Itself, or the nearest ancestor that has not ended.
    fn nearest_alive(&self) -> Self {
        let mut alive = self.ancestors().filter(|ancestor| !ancestor.is_dead());
        alive.next().expect("the main greenlet never ends")
    }

    /// Runs it until it hands over to somebody, or to its parent because it ended.
    fn run(&self, parcel: Parcel) -> Handover {
        let started = match self.0.state.replace(State::Running) {
            State::Unstarted(body) => self.start(body),
            State::Suspended(coroutine) => Ok(coroutine),
            _ => unreachable!("who runs hands over to none but those who wait"),
        };
        let end = match started {
            Ok(mut coroutine) => match coroutine.resume(parcel) {
                CoroutineResult::Yield(handover) => {
                    self.0.state.replace(State::Suspended(coroutine));
                    return handover;
                }
                CoroutineResult::Return(end) => {
                    keep(coroutine.into_stack());
                    end
                }
            },
            Err(no_stack) => Err(no_stack.into()),
        };
        self.0.state.replace(State::Dead);
        Handover { to: self.nearest_alive(), parcel: last_words(end) }
    }

    /// Gives it a stack. What its body panics with ends there, and nobody but its parent
    /// hears of it.
    fn start(
        &self,
        body: Box<dyn FnOnce(Parcel) -> Parcel>,
    ) -> io::Result<Coroutine<Parcel, Handover, Parcel>> {
        // A stack that kept a handle to itself would never be dropped.
        let this = Rc::downgrade(&self.0);
        let leave_a_way = move |way| {
            let this = this.upgrade().expect("it is alive while it runs");
            drop(this.way.replace(way));
        };
        let stack = match STACKS.with_borrow_mut(Vec::pop) {
            Some(stack) => stack,
            None => DefaultStack::new(STACK_SIZE)?,
        };
        Ok(Coroutine::with_stack(stack, move |way: &Way, first| {
            let way = ScopedReference::new(way);
            leave_a_way(Some(way.borrow()));
            let end = catch_unwind(AssertUnwindSafe(|| body(first)));
            leave_a_way(None);
            end.unwrap_or_else(|payload| Err(Failure::caught(payload)))
        }))
    }

    /// Unwinds its stack, if it waits on one, and ends it.
    pub(crate) fn close(&self) {
        if let State::Suspended(coroutine) = self.0.state.replace(State::Closing) {
            let before = CURRENT.try_with(|current| current.replace(self.clone()));
            drop(coroutine);
            let _ = CURRENT.try_with(|current| before.map(|it| current.replace(it)));
        }
        self.0.state.replace(State::Dead);
    }
}

/// The one place where control changes hands. It comes back when somebody hands it over to
/// the greenlet that called.
fn hand_over(to: Greenlet, parcel: Parcel) -> Parcel {
    let here = current();
    if thread::panicking() {
        // A destructor on a stack that is being unwound: nobody would come back to it.
        return Err(GreenletExit.into());
    }
    if matches!(*here.0.state.borrow(), State::Closing) {
        Failure::from(GreenletExit).raise();
    }
    let to = to.nearest_alive();
    if to == here {
        return parcel;
    }
    if here.is_main() {
        return trampoline(Handover { to, parcel });
    }
    let way = here.0.way.take().expect("who runs has a way out");
    drop(here); // see `start`
    let parcel = way.suspend(Handover { to, parcel });
    current().0.way.set(Some(way));
    parcel
}

/// Runs others until somebody hands over to the main greenlet, whose stack this is on.
///
/// A coroutine can give control to nobody but whoever resumed it. So all are resumed from
/// here, each says who is to be next, and two that switch to each other meet here.
fn trampoline(mut handover: Handover) -> Parcel {
    loop {
        let Handover { to, parcel } = handover;
        let before = CURRENT.replace(to.clone());
        drop(before);
        if to.is_main() {
            return parcel;
        }
        handover = to.run(parcel);
    }
}

/// Keeps a few stacks, since to ask the kernel for one takes longer than to use it.
fn keep(stack: DefaultStack) {
    STACKS.with_borrow_mut(|stacks| {
        stacks.push(stack);
        stacks.truncate(SPARE_STACKS);
    });
}

/// What the parent gets of an end: to be asked to end, and to do so, is no failure.
fn last_words(end: Parcel) -> Parcel {
    match end {
        Err(failure) if failure.is::<GreenletExit>() => Ok(Message::new(GreenletExit)),
        end => end,
    }
}

impl Drop for Greenlet {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 {
            self.close();
        }
    }
}

impl PartialEq for Greenlet {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Greenlet {}

impl fmt::Debug for Greenlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self.0.state.borrow() {
            State::Main => "Greenlet(main)",
            State::Unstarted(_) => "Greenlet(unstarted)",
            State::Suspended(_) | State::Running | State::Closing => "Greenlet(active)",
            State::Dead => "Greenlet(dead)",
        })
    }
}

/// A value of some type, and the name of the type. The empty message, `()`, costs nothing.
struct Message {
    value: Box<dyn Any>,
    type_name: &'static str,
}

impl Message {
    fn new<T: 'static>(value: T) -> Self {
        Self { value: Box::new(value), type_name: type_name::<T>() }
    }

    fn open<T: 'static>(self) -> Result<T, Failure> {
        let wrong = WrongMessage { found: self.type_name, expected: type_name::<T>() };
        Ok(*self.value.downcast().map_err(|_| wrong)?)
    }
}
