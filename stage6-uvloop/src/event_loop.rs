//! The fast loop: it looks at the world only every so often.
//!
//! asyncio's loop, and stage 5's, asks the selector once in every turn. A turn may be one step of
//! one task, and then the question costs more than the step. Here, turn follows turn until the
//! queue is empty or [`STEPS`] steps were taken, and only then the world is asked. Nobody notices
//! but a socket, which waits a few microseconds longer on a busy day.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use reactor::{Reactor, trace};
use stage5_asyncio::events::{AbstractEventLoop, Ready};
use stage5_asyncio::extras::deadlock::{Watch, watch};
use stage5_asyncio::extras::remote::Remote;

/// How many steps may be taken before the world is asked again. To ask costs some hundred
/// nanoseconds, a step some ten: so it is a tenth of the time on a loop that is never idle.
pub const STEPS: usize = 64;

/// One thread, one queue, one reactor.
#[derive(Debug)]
pub struct FastEventLoop {
    /// Filled by `push`; emptied by `run_ready`.
    ready: RefCell<VecDeque<Ready>>,
    /// Filled by other threads; emptied by `wait`.
    remote: Arc<Remote>,
    /// Set by `stop`; taken at the end of a turn.
    is_stopping: Cell<bool>,
    reactor: Reactor<Ready>,
    /// Filled by the reactor and emptied in the same `wait`; kept only for its allocation.
    handed_back: RefCell<Vec<Ready>>,
}

impl FastEventLoop {
    /// One over `reactor`.
    pub fn new(reactor: Reactor<Ready>) -> Self {
        let remote = Arc::new(Remote::new(reactor.waker()));
        let (ready, is_stopping, handed_back) = Default::default();
        Self { ready, remote, is_stopping, reactor, handed_back }
    }

    /// Turn after turn, until somebody stops it, nobody is ready, or it is time to look at the
    /// world. `false`: it was stopped.
    fn turns(&self) -> bool {
        let mut steps = 0;
        while steps < STEPS {
            steps += self.run_ready().max(1);
            if self.is_stopping.take() {
                return false;
            }
            if !self.is_busy() {
                break;
            }
        }
        true
    }

    /// One turn: whoever is ready by now is run, first come, first served. What they queue is
    /// for the next turn. Gives how many there were.
    fn run_ready(&self) -> usize {
        let _turn = trace::turn();
        let now = self.ready.borrow().len();
        for _ in 0..now {
            let next = self.ready.borrow_mut().pop_front();
            // A callback may have closed the loop: then the queue is empty.
            let Some(next) = next else { break };
            next.run();
        }
        now
    }

    fn is_busy(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// Sleeps in the reactor until somebody is ready, then queues whoever can go on.
    fn wait(&self) -> io::Result<()> {
        let is_busy = self.is_busy() || self.is_stopping.get();
        let watch = if is_busy { Watch::busy() } else { watch()? };
        let mut handed_back = self.handed_back.take();
        let slept = self.reactor.select(watch.patience(), &mut handed_back);
        drop(watch);
        for ready in handed_back.drain(..) {
            ready.handed_back(self);
        }
        self.handed_back.replace(handed_back);
        self.remote.hear(self);
        slept
    }
}

impl AbstractEventLoop for FastEventLoop {
    fn push(&self, next: Ready) {
        self.ready.borrow_mut().push_back(next);
    }

    fn run_forever(&self) -> io::Result<()> {
        // Whoever was woken from outside while the loop stood still is ready now.
        self.remote.hear(self);
        loop {
            self.wait()?;
            if !self.turns() {
                return Ok(());
            }
        }
    }

    fn stop(&self) {
        self.is_stopping.set(true);
    }

    fn take_all(&self) -> Vec<Ready> {
        self.ready.take().into()
    }

    fn queued(&self) -> usize {
        self.ready.borrow().len()
    }

    fn reactor(&self) -> &Reactor<Ready> {
        &self.reactor
    }

    fn remote(&self) -> &Arc<Remote> {
        &self.remote
    }
}
