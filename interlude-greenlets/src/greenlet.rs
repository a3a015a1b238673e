//! A greenlet: a function with a stack of its own, so that it can stop anywhere.
//!
//! One thread has many greenlets, and one of them runs. To *switch* is to hand control, and
//! a message, to another; who switched goes on when somebody switches back. There is no
//! scheduler in this file.

use std::any::type_name_of_val;
use std::cell::{Cell, RefCell};
use std::io;
use std::mem::ManuallyDrop;
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use scoped_reference::{ScopedBorrow, ScopedReference};

use crate::extras::message::{End, Message, Parcel};
use crate::extras::name::Name;
use crate::extras::unwinding::{self, Unwinding};
use crate::failure::{Failure, GreenletExit, guard};

/// The stack of a greenlet, in bytes. It is address space, and only pages that are used take
/// memory: one, for a greenlet that does nothing but sleep. An eighth of it is enough for a
/// panic that prints its backtrace. Below it lies a page that nobody may touch, so that an
/// overflow is a fault, and not somebody else's data.
///
/// Stack and page are two mappings, of which Linux allows a process 65,530 unless told
/// otherwise: some 32,000 greenlets. The next one fails before it begins, with what the
/// system said.
pub const STACK_SIZE: usize = 256 * 1024;

/// How many stacks a thread keeps for greenlets to come.
const SPARE_STACKS: usize = 64;

/// A function with a stack of its own. Clones are handles to the same one.
///
/// When the last handle to a greenlet that waits in a switch is dropped, nobody can ever
/// resume it. Then [`GreenletExit`] unwinds its stack, once, and the guards on it are dropped.
/// A body that swallows this and switches again did not end: that is reported, and its stack
/// is left as it is, for ever.
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
    pub(crate) name: Name,
    pub(crate) state: RefCell<State>,
    /// The way out: set when the body starts, taken for the length of a switch.
    way: Cell<Option<ScopedBorrow<Way>>>,
    /// Who gets what the body returns.
    pub(crate) parent: RefCell<Option<Greenlet>>,
    pub(crate) unwinding: Unwinding,
    /// Whether its last handle is gone.
    pub(crate) is_last: Cell<bool>,
}

/// The way out of a coroutine, back to the trampoline. It is lent to the body, and lies on
/// the stack of the coroutine itself.
type Way = Yielder<Parcel, Handover>;

pub(crate) enum State {
    /// The thread's own greenlet, which is always there.
    Main,
    Unstarted(Body),
    Suspended(Suspended),
    Running,
    /// Nobody will resume it: it is being unwound.
    Closing,
    Dead,
}

pub(crate) type Suspended = Coroutine<Parcel, Handover, End>;

/// What a greenlet runs.
type Body = Box<dyn FnOnce(End) -> End>;

/// What somebody who switches leaves for the trampoline.
pub(crate) struct Handover {
    pub(crate) to: Greenlet,
    pub(crate) parcel: Parcel,
}

thread_local! {
    /// The greenlet of the thread itself.
    static MAIN: Greenlet = Greenlet::main();

    /// Set by whoever resumes another; read by whoever switches. `None`: the thread's own.
    static RUNNING: RefCell<ManuallyDrop<Option<Greenlet>>> =
        const { RefCell::new(ManuallyDrop::new(None)) };

    /// Stacks of greenlets that have ended, for those that begin.
    static STACKS: RefCell<Vec<DefaultStack>> = const { RefCell::new(Vec::new()) };
}

/// The greenlet that is running.
#[doc(alias = "getcurrent")]
pub fn current() -> Greenlet {
    // A thread that is ending may have lost its own already, and gets another.
    let main = || MAIN.try_with(Clone::clone).unwrap_or_else(|_| Greenlet::main());
    RUNNING.with_borrow(|it| (**it).clone()).unwrap_or_else(main)
}

/// Makes another the one that is running.
pub(crate) fn set_running(greenlet: Option<Greenlet>) -> Option<Greenlet> {
    ManuallyDrop::into_inner(RUNNING.replace(ManuallyDrop::new(greenlet)))
}

impl Greenlet {
    /// A greenlet that will call `body` with the first message it gets. Its parent is the
    /// greenlet that is running.
    #[track_caller]
    pub fn new<A: 'static, R: 'static>(
        body: impl FnOnce(A) -> Result<R, Failure> + 'static,
    ) -> Self {
        let name = Name::new(type_name_of_val(&body));
        let body = |first: End| Ok(Message::new(body(first?.open()?)?));
        Self::child_of(current(), name, Box::new(body))
    }

    /// The same, of another parent. The body is called in any case, and told if it is to end
    /// before it begins.
    pub(crate) fn child_of(parent: Self, name: Name, body: Body) -> Self {
        Self::with(name, State::Unstarted(body), Some(parent))
    }

    /// The thread's own.
    fn main() -> Self {
        Self::with(Name::default(), State::Main, None)
    }

    fn with(name: Name, state: State, parent: Option<Self>) -> Self {
        let (state, parent) = (RefCell::new(state), RefCell::new(parent));
        let (way, unwinding) = (Cell::default(), Unwinding::default());
        let is_last = Cell::default();
        Self(Rc::new(Inner { name, state, way, parent, unwinding, is_last }))
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
    /// [`WrongMessage`]: crate::extras::errors::WrongMessage
    pub fn switch<S: 'static, R: 'static>(&self, message: S) -> Result<R, Failure> {
        let here = current().unless_closed()?;
        here.hand_over(self.clone(), Parcel::Message(Message::new(message)))?.open()
    }

    /// Raises `failure` in this greenlet: the switch it waits in fails with it. One that
    /// has not started dies before it does, and then its parent gets it, as with a dead one.
    ///
    /// # Errors
    ///
    /// As [`switch`](Self::switch).
    pub fn throw<R: 'static>(&self, failure: impl Into<Failure>) -> Result<R, Failure> {
        let (here, failure) = (current().unless_closed()?, Err(failure.into()));
        let end = if self.is_dead() { last_words(failure) } else { failure };
        here.hand_over(self.clone(), Parcel::from(end))?.open()
    }

    /// The one place where control changes hands, by the one that is running. It comes back
    /// when somebody hands it over to that.
    ///
    /// It takes the handle: one on its own stack would keep it for ever.
    pub(crate) fn hand_over(self, to: Self, parcel: Parcel) -> End {
        let (depth, to) = (self.depth(), to.nearest_alive());
        self.raise_what_was_put_off(depth);
        let is_self = to == self;
        let mut arrived =
            if is_self { parcel } else { self.suspend(depth, Handover { to, parcel }) };
        loop {
            arrived = match arrived {
                Parcel::Message(message) => return Ok(message),
                Parcel::Failure(failure) => return Err(failure),
                Parcel::Exit if depth == 0 => current().raise(GreenletExit.into()),
                Parcel::Exit => {
                    current().put_off(GreenletExit.into(), 0);
                    return Err(GreenletExit.into());
                }
                Parcel::Raise { failure, limit, .. } if depth <= limit => {
                    current().raise(failure)
                }
                Parcel::Raise { failure, limit, hub } => {
                    current().put_off(failure, limit);
                    let nothing = Handover { to: hub, parcel: Parcel::nothing() };
                    current().suspend(depth, nothing)
                }
            };
        }
    }

    /// Leaves the stack, until somebody comes back to it.
    pub(crate) fn suspend(self, depth: u32, handover: Handover) -> Parcel {
        unwinding::aside(depth, || {
            if self.is_main() {
                return trampoline(handover);
            }
            let way = self.0.way.take().expect("who runs has a way out");
            drop(self);
            let parcel = way.suspend(handover);
            current().0.way.set(Some(way));
            parcel
        })
    }

    fn is_main(&self) -> bool {
        matches!(*self.0.state.borrow(), State::Main)
    }

    /// Itself, or the nearest ancestor that has not ended.
    fn nearest_alive(&self) -> Self {
        let mut alive = self.ancestors().filter(|ancestor| !ancestor.is_dead());
        alive.next().expect("the main greenlet never ends")
    }

    /// Runs it until it hands over to somebody, or to its parent because it ended.
    fn run(&self, parcel: Parcel) -> Handover {
        let end = match self.advance(State::Running, parcel, None) {
            Ok((coroutine, handover)) => {
                self.0.state.replace(State::Suspended(coroutine));
                return handover;
            }
            Err(end) => end,
        };
        self.0.state.replace(State::Dead);
        Handover { to: self.nearest_alive(), parcel: last_words(end).into() }
    }

    /// Lets it go on, on a stack of its own, until it hands over. If it ends instead, that
    /// is the error. Without a stack it ends on that of `host`.
    pub(crate) fn advance(
        &self,
        state: State,
        parcel: Parcel,
        host: Option<Self>,
    ) -> Result<(Suspended, Handover), End> {
        let mut coroutine = match self.0.state.replace(state) {
            State::Unstarted(body) => match stack() {
                Ok(stack) => self.start(stack, body),
                Err(no_stack) => {
                    let this = set_running(host);
                    let end = guard(|| body(parcel.instead_of_a_stack(no_stack)));
                    drop(set_running(this));
                    return Err(end.unwrap_or_else(Err));
                }
            },
            State::Suspended(coroutine) => coroutine,
            _ => unreachable!("who runs hands over to none but those who wait"),
        };
        match coroutine.resume(parcel) {
            CoroutineResult::Yield(handover) => Ok((coroutine, handover)),
            CoroutineResult::Return(end) => {
                keep(coroutine.into_stack());
                Err(end)
            }
        }
    }

    /// Gives it a stack. What its body panics with ends there, and nobody but its parent
    /// hears of it.
    fn start(&self, stack: DefaultStack, body: Body) -> Suspended {
        let this = Rc::downgrade(&self.0);
        let leave_a_way = move |way| {
            let this = this.upgrade().expect("it is alive while it runs");
            drop(this.way.replace(way));
        };
        Coroutine::with_stack(stack, move |way: &Way, first: Parcel| {
            let way = ScopedReference::new(way);
            leave_a_way(Some(way.borrow()));
            let end = guard(|| body(first.into())).unwrap_or_else(Err);
            leave_a_way(None);
            end
        })
    }
}

/// Runs others until somebody hands over to the main greenlet, whose stack this is on.
///
/// A coroutine can give control to nobody but whoever resumed it. So all are resumed from
/// here, each says who is to be next, and two that switch to each other meet here.
fn trampoline(mut handover: Handover) -> Parcel {
    loop {
        let Handover { to, parcel } = handover;
        if to.is_main() {
            drop(set_running(None));
            return parcel;
        }
        drop(set_running(Some(to.clone())));
        handover = to.run(parcel);
    }
}

/// A stack that is left, or a new one.
fn stack() -> io::Result<DefaultStack> {
    let spare = STACKS.try_with(|stacks| stacks.borrow_mut().pop()).ok().flatten();
    spare.map_or_else(|| DefaultStack::new(STACK_SIZE), Ok)
}

/// Keeps a few stacks, since to ask the kernel for one takes longer than to use it.
fn keep(stack: DefaultStack) {
    let _ = STACKS.try_with(|stacks| {
        let mut stacks = stacks.borrow_mut();
        stacks.push(stack);
        stacks.truncate(SPARE_STACKS);
    });
}

/// What the parent gets of an end: to be asked to end, and to do so, is no failure.
fn last_words(end: End) -> End {
    match end {
        Err(failure) if failure.is::<GreenletExit>() => Ok(Message::new(GreenletExit)),
        end => end,
    }
}
