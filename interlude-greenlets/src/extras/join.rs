//! Waiting for the end of a greenlet: by several, for several, and not for ever.

use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use crate::event_loop::GreenletId;
use crate::extras::async_result::AsyncResult;
use crate::extras::current::current;
use crate::extras::deadlock::What;
use crate::extras::errors::failure_of;
use crate::extras::event::Event;
use crate::extras::unwinding::wait_for_good;
use crate::extras::waiters::{Several, Waiters};
use crate::failure::{Failure, GreenletExit};
use crate::task::JoinHandle;
use crate::time::timeout;

/// What [`wait`], [`iwait`] and [`joinall`] wait for: greenlets, events, results.
pub trait Waitable: sealed::HasWaiters {
    /// Whether there is nothing to wait for any more.
    #[doc(alias = "ready")]
    fn is_ready(&self) -> bool;
}

mod sealed {
    use crate::extras::waiters::Waiters;

    pub trait HasWaiters {
        /// Who is woken when it is ready.
        fn waiters(&self) -> &Waiters;
    }
}

impl<T> JoinHandle<T> {
    /// Waits for the end of the greenlet, and leaves its result where it is: so any number
    /// of greenlets can wait for one. It is what gevent calls `join`.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread.
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_finished() {
            self.wait_for_end().unwrap_or_else(|exit| wait_for_good(exit));
        }
    }

    /// Waits no longer than `duration`, and says whether it has ended. The greenlet itself
    /// does not notice.
    ///
    /// # Panics
    ///
    /// As [`wait`](Self::wait).
    #[doc(alias = "join(timeout)")]
    #[track_caller]
    pub fn wait_timeout(&self, duration: Duration) -> bool {
        self.is_finished() || timeout(duration, || self.wait()).is_ok()
    }
}

impl<T> JoinHandle<T> {
    /// Whether it has ended, and that was no failure. To be killed is none.
    #[doc(alias = "successful")]
    pub fn is_successful(&self) -> bool {
        self.is_finished() && self.failure().is_none_or(|it| it.is::<GreenletExit>())
    }

    /// What it died of, if it did: [`GreenletExit`] if it was killed; for a panic, what it said.
    #[doc(alias = "exception")]
    pub fn failure(&self) -> Option<Failure> {
        let failure = |end: &thread::Result<T>| Some(failure_of(&**end.as_ref().err()?));
        self.state.look_at(failure).flatten()
    }
}

impl<T: Clone> JoinHandle<T> {
    /// Waits for the greenlet, and gives a copy of what it returned, to everybody who asks.
    ///
    /// ```
    /// use interlude_greenlets::{run, spawn};
    /// use std::rc::Rc;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// run(|| {
    ///     let price = Rc::new(spawn(|| 12));
    ///     let asked = [1, 2].map(|n| {
    ///         let price = Rc::clone(&price);
    ///         spawn(move || n * price.get().unwrap())
    ///     });
    ///     assert_eq!(asked.map(|it| it.join().unwrap()), [12, 24]);
    /// })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The failure it died of, to everybody who asks; for a panic, what it said.
    ///
    /// # Panics
    ///
    /// Panics when it has to wait and no loop is running on this thread, and when somebody
    /// has taken the result away.
    #[track_caller]
    pub fn get(&self) -> Result<T, Failure> {
        self.wait();
        let copy = self.state.look_at(|end| match end {
            Ok(value) => Ok(value.clone()),
            Err(panic) => Err(failure_of(&**panic)),
        });
        copy.expect("nobody has taken the result away")
    }
}

/// Waits until all of `objects` are ready, but no longer than `duration` if there is one, and
/// gives the places of those that are, in the order in which they became so.
///
/// # Panics
///
/// Panics when it has to wait and no loop is running on this thread.
///
/// ```
/// use interlude_greenlets::extras::join::joinall;
/// use interlude_greenlets::time::sleep;
/// use interlude_greenlets::{run, spawn};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let order = run(|| {
///     let slow = spawn(|| sleep(Duration::from_millis(2)));
///     let fast = spawn(|| sleep(Duration::from_millis(1)));
///     joinall(&[&slow, &fast], None)
/// })?;
/// assert_eq!(order, [1, 0]);
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn joinall(objects: &[&dyn Waitable], duration: Option<Duration>) -> Vec<usize> {
    wait(objects, duration, None)
}

/// The same, but no more than `count` of them, if that is said.
///
/// ```
/// use interlude_greenlets::extras::join::wait;
/// use interlude_greenlets::time::sleep;
/// use interlude_greenlets::{run, spawn};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let first = run(|| {
///     let mirrors = [2, 1, 3].map(|n| spawn(move || sleep(Duration::from_millis(n))));
///     let first = wait(&[&mirrors[0], &mirrors[1], &mirrors[2]], None, Some(1));
///     mirrors.iter().for_each(|it| it.kill());
///     first
/// })?;
/// assert_eq!(first, [1]);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// As [`joinall`].
#[track_caller]
pub fn wait(
    objects: &[&dyn Waitable],
    duration: Option<Duration>,
    count: Option<usize>,
) -> Vec<usize> {
    iwait(objects, duration).take(count.unwrap_or(usize::MAX)).collect()
}

/// The places of `objects`, one by one, as they become ready, until all are, or until
/// `duration` is over. Those that are ready already come first.
///
/// ```
/// use interlude_greenlets::extras::join::iwait;
/// use interlude_greenlets::time::sleep;
/// use interlude_greenlets::{run, spawn};
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// run(|| {
///     let pages = [2, 1].map(|n| spawn(move || sleep(Duration::from_millis(n))));
///     let mut order = Vec::new();
///     for place in iwait(&[&pages[0], &pages[1]], None) {
///         assert!(pages[place].is_finished()); // and the other goes on meanwhile
///         order.push(place);
///     }
///     assert_eq!(order, [1, 0]);
/// })
/// # }
/// ```
///
/// # Panics
///
/// As [`joinall`], when the next is asked for.
#[track_caller]
pub fn iwait<'a>(objects: &[&'a dyn Waitable], duration: Option<Duration>) -> IWait<'a> {
    let several = Rc::new(Several::default());
    let mut places = VecDeque::new();
    for (number, object) in objects.iter().enumerate() {
        if object.is_ready() {
            several.ready.borrow_mut().push_back(number);
        } else {
            let waiters = object.waiters();
            places.push_back((waiters, waiters.tell(&several, number)));
        }
    }
    let until = duration.and_then(|it| current().reactor.after(it));
    IWait { several, places, left: objects.len(), until }
}

/// What [`iwait`] gives.
pub struct IWait<'a> {
    several: Rc<Several>,
    /// Where it stands. Dropped, the places are given up.
    places: VecDeque<(&'a Waiters, GreenletId)>,
    left: usize,
    until: Option<Instant>,
}

impl IWait<'_> {
    fn wait(&self) -> bool {
        let wait = || {
            let turn = self.several.waiters.wait(What::Several);
            turn.unwrap_or_else(|exit| wait_for_good(exit));
        };
        let Some(until) = self.until else {
            wait();
            return true;
        };
        let left = until.saturating_duration_since(current().reactor.now());
        !left.is_zero() && timeout(left, wait).is_ok()
    }
}

impl Iterator for IWait<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let ready = || self.several.ready.borrow_mut().pop_front();
        let number = loop {
            if let Some(number) = ready() {
                break number;
            }
            if self.left == 0 || !self.wait() {
                return ready();
            }
        };
        self.left -= 1;
        Some(number)
    }
}

impl Drop for IWait<'_> {
    fn drop(&mut self) {
        for (waiters, id) in self.places.drain(..) {
            waiters.forget(id);
        }
    }
}

impl fmt::Debug for IWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IWait").field("left", &self.left).finish()
    }
}

/// Waits for all, and gives what they returned, in their order: gevent's
/// `joinall(raise_error=True)`.
///
/// ```
/// use interlude_greenlets::extras::join::get_all;
/// use interlude_greenlets::{run, spawn};
///
/// # fn main() -> std::io::Result<()> {
/// let squares = run(|| get_all((1..=3).map(|n| spawn(move || n * n)).collect()).unwrap())?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// What the first of them that fails dies of, as soon as it does. The others go on.
///
/// # Panics
///
/// As [`joinall`].
#[track_caller]
pub fn get_all<T>(mut handles: Vec<JoinHandle<T>>) -> thread::Result<Vec<T>> {
    let all: Vec<&dyn Waitable> = handles.iter().map(|it| it as &dyn Waitable).collect();
    let failed = iwait(&all, None).find(|number| handles[*number].has_failed());
    if let Some(number) = failed {
        handles.swap(0, number);
    }
    handles.into_iter().map(JoinHandle::join).collect()
}

impl<T> sealed::HasWaiters for JoinHandle<T> {
    fn waiters(&self) -> &Waiters {
        &self.state.joining
    }
}

impl<T> Waitable for JoinHandle<T> {
    fn is_ready(&self) -> bool {
        self.is_finished()
    }
}

impl sealed::HasWaiters for Event {
    fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}

impl Waitable for Event {
    fn is_ready(&self) -> bool {
        self.is_set()
    }
}

impl<T> sealed::HasWaiters for AsyncResult<T> {
    fn waiters(&self) -> &Waiters {
        &self.arrived.waiters
    }
}

impl<T> Waitable for AsyncResult<T> {
    fn is_ready(&self) -> bool {
        self.arrived.is_set()
    }
}
