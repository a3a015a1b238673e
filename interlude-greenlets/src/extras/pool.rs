//! Greenlets that belong together: a group, and a pool, which is a group that can be full.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use crate::event_loop::spawn;
use crate::extras::deadlock::What;
use crate::extras::event::Event;
use crate::extras::join::{Waitable, joinall};
use crate::sync::Semaphore;
use crate::task::JoinHandle;
use crate::time::{Elapsed, timeout};

/// Greenlets that are waited for, and killed, together. One that ends leaves by itself.
///
/// ```
/// use interlude_greenlets::extras::pool::Group;
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// let sum = interlude_greenlets::run(|| {
///     let (group, sum) = (Group::default(), Rc::new(Cell::new(0)));
///     for n in 1..=3 {
///         let sum = Rc::clone(&sum);
///         group.spawn(move || sum.set(sum.get() + n));
///     }
///     group.join();
///     sum.get()
/// })?;
/// assert_eq!(sum, 6);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Group(Rc<Members>);

#[derive(Default)]
struct Members {
    /// By the numbers of the greenlets: filled by `spawn`; emptied as they end.
    handles: RefCell<BTreeMap<u32, Rc<dyn Member>>>,
    /// Set when the last has ended; cleared when one is spawned.
    empty: Event,
}

/// A greenlet of a group, whatever it returns.
trait Member: Waitable {
    fn kill(&self);
}

impl<T> Member for JoinHandle<T> {
    fn kill(&self) {
        JoinHandle::kill(self);
    }
}

impl Group {
    /// Starts a greenlet in the group.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        body: impl FnOnce() -> T + 'static,
    ) -> Rc<JoinHandle<T>> {
        self.add(spawn(body), || {})
    }

    /// How many have not ended.
    pub fn len(&self) -> usize {
        self.0.handles.borrow().len()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until all have ended, those too that are spawned meanwhile.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn join(&self) {
        while !self.is_empty() {
            self.0.empty.wait();
        }
    }

    /// Kills all that are in it, and waits until they have ended.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when they have not, after `duration`.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join).
    #[track_caller]
    pub fn kill(&self, duration: Option<Duration>) -> Result<(), Elapsed> {
        let members: Vec<_> = self.0.handles.borrow().values().cloned().collect();
        members.iter().for_each(|it| it.kill());
        let all: Vec<_> = members.iter().map(|it| &**it as &dyn Waitable).collect();
        let ended = joinall(&all, duration).len();
        if ended == all.len() { Ok(()) } else { Err(Elapsed) }
    }

    /// Calls `body` with each of `items`, in a greenlet each, and gives what they return, in
    /// the order of the items.
    ///
    /// # Errors
    ///
    /// The first failure in that order, without waiting for those after it, which go on.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join).
    #[track_caller]
    pub fn map<A: 'static, R: 'static>(
        &self,
        items: impl IntoIterator<Item = A>,
        body: impl Fn(A) -> R + 'static,
    ) -> thread::Result<Vec<R>> {
        let body = Rc::new(body);
        let start = |item| {
            let body = Rc::clone(&body);
            self.spawn(move || body(item))
        };
        results(items.into_iter().map(start).collect())
    }

    /// Keeps a greenlet until it has ended, and calls `ended` then.
    fn add<T: 'static>(
        &self,
        handle: JoinHandle<T>,
        ended: impl FnOnce() + 'static,
    ) -> Rc<JoinHandle<T>> {
        let number = handle.greenlet.0.name.number;
        let handle = Rc::new(handle);
        let member = Rc::clone(&handle);
        self.0.handles.borrow_mut().insert(number, member);
        self.0.empty.clear();
        let group = self.clone();
        handle.at_the_end(move || {
            let left = group.0.handles.borrow_mut().remove(&number);
            if group.is_empty() {
                group.0.empty.set();
            }
            ended();
            drop(left);
        });
        handle
    }
}

/// Waits for one after the other. The group keeps none that has ended.
fn results<R>(handles: Vec<Rc<JoinHandle<R>>>) -> thread::Result<Vec<R>> {
    let result = |handle: Rc<JoinHandle<R>>| {
        handle.wait();
        handle.state.end.take().expect("it has ended, and nobody else asks")
    };
    handles.into_iter().map(result).collect()
}

/// So many greenlets at once: whoever wants to spawn another waits until one has ended.
///
/// ```
/// use interlude_greenlets::extras::pool::Pool;
///
/// # fn main() -> std::io::Result<()> {
/// let doubled = interlude_greenlets::run(|| {
///     let pool = Pool::new(2); // two at a time
///     pool.map(1..=4, |n| 2 * n).unwrap()
/// })?;
/// assert_eq!(doubled, [2, 4, 6, 8]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Pool {
    group: Group,
    room: Rc<Semaphore>,
    size: usize,
}

impl Pool {
    /// A pool with room for so many.
    pub fn new(size: usize) -> Self {
        Self { group: Group::default(), room: Rc::new(Semaphore::new(size)), size }
    }

    /// Starts a greenlet, as soon as there is room.
    ///
    /// # Panics
    ///
    /// Panics when no loop is running on this thread.
    #[track_caller]
    pub fn spawn<T: 'static>(
        &self,
        body: impl FnOnce() -> T + 'static,
    ) -> Rc<JoinHandle<T>> {
        self.room.enter(What::Pool);
        self.start(body)
    }

    /// Starts it if there is room now.
    ///
    /// ```
    /// use interlude_greenlets::extras::pool::Pool;
    /// use interlude_greenlets::time::sleep;
    /// use std::time::Duration;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// interlude_greenlets::run(|| {
    ///     let pool = Pool::new(1);
    ///     let first = pool.spawn(|| sleep(Duration::from_secs(3600)));
    ///     assert!(pool.try_spawn(|| {}).is_none()); // it is full
    ///     first.kill_and_wait();
    ///     assert!(pool.try_spawn(|| {}).is_some());
    ///     pool.join(); // until it is empty
    /// })
    /// # }
    /// ```
    #[track_caller]
    pub fn try_spawn<T: 'static>(
        &self,
        body: impl FnOnce() -> T + 'static,
    ) -> Option<Rc<JoinHandle<T>>> {
        if self.room.try_enter() { Some(self.start(body)) } else { None }
    }

    /// Starts it, waits for it, and gives what it returns.
    ///
    /// # Errors
    ///
    /// As [`JoinHandle::join`].
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn apply<T: 'static>(
        &self,
        body: impl FnOnce() -> T + 'static,
    ) -> thread::Result<T> {
        let all = results(vec![self.spawn(body)])?;
        Ok(all.into_iter().next().expect("there is one for each"))
    }

    /// As [`Group::map`], so many at once.
    ///
    /// # Errors
    ///
    /// As [`Group::map`].
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn map<A: 'static, R: 'static>(
        &self,
        items: impl IntoIterator<Item = A>,
        body: impl Fn(A) -> R + 'static,
    ) -> thread::Result<Vec<R>> {
        let body = Rc::new(body);
        let start = |item| {
            let body = Rc::clone(&body);
            self.spawn(move || body(item))
        };
        results(items.into_iter().map(start).collect())
    }

    /// Waits until there is room, no longer than `duration`; and whether there is. Somebody
    /// else may take it before you do.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn).
    #[track_caller]
    pub fn wait_available(&self, duration: Duration) -> bool {
        let permit = timeout(duration, || self.room.acquire());
        permit.is_ok()
    }

    /// How many may be spawned without waiting.
    pub fn free_count(&self) -> usize {
        self.size - self.len()
    }

    /// How many have not ended.
    pub fn len(&self) -> usize {
        self.group.len()
    }

    /// Whether all have ended.
    pub fn is_empty(&self) -> bool {
        self.group.is_empty()
    }

    /// As [`Group::join`].
    ///
    /// # Panics
    ///
    /// As [`Group::join`].
    #[track_caller]
    pub fn join(&self) {
        self.group.join();
    }

    /// As [`Group::kill`]. Whoever waits for room then gets it.
    ///
    /// # Errors
    ///
    /// As [`Group::kill`].
    ///
    /// # Panics
    ///
    /// As [`Group::kill`].
    #[track_caller]
    pub fn kill(&self, duration: Option<Duration>) -> Result<(), Elapsed> {
        self.group.kill(duration)
    }

    fn start<T: 'static>(&self, body: impl FnOnce() -> T + 'static) -> Rc<JoinHandle<T>> {
        let room = Rc::clone(&self.room);
        self.group.add(spawn(body), move || room.release())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("len", &self.len()).finish()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, .. } = self;
        f.debug_struct("Pool").field("size", size).field("len", &self.len()).finish()
    }
}
