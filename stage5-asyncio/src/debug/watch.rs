//! What is measured while somebody watches: how long each step takes, and which one runs now.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use log::Level;
use reactor::trace::{self, Place};

use super::tally::Counts;
use super::{At, is_asked_for};
use crate::event_loop::try_current;
use crate::events::{Handle, Ready};
use crate::extras::remote::Remote;
use crate::extras::report::tell;
use crate::tasks::Step;
use crate::testing::is_strict;

/// How long a callback may take, unless somebody says otherwise.
const PATIENCE: Duration = Duration::from_millis(100);

/// How many loops are in debug mode, and how many look on. Asked before each step: while it is
/// zero, nothing is measured.
static WATCHERS: AtomicUsize = AtomicUsize::new(0);

/// The same, without the loops: whether to count.
static COUNTERS: AtomicUsize = AtomicUsize::new(0);

/// How often somebody began to count while nobody else did: what was counted before is old.
static EPOCH: AtomicUsize = AtomicUsize::new(0);

/// The loops that run, on all threads.
static LOOPS: Mutex<Vec<Arc<Public>>> = Mutex::new(Vec::new());

/// Whether any loop of this process is in debug mode, or looked at.
#[inline]
pub(crate) fn is_anyone_watching() -> bool {
    WATCHERS.load(Ordering::Relaxed) != 0
}

/// A loop's part in it.
pub(crate) struct Watch {
    is_debug: Cell<bool>,
    /// Set by `set_slow_callback_duration`.
    pub(super) patience: Cell<Duration>,
    /// Filled while somebody counts.
    counts: RefCell<Counts>,
    /// Set by a callback that only looks, and is not counted.
    pub(super) is_look: Cell<bool>,
    public: Arc<Public>,
}

/// What other threads see of a loop.
pub(super) struct Public {
    /// The name of its thread.
    pub(super) thread: String,
    pub(super) remote: Arc<Remote>,
    /// In debug mode, what runs now: for when it does not come back.
    pub(super) running: Mutex<Option<(Job, Instant)>>,
}

/// Something that keeps the loop while it runs.
#[derive(Clone, Copy)]
pub(crate) enum Job {
    /// A task's step: the task's number and function, where it was created, where it goes on.
    Step(u64, &'static str, Place, Option<Place>),
    /// A callback that was handed over there.
    Callback(Place),
}

impl Watch {
    pub(crate) fn new(remote: &Arc<Remote>) -> Self {
        let thread = thread::current().name().unwrap_or("without a name").to_owned();
        let (remote, running) = (Arc::clone(remote), Mutex::default());
        let this = Self {
            is_debug: Cell::default(),
            patience: Cell::new(if is_strict() { Duration::MAX } else { PATIENCE }),
            counts: RefCell::default(),
            is_look: Cell::default(),
            public: Arc::new(Public { thread, remote, running }),
        };
        this.set_debug(is_asked_for());
        this
    }

    pub(super) fn is_debug(&self) -> bool {
        self.is_debug.get()
    }

    pub(super) fn set_debug(&self, on: bool) {
        match (self.is_debug.replace(on), on) {
            (false, true) => WATCHERS.fetch_add(1, Ordering::Relaxed),
            (true, false) => WATCHERS.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
    }

    /// From now on, other threads find the loop.
    pub(crate) fn enter(&self) {
        loops().push(Arc::clone(&self.public));
    }

    /// Nobody finds it any more.
    pub(crate) fn leave(&self) {
        loops().retain(|it| !Arc::ptr_eq(it, &self.public));
    }

    pub(super) fn thread(&self) -> &str {
        &self.public.thread
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.set_debug(false);
    }
}

fn loops() -> MutexGuard<'static, Vec<Arc<Public>>> {
    LOOPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The loops that run now.
#[cfg(unix)]
pub(super) fn running_loops() -> Vec<Arc<Public>> {
    loops().clone()
}

/// For whoever looks for a loop where none is: the threads on which one runs.
pub(crate) fn names_of_loops() -> Vec<String> {
    loops().iter().map(|it| it.thread.clone()).collect()
}

/// Somebody who counts. Dropped, it is over.
#[cfg(unix)]
pub(super) struct Counting(());

#[cfg(unix)]
impl Counting {
    pub(super) fn begin() -> Self {
        if COUNTERS.fetch_add(1, Ordering::Relaxed) == 0 {
            EPOCH.fetch_add(1, Ordering::Relaxed);
        }
        WATCHERS.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

#[cfg(unix)]
impl Drop for Counting {
    fn drop(&mut self) {
        WATCHERS.fetch_sub(1, Ordering::Relaxed);
        COUNTERS.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn is_anyone_counting() -> bool {
    COUNTERS.load(Ordering::Relaxed) != 0
}

/// Runs it, and notes how long it takes.
#[cold]
#[inline(never)]
pub(crate) fn run_watched(ready: Ready) {
    let (event_loop, job) = (try_current(), ready.job());
    let (Some(event_loop), Some((job, task))) = (event_loop, job) else {
        return ready.go();
    };
    let watch = &event_loop.0.watch;
    let began = event_loop.time();
    watch.begin(job, began);
    ready.go();
    let took = event_loop.time().saturating_duration_since(began);
    watch.end(job, task.as_deref(), took);
}

impl Watch {
    fn begin(&self, job: Job, now: Instant) {
        if self.is_debug() {
            *self.running() = Some((job, now));
        }
    }

    fn end(&self, job: Job, task: Option<&dyn Step>, took: Duration) {
        let is_look = self.is_look.take();
        if is_anyone_counting() && !is_look {
            self.counts().count(job, took);
        }
        if self.is_debug() {
            *self.running() = None;
            if took >= self.patience.get() {
                say_slow(job, task, took);
            }
        }
    }

    /// What was counted, without those that are done.
    pub(super) fn counts_of(&self, tasks: &[Rc<dyn Step>]) -> Counts {
        let alive: BTreeSet<_> = tasks.iter().map(|it| it.known().id.number).collect();
        let mut counts = self.counts();
        counts.tasks.retain(|number, _| alive.contains(number));
        counts.clone()
    }

    /// What was counted since somebody looks on.
    fn counts(&self) -> RefMut<'_, Counts> {
        let mut counts = self.counts.borrow_mut();
        let epoch = EPOCH.load(Ordering::Relaxed);
        if counts.epoch != epoch {
            *counts = Counts { epoch, ..Counts::default() };
        }
        counts
    }

    fn running(&self) -> MutexGuard<'_, Option<(Job, Instant)>> {
        self.public.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `Executing ... took 0.123 seconds`, in CPython's words.
fn say_slow(job: Job, task: Option<&dyn Step>, took: Duration) {
    let (who, place) = match (job, task) {
        (Job::Step(_, _, place, from), Some(task)) => {
            (format!("{}, {}", task.known(), Stretch(from, task)), from.unwrap_or(place))
        }
        (job, _) => (job.to_string(), job.place()),
    };
    let seconds = took.as_secs_f64();
    tell(
        Level::Warn,
        Some(place),
        format_args!("Executing {who} took {seconds:.3} seconds"),
    );
}

/// From where to where a task was stepped.
struct Stretch<'a>(Option<Place>, &'a dyn Step);

impl fmt::Display for Stretch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(from, task) = self;
        let known = task.known();
        match from {
            Some(from) => write!(f, "from {}", At(*from))?,
            None => write!(f, "created at {}, from its beginning", At(known.place))?,
        }
        match known.waits() {
            _ if task.is_done() => f.write_str(" to its end,"),
            Some((_, to)) => write!(f, " to {},", At(to)),
            None => f.write_str(" to a wait that does not say where it is,"),
        }
    }
}

impl Job {
    pub(crate) fn of_task(task: &Rc<dyn Step>) -> Self {
        let known = task.known();
        let from = known.waits().map(|(_, place)| place);
        Self::Step(known.id.number, known.function, known.place, from)
    }

    pub(crate) fn of_callback(handle: &Handle) -> Self {
        Self::Callback(handle.place())
    }

    fn place(self) -> Place {
        match self {
            Self::Step(_, _, place, from) => from.unwrap_or(place),
            Self::Callback(place) => place,
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Callback(place) => write!(f, "<Handle created at {}>", At(place)),
            Self::Step(number, function, place, from) => {
                write!(f, "Task-{number}")?;
                if let Some(function) = trace::function(function) {
                    write!(f, " ({function})")?;
                }
                match from {
                    Some(from) => write!(f, ", from {}", At(from)),
                    None => write!(f, ", created at {}", At(place)),
                }
            }
        }
    }
}
