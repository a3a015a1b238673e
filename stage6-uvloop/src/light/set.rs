//! The tasks of a scope, and the queue of those that are ready.

#![expect(unsafe_code, reason = "the running set is a pointer: each wake asks for it")]

use std::cell::{Cell, OnceCell, RefCell, UnsafeCell};
use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::mem;
use std::ptr::NonNull;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;
use stage5_asyncio::events::TimerHandle;
use stage5_asyncio::get_running_loop;

use super::inbox::Inbox;
use super::join::JoinHandle;
use super::task::Task;
use super::timers::Timers;
use super::waker::{Id, MAIN, NUMBERS, SETS};

thread_local! {
    /// Filled by new sets; a set leaves when its scope is dropped.
    static MINE: RefCell<Vec<Rc<Set>>> = const { RefCell::new(Vec::new()) };

    /// Set for the length of a scope's poll.
    static RUNNING: Cell<Option<NonNull<Set>>> = const { Cell::new(None) };
}

/// By the numbers of the sets: for threads on which they are not.
static INBOXES: Mutex<BTreeMap<u32, Arc<Inbox>>> = Mutex::new(BTreeMap::new());

pub(super) struct Set {
    /// For whoever wants to keep it.
    this: Weak<Self>,
    number: u32,
    /// Lent out by `lists`, and by nobody else.
    lists: UnsafeCell<Lists>,
    main_is_queued: Cell<bool>,
    /// How many tasks there were so far.
    spawned: Cell<u32>,
    inbox: Arc<Inbox>,
    /// Who polls the scope; woken by the first wake that finds the queue empty.
    outer: RefCell<Waker>,
    /// Set while the scope is polled: then nobody has to wake it.
    is_running: Cell<bool>,
    pub(super) timers: RefCell<Timers>,
    /// When the timers' time began: set by the first who asks for it.
    epoch: OnceCell<Instant>,
    /// What the loop was asked to wake the scope for, by the timers' time.
    alarm: Cell<Option<(u64, TimerHandle)>>,
}

struct Lists {
    /// Filled by `spawn`; a task leaves after its last step.
    tasks: Slab<Task>,
    /// Those that are ready, the first first. Filled by wakes; emptied by the scope.
    ready: VecDeque<Next>,
}

/// Whoever is to take a step.
pub(super) enum Next {
    Main,
    Task(Task),
}

/// Asks the set of the scope that is running.
///
/// # Panics
///
/// Panics when none is.
#[inline]
#[track_caller]
pub(super) fn with_running<R>(ask: impl FnOnce(&Set) -> R) -> R {
    let set = RUNNING.get().expect(
        "no scope of light tasks is running here: this belongs in `light::scope` or `light::run`",
    );
    // SAFETY: `Running` has put it there and takes it away, and keeps the set alive meanwhile.
    ask(unsafe { set.as_ref() })
}

/// Has a task stepped, whichever set and thread it is on.
#[inline]
pub(super) fn wake(id: Id) {
    let is_its = |set: &&Rc<Set>| set.number == id.set();
    // SAFETY: as in `with_running`.
    if let Some(set) = RUNNING.get().map(|set| unsafe { set.as_ref() })
        && set.number == id.set()
    {
        set.wake(id);
        return;
    }
    let here = MINE.try_with(|sets| {
        let sets = sets.borrow();
        sets.iter().find(is_its).map(|set| set.wake(id))
    });
    if let Ok(Some(outer)) = here {
        outer.into_iter().for_each(Waker::wake);
    } else {
        let inbox = inboxes().get(&id.set()).cloned();
        inbox.into_iter().for_each(|it| it.wake(id));
    }
}

impl Set {
    /// One that can be woken from now on.
    pub(super) fn open() -> Rc<Self> {
        let inbox = Arc::new(Inbox::new());
        let set = Rc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            number: number_for(&inbox),
            lists: UnsafeCell::new(Lists {
                tasks: Slab::new(),
                ready: VecDeque::from([Next::Main]),
            }),
            main_is_queued: Cell::new(true),
            spawned: Cell::new(0),
            inbox,
            outer: RefCell::new(Waker::noop().clone()),
            is_running: Cell::new(false),
            timers: RefCell::default(),
            epoch: OnceCell::new(),
            alarm: Cell::new(None),
        });
        MINE.with_borrow_mut(|sets| sets.push(Rc::clone(&set)));
        set
    }

    /// Lends the lists out for a moment.
    ///
    /// # Safety
    ///
    /// `work` may not come back here: it calls nothing but the lists' own methods, and those that
    /// count the owners of a task without dropping the last.
    #[inline]
    unsafe fn lists<R>(&self, work: impl FnOnce(&mut Lists) -> R) -> R {
        // SAFETY: nobody else has them, for `work` does not come back here.
        work(unsafe { &mut *self.lists.get() })
    }

    /// Puts a new task at the end of the queue.
    pub(super) fn spawn<T: 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
    ) -> JoinHandle<T> {
        let number = self.spawned.get();
        self.spawned.set((number + 1) % NUMBERS);
        // SAFETY: nothing else is called.
        let place = unsafe { self.lists(|lists| lists.tasks.vacant_key()) };
        let place = u32::try_from(place).ok().filter(|place| *place < MAIN);
        let place = place.expect("so many tasks have no room");
        let task = Task::new(Id::new(self.number, number, place), future);
        let (listed, next) = (task.clone(), Next::Task(task.clone()));
        let enter = |lists: &mut Lists| {
            lists.tasks.insert(listed);
            lists.ready.push_back(next);
        };
        // SAFETY: nothing else is called.
        unsafe { self.lists(enter) };
        // SAFETY: `T` is what the future gives.
        unsafe { JoinHandle::new(task) }
    }

    /// Queues it, if it is there and not queued yet. Gives whom to wake, if the scope does not
    /// know.
    #[inline]
    fn wake(&self, id: Id) -> Option<Waker> {
        let queue = |lists: &mut Lists| {
            let next = if id.place() == MAIN {
                (!self.main_is_queued.replace(true)).then_some(Next::Main)?
            } else {
                let task = lists.tasks.get(id.place() as usize)?;
                if task.id != id || task.is_queued.replace(true) {
                    return None;
                }
                Next::Task(task.clone())
            };
            lists.ready.push_back(next);
            Some(lists.ready.len() == 1)
        };
        // SAFETY: nothing else is called, and nothing is dropped.
        let is_first = unsafe { self.lists(queue) }?;
        (is_first && !self.is_running.get()).then(|| self.outer.borrow().clone())
    }

    /// Makes this the running set, and `outer` the one to be woken, until what it gives is
    /// dropped. Then it takes in what happened outside meanwhile.
    pub(super) fn enter(self: &Rc<Self>, outer: &Waker) -> Running<'_> {
        if !self.outer.borrow().will_wake(outer) {
            self.inbox.wakes(outer.clone());
            let before = self.outer.replace(outer.clone());
            drop(before);
        }
        self.is_running.set(true);
        let this = Some(NonNull::from(&**self));
        let running = Running { set: self, before: RUNNING.replace(this) };
        self.inbox.take().into_iter().for_each(|id| drop(self.wake(id)));
        self.ring();
        running
    }

    /// Whoever is next.
    #[inline]
    pub(super) fn next(&self) -> Option<Next> {
        // SAFETY: nothing else is called.
        let next = unsafe { self.lists(|lists| lists.ready.pop_front()) };
        if let Some(Next::Main) = next {
            self.main_is_queued.set(false);
        }
        next
    }

    /// Takes a task that is done off the list.
    #[inline]
    pub(super) fn leave(&self, task: &Task) {
        let place = task.id.place() as usize;
        // SAFETY: nothing else is called.
        let listed = unsafe { self.lists(|lists| lists.tasks.try_remove(place)) };
        drop(listed);
    }

    /// Wakes the main future.
    pub(super) fn main_waker(&self) -> Waker {
        Id::new(self.number, 0, MAIN).waker()
    }

    /// Sees to it that the scope is polled again when somebody can go on.
    pub(super) fn rest(&self, outer: &Waker) {
        // SAFETY: nothing else is called.
        if unsafe { self.lists(|lists| lists.ready.is_empty()) } {
            self.set_alarm();
        } else {
            outer.wake_by_ref();
        }
    }

    /// Another owner of it.
    pub(super) fn keep(&self) -> Rc<Self> {
        self.this.upgrade().expect("it is there")
    }

    /// The time by the clock of the loop, in nanoseconds.
    pub(super) fn now(&self) -> u64 {
        let now = get_running_loop().time();
        let epoch = *self.epoch.get_or_init(|| now);
        nanoseconds(now.saturating_duration_since(epoch))
    }

    /// Wakes those whose time has come.
    fn ring(&self) {
        if self.timers.borrow().next().is_none() {
            return;
        }
        let due = self.timers.borrow_mut().advance(self.now());
        due.into_iter().for_each(Waker::wake);
    }

    /// Has the loop wake the scope for the first timer.
    fn set_alarm(&self) {
        let next = self.timers.borrow().next();
        let alarm = self.alarm.take();
        if alarm.as_ref().map(|(when, _)| *when) == next {
            return self.alarm.set(alarm);
        }
        alarm.into_iter().for_each(|(_, handle)| handle.cancel());
        let Some(next) = next else { return };
        let outer = self.outer.borrow().clone();
        let epoch = self.epoch.get().expect("a timer has asked for the time");
        let when = epoch.checked_add(Duration::from_nanos(next));
        let handle = get_running_loop().call_at(when, move || outer.wake());
        self.alarm.set(Some((next, handle)));
    }

    /// Drops every task that is left. They may leave wakes behind, which are for nobody.
    pub(super) fn close(&self) {
        inboxes().remove(&self.number);
        let mine = MINE.try_with(|sets| {
            let mut sets = sets.borrow_mut();
            let place = sets.iter().position(|it| it.number == self.number)?;
            Some(sets.swap_remove(place))
        });
        let left = |lists: &mut Lists| {
            (mem::take(&mut lists.tasks), mem::take(&mut lists.ready))
        };
        // SAFETY: nothing else is called.
        let (tasks, ready) = unsafe { self.lists(left) };
        drop(ready);
        tasks.into_iter().for_each(|(_, task)| task.abandon());
        self.alarm.take().into_iter().for_each(|(_, handle)| handle.cancel());
        drop(mine);
    }
}

/// Makes a set the running one. Dropped, it gives the thread back to the set before.
pub(super) struct Running<'a> {
    set: &'a Rc<Set>,
    before: Option<NonNull<Set>>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.set.is_running.set(false);
        RUNNING.set(self.before);
    }
}

/// As many as fit: some five hundred years.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A number that no other set has, under which others find the inbox.
fn number_for(inbox: &Arc<Inbox>) -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut inboxes = inboxes();
    assert!(inboxes.len() < SETS as usize, "so many scopes have no room");
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % SETS;
        if let Entry::Vacant(free) = inboxes.entry(number) {
            free.insert(Arc::clone(inbox));
            return number;
        }
    }
}

fn inboxes() -> MutexGuard<'static, BTreeMap<u32, Arc<Inbox>>> {
    INBOXES.lock().unwrap_or_else(PoisonError::into_inner)
}
