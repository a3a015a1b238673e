//! A bridge to whatever is woken by a `Waker`: futures of std, and other threads.

use std::mem;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use reactor::{Reactor, wake};

use crate::event_loop::GreenletId;
use crate::extras::current::current;
use crate::extras::deadlock::What;
use crate::extras::unwinding::wait_for_good;

/// Waits for a std future, as if it were a call that blocks. Any thread may wake it.
///
/// ```
/// use interlude_greenlets::{block_on, run};
///
/// # fn main() -> std::io::Result<()> {
/// let sum = run(|| block_on(async { 1 + std::future::ready(1).await }))?;
/// assert_eq!(sum, 2);
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Panics when no loop is running on this thread, and on a stack that is being unwound.
#[doc(alias("async_", "call_soon_threadsafe"))]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let (event_loop, mut future) = (current(), pin!(future));
    loop {
        let wait = event_loop.expect_wake(What::Future);
        let waker = event_loop.woken.waker(wait.id);
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if let Poll::Ready(output) = poll {
            return output;
        }
        drop(waker); // whoever is going to wake us has a clone
        wait.park().unwrap_or_else(|exit| wait_for_good(exit));
    }
}

/// The ids whose wakers were called.
pub(crate) struct Woken {
    queue: Mutex<Vec<GreenletId>>,
    /// How many wakers are kept by somebody.
    outside: AtomicUsize,
    /// Set by the loop before it looks for somebody and sleeps; taken back by whoever ends
    /// the sleep. A loop that is awake looks anyway.
    is_asleep: AtomicBool,
    /// Ends the loop's sleep.
    remote: Waker,
}

impl Woken {
    pub(crate) fn new(reactor: &Reactor<GreenletId>) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            outside: AtomicUsize::default(),
            is_asleep: AtomicBool::default(),
            remote: reactor.waker(),
        })
    }

    /// A waker that makes `id` ready, from any thread.
    fn waker(self: &Arc<Self>, id: GreenletId) -> Waker {
        self.outside.fetch_add(1, Ordering::SeqCst);
        Arc::new(Remote { id, woken: Arc::clone(self) }).into()
    }

    /// Whether the loop may sleep, since nobody has been woken. Whoever is woken after that,
    /// or gives up the last waker, ends the sleep.
    pub(crate) fn may_sleep(&self) -> bool {
        self.is_asleep.store(true, Ordering::SeqCst);
        self.is_empty()
    }

    /// How many wakers are kept by somebody.
    pub(crate) fn outside(&self) -> usize {
        self.outside.load(Ordering::SeqCst)
    }

    /// Whether somebody has been woken and not been taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue().is_empty()
    }

    fn push(&self, id: GreenletId) {
        self.queue().push(id);
        if self.is_asleep.swap(false, Ordering::SeqCst) {
            wake(self.remote.clone());
        }
    }

    pub(crate) fn take(&self) -> Vec<GreenletId> {
        self.is_asleep.store(false, Ordering::SeqCst);
        mem::take(&mut self.queue())
    }

    fn queue(&self) -> MutexGuard<'_, Vec<GreenletId>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Remote {
    id: GreenletId,
    woken: Arc<Woken>,
}

impl Wake for Remote {
    fn wake(self: Arc<Self>) {
        self.woken.push(self.id);
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let Woken { outside, is_asleep, remote, .. } = &*self.woken;
        let is_last = outside.fetch_sub(1, Ordering::SeqCst) == 1;
        if is_last && is_asleep.load(Ordering::SeqCst) {
            wake(remote.clone());
        }
    }
}
