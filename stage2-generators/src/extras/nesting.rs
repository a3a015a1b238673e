//! A deferred that is fired from a callback runs at once, inside it, as in Twisted. Only so
//! many run inside each other, or a line of them would be too long for the stack: the next
//! one waits until the callback that fired it has returned.

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::rc::Rc;

use crate::deferred::Chain;

/// How many run inside each other. Each takes the stack of whatever callback it is in.
const DEPTH: u32 = 16;

thread_local! {
    // What is dropped at the end of its thread may still fire: these two outlive everybody.

    /// How many run inside each other at the moment.
    static NESTED: Cell<u32> = const { Cell::new(0) };

    /// Filled by `later`; emptied from the end by the innermost `perform`.
    static LATER: ManuallyDrop<RefCell<Vec<Work>>> =
        const { ManuallyDrop::new(RefCell::new(Vec::new())) };
}

/// What is to be done with a chain. A step of it comes back with what has to be done next.
pub(crate) enum Work {
    Run(Rc<Chain>),
    Cancel(Rc<Chain>),
    Tell(Rc<Chain>),
}

impl Work {
    pub(crate) fn step(self) -> Option<Self> {
        match self {
            Self::Run(chain) => chain.step().map(Self::Run),
            Self::Cancel(chain) => chain.pass_on(),
            Self::Tell(chain) => {
                chain.tell();
                None
            }
        }
    }
}

/// Does the work, and whatever it leads to, before it returns; or, inside too many others,
/// when the innermost of them gets to it.
pub(crate) fn perform(work: Work) {
    let Some(mut nested) = Nested::enter() else { return later(work) };
    let mut next = Some(work);
    while let Some(work) = next {
        next = nested.next(work.step());
    }
}

/// Has the work done once the present step is over. What was left first is done first, and
/// both before that step's own work goes on.
pub(crate) fn later(work: Work) {
    LATER.with(|later| later.borrow_mut().push(work));
}

/// A level of nesting; dropping it ends it.
struct Nested {
    /// What is below belongs to the level outside.
    base: usize,
    /// What is above was left in the present step.
    top: usize,
}

impl Nested {
    fn enter() -> Option<Self> {
        let depth = NESTED.get();
        (depth < DEPTH).then(|| {
            NESTED.set(depth + 1);
            let top = LATER.with(|later| later.borrow().len());
            Self { base: top, top }
        })
    }

    fn next(&mut self, goes_on: Option<Work>) -> Option<Work> {
        let left = LATER.with(|later| later.borrow().len());
        if left == self.top && (goes_on.is_some() || left == self.base) {
            return goes_on; // as it is nearly always
        }
        self.choose(goes_on)
    }

    /// Puts what was left in the present step in front of what was left before.
    #[cold]
    fn choose(&mut self, goes_on: Option<Work>) -> Option<Work> {
        LATER.with(|later| {
            let mut later = later.borrow_mut();
            later.extend(goes_on);
            later[self.top..].reverse();
            let next = if later.len() > self.base { later.pop() } else { None };
            self.top = later.len();
            next
        })
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        NESTED.set(NESTED.get() - 1);
        let is_over =
            |later: &RefCell<Vec<_>>| NESTED.get() == 0 && later.borrow().capacity() > 0;
        if LATER.with(|later| is_over(later)) {
            drop(LATER.with(|later| later.take()));
        }
    }
}
