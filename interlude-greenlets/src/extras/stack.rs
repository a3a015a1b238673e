//! Where stacks come from: from greenlets that have ended, or else from the system.

use std::cell::RefCell;
use std::io;
use std::mem;

use corosensei::stack::{DefaultStack, Stack};

use crate::extras::message::Parcel;
use crate::failure::guard;
use crate::greenlet::{Greenlet, State};

/// The stack of a greenlet, in bytes. It is address space, and only pages that are used take
/// memory: one, for a greenlet that does nothing but sleep. An eighth of it is enough for a
/// panic that prints its backtrace. Below it lies a page that nobody may touch, so that an
/// overflow is a fault, and not somebody else's data.
///
/// Stack and page are two mappings, of which Linux allows a process 65,530 unless told
/// otherwise: some 32,000 greenlets. The next one fails before it begins, with what the
/// system said.
pub const STACK_SIZE: usize = 256 * 1024;

/// How many stacks a thread keeps for greenlets to come, unless told otherwise.
pub const SPARE_STACKS: usize = 1024;

/// The stacks of a thread.
struct Stacks {
    /// What the next one is asked to have, in bytes.
    size: usize,
    /// What one of that size really takes; zero as long as none has been made.
    extent: usize,
    /// Of greenlets that have ended, for those that begin: all of that extent.
    spare: Vec<DefaultStack>,
    /// How many are kept.
    many: usize,
}

thread_local! {
    static STACKS: RefCell<Stacks> = const {
        let (size, many) = (STACK_SIZE, SPARE_STACKS);
        RefCell::new(Stacks { size, extent: 0, spare: Vec::new(), many })
    };
}

/// Gives the greenlets of this thread that have not begun yet a stack of that many bytes, and
/// says how many it was so far: Python's `threading.stack_size`, for greenlets.
///
/// It is rounded up to whole pages, and never less than one of 4 KiB. That is not enough to
/// print anything.
///
/// ```
/// use interlude_greenlets::extras::stack::{STACK_SIZE, stack_size};
/// use interlude_greenlets::{Failure, Greenlet};
///
/// assert_eq!(stack_size(8 * 1024 * 1024), STACK_SIZE);
/// let deep = Greenlet::new(|()| {
///     let large = std::hint::black_box([1_u8; 1024 * 1024]);
///     Ok(large.iter().map(|byte| u32::from(*byte)).sum::<u32>())
/// });
/// assert_eq!(deep.switch::<(), u32>(())?, 1024 * 1024);
/// # Ok::<(), Failure>(())
/// ```
pub fn stack_size(bytes: usize) -> usize {
    STACKS.with_borrow_mut(|stacks| {
        stacks.extent = 0;
        stacks.spare.clear();
        mem::replace(&mut stacks.size, bytes)
    })
}

/// Has this thread keep up to so many stacks of greenlets that have ended, and says how many
/// it was so far. The system needs three calls for a new stack, and a fault for each page.
/// What a stack has touched stays in memory while it is kept.
pub fn spare_stacks(many: usize) -> usize {
    STACKS.with_borrow_mut(|stacks| {
        stacks.spare.truncate(many);
        mem::replace(&mut stacks.many, many)
    })
}

impl Stacks {
    fn take(&mut self) -> io::Result<DefaultStack> {
        if let Some(stack) = self.spare.pop() {
            return Ok(stack);
        }
        let stack = DefaultStack::new(self.size)?;
        self.extent = extent(&stack);
        Ok(stack)
    }

    fn put_back(&mut self, stack: DefaultStack) {
        // One that was made before the size changed is of no use.
        if self.spare.len() < self.many && self.extent == extent(&stack) {
            self.spare.push(stack);
        }
    }
}

/// A stack that is left, or a new one.
pub(crate) fn take() -> io::Result<DefaultStack> {
    // A thread that is ending keeps none.
    let stack = STACKS.try_with(|stacks| stacks.borrow_mut().take());
    stack.unwrap_or_else(|_| DefaultStack::new(STACK_SIZE))
}

/// Keeps a stack whose greenlet has ended, or gives it back to the system.
pub(crate) fn put_back(stack: DefaultStack) {
    let _ = STACKS.try_with(|stacks| stacks.borrow_mut().put_back(stack));
}

/// How much a stack takes, with the page that nobody may touch.
fn extent(stack: &DefaultStack) -> usize {
    stack.base().get() - stack.limit().get()
}

impl Greenlet {
    /// Without a stack the body is told so on that of whoever runs.
    #[cold]
    pub(crate) fn end_without_a_stack(
        &self,
        parcel: Parcel,
        no_stack: io::Error,
    ) -> Parcel {
        self.0.state.set(State::Dead);
        let body = self.body();
        let end = guard(|| body(parcel.instead_of_a_stack(no_stack)));
        end.unwrap_or_else(Err).into()
    }
}
