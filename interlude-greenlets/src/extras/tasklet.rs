//! Tasklets: greenlets that take turns, in the order in which they became runnable.
//!
//! This is Stackless Python's side of the family (2000): a scheduler, and no loop. Nobody
//! waits for the world here, only for each other, at a [`Channel`](super::channel::Channel).
//! All of it is one queue on top of [`Greenlet::switch`].

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use crate::extras::message::Parcel;
use crate::extras::unwinding::unless_closed;
use crate::failure::{Failure, GreenletExit};
use crate::greenlet::{Greenlet, current};

thread_local! {
    /// Who may run, next first. Whoever runs is not in it.
    static RUNNABLE: RefCell<VecDeque<Turn>> = const { RefCell::new(VecDeque::new()) };
}

/// A greenlet that takes turns with others. Clones are handles to the same one; dropped, it
/// goes on.
#[derive(Clone)]
pub struct Tasklet(Greenlet);

/// A place in a queue: of those who may run, or of those who wait at a channel.
#[derive(Clone)]
pub(crate) struct Turn {
    greenlet: Greenlet,
    has_come: Rc<Cell<bool>>,
}

/// Nobody can run any more, and whoever asked has not had its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no runnable tasklets are left")]
pub struct NoneRunnable;

impl Tasklet {
    /// A tasklet that calls `body` when its turn has come, after all that are runnable now.
    /// What it fails with comes out of the call in which the main greenlet waits: of
    /// [`run`], most likely.
    ///
    /// ```
    /// use interlude_greenlets::extras::tasklet::{Tasklet, run, schedule};
    /// use std::cell::RefCell;
    /// use std::rc::Rc;
    ///
    /// let log = Rc::new(RefCell::new(String::new()));
    /// for letter in ['a', 'b'] {
    ///     let log = Rc::clone(&log);
    ///     Tasklet::new(move || {
    ///         for n in ['0', '1'] {
    ///             log.borrow_mut().extend([letter, n]);
    ///             schedule()?;
    ///         }
    ///         Ok(())
    ///     });
    /// }
    /// run()?;
    /// assert_eq!(*log.borrow(), "a0b0a1b1");
    /// # Ok::<(), interlude_greenlets::Failure>(())
    /// ```
    #[track_caller]
    pub fn new(body: impl FnOnce() -> Result<(), Failure> + 'static) -> Self {
        let greenlet = Greenlet::new(|()| match body() {
            Err(failure) if failure.is::<GreenletExit>() => Ok(()), // it dies in silence
            end => end,
        });
        // All have one parent, who gets control when one of them ends.
        let parent = main();
        greenlet.set_parent(&parent).expect("a new greenlet is nobody's ancestor");
        Turn::of(greenlet.clone()).comes_last();
        Self(greenlet)
    }

    /// Makes it runnable again after [`remove`](Self::remove), as the last of all.
    pub fn insert(&self) {
        if !self.is_scheduled() && !self.0.is_dead() {
            Turn::of(self.0.clone()).comes_last();
        }
    }

    /// Takes it out of the queue, so that it does not run until it is inserted.
    #[doc(alias = "schedule_remove")]
    pub fn remove(&self) {
        let out = RUNNABLE.with_borrow_mut(|queue| {
            let at = queue.iter().position(|turn| turn.greenlet == self.0)?;
            queue.remove(at)
        });
        drop(out);
    }

    /// Ends it at once: the call in which it waits fails with [`GreenletExit`], and if it
    /// does not handle that it dies, which is no failure. Whoever kills goes on next.
    ///
    /// ```
    /// use interlude_greenlets::extras::tasklet::{Tasklet, run, schedule};
    ///
    /// let endless = Tasklet::new(|| loop {
    ///     schedule()?; // this is where it fails
    /// });
    /// schedule()?; // to it, and back
    /// assert!(endless.is_scheduled());
    /// endless.kill()?;
    /// assert!(!endless.is_alive());
    /// run()?; // nobody is left
    /// # Ok::<(), interlude_greenlets::Failure>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`GreenletExit`] if it kills itself; and as [`schedule`].
    pub fn kill(&self) -> Result<(), Failure> {
        if self.0 == current() {
            return Err(GreenletExit.into());
        }
        self.remove();
        if !self.0.is_active() {
            self.0.close();
            return Ok(());
        }
        let turn = Turn::of(current());
        turn.clone().comes_next();
        let killed = self.0.throw(GreenletExit);
        turn.wait_after(killed)
    }

    /// Whether it has not ended.
    #[doc(alias = "alive")]
    pub fn is_alive(&self) -> bool {
        !self.0.is_dead()
    }

    /// Whether it is in the queue.
    #[doc(alias = "scheduled")]
    pub fn is_scheduled(&self) -> bool {
        RUNNABLE.with_borrow(|queue| queue.iter().any(|turn| turn.greenlet == self.0))
    }
}

/// Lets all others run that are runnable, and goes on as the last.
///
/// # Errors
///
/// What it is killed with; in the main greenlet, what a tasklet fails with.
pub fn schedule() -> Result<(), Failure> {
    let turn = Turn::of(current());
    turn.clone().comes_last();
    turn.wait()
}

/// Runs tasklets until none is runnable. The greenlet that calls this is put aside meanwhile.
///
/// # Errors
///
/// What a tasklet fails with. The others stay runnable.
pub fn run() -> Result<(), Failure> {
    match Turn::of(current()).wait() {
        Err(failure) if failure.is::<NoneRunnable>() => Ok(()),
        end => end,
    }
}

/// How many are runnable.
#[doc(alias = "getruncount")]
pub fn run_count() -> usize {
    RUNNABLE.with_borrow(VecDeque::len)
}

impl Turn {
    pub(crate) fn of(greenlet: Greenlet) -> Self {
        Self { greenlet, has_come: Rc::default() }
    }

    pub(crate) fn comes_last(self) {
        RUNNABLE.with_borrow_mut(|queue| queue.push_back(self));
    }

    pub(crate) fn comes_next(self) {
        RUNNABLE.with_borrow_mut(|queue| queue.push_front(self));
    }

    /// Lets others run until its turn has come.
    pub(crate) fn wait(self) -> Result<(), Failure> {
        self.wait_after(Ok(()))
    }

    /// The same, after a switch that has come back with `end`. That may be because a tasklet
    /// has ended, and then the next one runs.
    fn wait_after(self, mut end: Result<(), Failure>) -> Result<(), Failure> {
        let Self { greenlet, has_come } = self;
        drop(greenlet); // a handle on its own stack would keep it for ever
        while end.is_ok() && !has_come.get() {
            end = match RUNNABLE.with_borrow_mut(VecDeque::pop_front) {
                Some(next) => {
                    next.has_come.set(true);
                    next.greenlet.switch_and_forget()
                }
                None if main() == current() => Err(NoneRunnable.into()),
                None => main().switch_and_forget(),
            };
        }
        if end.is_err() {
            let is_ours = |turn: &Self| Rc::ptr_eq(&turn.has_come, &has_come);
            let left = RUNNABLE.with_borrow_mut(|queue| {
                let at = queue.iter().position(is_ours)?;
                queue.remove(at)
            });
            drop(left);
        }
        end
    }
}

impl Greenlet {
    /// A switch to a greenlet of which no handle stays on the stack that waits.
    fn switch_and_forget(self) -> Result<(), Failure> {
        let depth = unless_closed()?;
        self.hand_over(depth, Parcel::default()).open()
    }
}

/// Whoever is no tasklet.
fn main() -> Greenlet {
    current().ancestors().last().expect("it is among its own ancestors")
}

impl fmt::Debug for Tasklet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tasklet").field(&self.0).finish()
    }
}
