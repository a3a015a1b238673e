//! Where stacks come from: from greenlets that have ended, or else from the system.
//!
//! # How many there can be
//!
//! A stack and the page below it are two mappings of the process, since the page may not be
//! touched and the stack may. Linux gives a process 65,530 (`vm.max_map_count`), so without
//! asking for more it has 32,700 greenlets with a stack at once, and the next one fails before
//! it begins. (One that has not begun has no stack.) At the limit the allocator gets no mapping
//! either: a program that goes on from there may be ended by any large allocation. For 100,000 the
//! limit has to be raised before, to more than 200,000: `sysctl -w vm.max_map_count=262144`, as
//! root. Each of them takes a page of stack, some 650 bytes of heap, and 520 bytes of the kernel's
//! page tables; 9.2 KiB in a build for debugging, when 100,000 waited at a semaphore, in 200,032
//! mappings.
//!
//! To do with fewer mappings, one would have to cut many stacks out of one mapping, and answer for
//! their guard pages: that takes `unsafe` code, which this crate has not.
//!
//! # What an overflow says
//!
//! The process ends by a fault (`SIGSEGV`) at the guard page, and does not say which greenlet
//! it was. The standard library's handler looks whether the address lies below the stack of a
//! *thread*, and says nothing of others. To name the greenlet, a handler of our own would have
//! to run on a stack of its own, and in it no more is allowed than what is safe in a signal
//! handler: to install one is `unsafe` in every crate there is, and `signal-hook`, the one
//! that does it for whoever has no `unsafe`, refuses this signal. What helps: a debugger's
//! backtrace begins with the function that had no room, and ends with the body of the greenlet.

use std::cell::RefCell;
use std::io;
use std::mem;

use corosensei::stack::{DefaultStack, Stack};

use crate::extras::message::Parcel;
use crate::failure::guard;
use crate::greenlet::{Body, Greenlet, State, Suspended};

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

/// Keeps the stack of a greenlet that has ended, or gives it back to the system.
#[cold]
pub(crate) fn put_back(ended: Suspended) {
    let stack = ended.into_stack();
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
        self,
        parcel: Parcel,
        no_stack: io::Error,
    ) -> (Self, Parcel) {
        self.0.state.set(State::Dead);
        let body = self.body();
        let told = parcel.failure().unwrap_or_else(|| no_stack.into());
        let end = guard(|| body(told.into())).unwrap_or_else(Parcel::from);
        (self, end)
    }

    /// What it is to run.
    pub(crate) fn body(&self) -> Body {
        self.0.body.take().expect("who waits on no stack has not begun")
    }
}
