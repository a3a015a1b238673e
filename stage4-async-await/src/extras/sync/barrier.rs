//! Where tasks wait until as many have come as are needed, and then all go on.

use std::cell::Cell;
use std::error::Error;
use std::fmt;

use reactor::trace;

use crate::extras::queue::{Counter, Queue, Queued};

/// Holds tasks back until there are enough of them: Python's `asyncio.Barrier`. It can be
/// used again at once, by the next round.
///
/// ```
/// use stage4_async_await::{extras::sync::Barrier, run, spawn};
/// use std::rc::Rc;
///
/// # fn main() -> std::io::Result<()> {
/// run(async {
///     let barrier = Rc::new(Barrier::new(2));
///     let theirs = Rc::clone(&barrier);
///     let other = spawn(async move { theirs.wait().await });
///     let mut places = [barrier.wait().await.unwrap(), other.await.unwrap()];
///     places.sort();
///     assert_eq!(places, [0, 1]);
/// })
/// # }
/// ```
pub struct Barrier {
    parties: usize,
    /// Set by `abort`, cleared by `reset`.
    is_broken: Cell<bool>,
    queue: Queue<Result<usize, Broken>>,
}

/// The barrier was aborted, or was reset while somebody waited.
#[doc(alias = "BrokenBarrierError")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Barrier {
    /// A barrier for that many.
    ///
    /// # Panics
    ///
    /// Panics if that is nobody.
    pub fn new(parties: usize) -> Self {
        assert!(parties > 0, "a barrier for nobody would never open");
        Self { parties, is_broken: Cell::new(false), queue: Queue::new() }
    }

    /// Waits for the others. Each gets a number of its own, in the order in which they came;
    /// the last one, who does not wait, has the greatest.
    ///
    /// Whoever is cancelled while it waits does not count as having come.
    ///
    /// # Errors
    ///
    /// [`Broken`] once the barrier is.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = Result<usize, Broken>> {
        let at = trace::Place::here();
        async move {
            if self.is_broken() {
                return Err(Broken);
            }
            let last = self.parties - 1;
            if self.queue.len() < last {
                return Queued::new(self, at).await;
            }
            let mut numbers = 0..;
            self.queue.serve_all(|| Ok(numbers.next().expect("there is no end to them")));
            Ok(last)
        }
    }

    /// Breaks it for everybody, now and later, until it is reset.
    #[track_caller]
    pub fn abort(&self) {
        self.is_broken.set(true);
        self.queue.serve_all(|| Err(Broken));
    }

    /// Makes it as good as new. For whoever waits at the moment it is broken.
    #[track_caller]
    pub fn reset(&self) {
        self.is_broken.set(false);
        self.queue.serve_all(|| Err(Broken));
    }

    /// Whether it has been aborted.
    pub fn is_broken(&self) -> bool {
        self.is_broken.get()
    }

    /// How many wait.
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

impl Counter for Barrier {
    type Ware = Result<usize, Broken>;
    const NAME: &'static str = "a barrier";

    fn queue(&self) -> &Queue<Result<usize, Broken>> {
        &self.queue
    }

    /// The round is over for the others all the same.
    fn take_back(&self, _: Result<usize, Broken>) {}
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (waiting, is_broken) = (self.waiting(), self.is_broken());
        f.debug_struct("Barrier")
            .field("parties", &self.parties)
            .field("waiting", &waiting)
            .field("broken", &is_broken)
            .finish()
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the barrier is broken")
    }
}

impl Error for Broken {}
