//! A task in one piece of memory: what others know of it, and its future, in whose place its output
//! lies later.
//!
//! Two own a task, its set and its [handle](super::JoinHandle), and neither knows the type of the
//! future. So a task is a pointer to its [`Head`], and the head knows [how](How) to do what needs the
//! type. Who may touch the future is settled by one flag: until the task is done, that is the
//! set; from then on the handle, which finds the output there.

#![expect(unsafe_code, reason = "a task is a pointer, and only this file knows to what")]

use std::cell::{Cell, UnsafeCell};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};
use std::thread;

use pin_project_lite::pin_project;

use super::waker::Id;

/// An owner of a task: a pointer that counts, without atomics, for a task stays on its thread. The
/// last one to be dropped frees the task.
pub(super) struct Task(NonNull<Head>);

/// What others know of a task, whatever its future.
pub(super) struct Head {
    how: &'static How,
    /// Whom its waker wakes.
    pub(super) id: Id,
    /// How many pointers there are to it.
    owners: Cell<u32>,
    /// Set by whoever wakes it; cleared before its step.
    pub(super) is_queued: Cell<bool>,
    /// Set by its last step.
    is_done: Cell<bool>,
    /// Set while the set has the future.
    is_lent: Cell<bool>,
    /// Left by whoever waits for the end; woken by the last step.
    pub(super) joiner: Cell<Option<Waker>>,
}

/// What can be done with a task by whoever knows its future's type. Each is given the pointer of an
/// owner of such a task, and nothing else.
struct How {
    poll: unsafe fn(NonNull<Head>, &mut Context<'_>),
    abandon: unsafe fn(NonNull<Head>),
    /// Moves the output to the place of an `Option<thread::Result<Output>>`.
    take: unsafe fn(NonNull<Head>, NonNull<()>),
    free: unsafe fn(NonNull<Head>),
}

/// The whole of it. The head comes first: a pointer to it is a pointer to the whole.
#[repr(C)]
struct Whole<F: Future> {
    head: Head,
    stage: UnsafeCell<Stage<F>>,
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F: Future> {
        Running { #[pin] future: F },
        /// `None`: it was taken, or there is none.
        Done { output: Option<thread::Result<F::Output>> },
    }
}

impl Task {
    /// One that is in the queue, or about to be.
    pub(super) fn new<F: Future + 'static>(id: Id, future: F) -> Self {
        let head = Head {
            how: &Whole::<F>::HOW,
            id,
            owners: Cell::new(1),
            is_queued: Cell::new(true),
            is_done: Cell::new(false),
            is_lent: Cell::new(false),
            joiner: Cell::new(None),
        };
        let stage = UnsafeCell::new(Stage::Running { future });
        let whole = NonNull::from(Box::leak(Box::new(Whole { head, stage })));
        Self(whole.cast())
    }

    /// Takes one step, with a waker of its own. `true`: that was the last.
    ///
    /// # Panics
    ///
    /// Panics inside the task's own step.
    #[inline]
    pub(super) fn step(&self) -> bool {
        self.is_queued.set(false);
        let waker = self.id.waker();
        if !self.is_done() {
            // SAFETY: the task is the one that its head came with.
            unsafe { (self.how.poll)(self.0, &mut Context::from_waker(&waker)) };
        }
        self.is_done()
    }

    /// Drops the future: for the end of the set.
    pub(super) fn abandon(&self) {
        if !self.is_done() {
            // SAFETY: the task is the one that its head came with.
            unsafe { (self.how.abandon)(self.0) };
        }
    }

    /// The output, once. `Err` is a panic.
    ///
    /// # Safety
    ///
    /// `T` has to be the output of the future that the task was made of.
    #[inline]
    pub(super) unsafe fn take<T>(&self) -> Option<thread::Result<T>> {
        let mut output = None::<thread::Result<T>>;
        if self.is_done() {
            // SAFETY: the task is the one that its head came with, and `output` is a place for what
            // its future gives: the caller sees to it.
            unsafe { (self.how.take)(self.0, NonNull::from(&mut output).cast()) };
        }
        output
    }
}

impl Head {
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.is_done.get()
    }

    /// Lends the stage to the set, once at a time.
    #[inline]
    fn lend(&self) -> Lent<'_> {
        assert!(!self.is_lent.replace(true), "a task is not stepped inside its own step");
        Lent(&self.is_lent)
    }

    /// Hands the stage over from the set to the handle.
    fn is_over(&self) {
        self.is_done.set(true);
        if let Some(joiner) = self.joiner.take() {
            joiner.wake();
        }
    }
}

impl<F: Future> Whole<F> {
    const HOW: How = How {
        poll: Self::poll,
        abandon: Self::abandon,
        take: Self::take,
        free: Self::free,
    };

    /// Where the stage is.
    ///
    /// # Safety
    ///
    /// `task` has to be the pointer of an owner of a `Whole<F>`.
    unsafe fn stage(task: NonNull<Head>) -> *mut Stage<F> {
        let whole = task.cast::<Self>().as_ptr();
        // SAFETY: it points to a `Whole<F>`, which lives as long as it has an owner.
        UnsafeCell::raw_get(unsafe { &raw const (*whole).stage })
    }

    /// The stage, for the set.
    ///
    /// # Safety
    ///
    /// As for `stage`; and the head has lent it to the caller.
    unsafe fn pinned<'a>(task: NonNull<Head>) -> Pin<&'a mut Stage<F>> {
        // SAFETY: as the caller's.
        let stage = unsafe { Self::stage(task) };
        // SAFETY: the task is not done, so the stage is the set's, which has lent it once.
        let stage = unsafe { &mut *stage };
        // SAFETY: it lies in a box that it never leaves, and whoever gets the future gets it pinned.
        unsafe { Pin::new_unchecked(stage) }
    }

    unsafe fn poll(task: NonNull<Head>, context: &mut Context<'_>) {
        // SAFETY: as the caller's.
        let head = unsafe { task.as_ref() };
        let lent = head.lend();
        // SAFETY: as the caller's; and it was lent.
        let polled = unsafe { Self::pinned(task) }.poll(context);
        drop(lent);
        if polled.is_ready() {
            head.is_over();
        }
    }

    unsafe fn abandon(task: NonNull<Head>) {
        // SAFETY: as the caller's.
        let head = unsafe { task.as_ref() };
        let lent = head.lend();
        // SAFETY: as the caller's; and it was lent.
        unsafe { Self::pinned(task) }.set(Stage::Done { output: None });
        drop(lent);
        head.is_over();
    }

    unsafe fn take(task: NonNull<Head>, place: NonNull<()>) {
        // SAFETY: as the caller's.
        let stage = unsafe { Self::stage(task) };
        // SAFETY: the task is done, so the stage is the handle's; and a future is there no more.
        if let Stage::Done { output } = unsafe { &mut *stage } {
            // SAFETY: the caller has said what it is a place for.
            let place = unsafe { place.cast().as_mut() };
            *place = output.take();
        }
    }

    unsafe fn free(task: NonNull<Head>) {
        // SAFETY: it was leaked from such a box by `Task::new`, and this was its last owner.
        drop(unsafe { Box::from_raw(task.cast::<Self>().as_ptr()) });
    }
}

impl<F: Future> Stage<F> {
    /// Polls the future. At its end, the output takes its place; a panic is an output, too.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let poll = AssertUnwindSafe(|| {
            if let StageProjection::Running { future } = self.as_mut().project() {
                let output = ready!(future.poll(context));
                self.set(Self::Done { output: Some(Ok(output)) });
            }
            Poll::Ready(())
        });
        catch_unwind(poll).unwrap_or_else(|panic| {
            self.set(Self::Done { output: Some(Err(panic)) });
            Poll::Ready(())
        })
    }
}

/// The set has the stage. It gives it back even in a panic.
struct Lent<'a>(&'a Cell<bool>);

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Deref for Task {
    type Target = Head;

    #[inline]
    fn deref(&self) -> &Head {
        // SAFETY: it is freed by its last owner, and this is one.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for Task {
    #[inline]
    fn clone(&self) -> Self {
        // They are four at the most: the set, its queue, the scope for a step, and the handle.
        self.owners.set(self.owners.get() + 1);
        Self(self.0)
    }
}

impl Drop for Task {
    #[inline]
    fn drop(&mut self) {
        self.owners.set(self.owners.get() - 1);
        if self.owners.get() == 0 {
            // SAFETY: this was the last owner of the task that its head came with.
            unsafe { (self.how.free)(self.0) };
        }
    }
}
